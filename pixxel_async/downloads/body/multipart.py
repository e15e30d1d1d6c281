"""Fetch the rest of one body over several connections, as a multipart download of byte ranges.

Rule 1: a piece counts only if its response is exactly the range that was requested, of the same object (If-Match).
Rule 2: the record has the filled ranges of the part file before a byte is written behind a gap.
Rule 3: a connection that breaks, or is refused, leaves its piece to the others. Only the last one ends the download;
    the next step is decided in `body.py`, as for a single connection.
Rule 4: a refused link ends no piece under way. A response that does not belong to the object ends all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from attrs import define, field

from ..._protocol.storage_answers import classify
from ...errors import ConnectionFailed, TimedOut
from ...settings.constants import PROGRESS_STEP
from ..limits.stall import StallDetected
from ..rules.byte_ranges import Regions, add, gaps, next_piece, size_of
from .piece import Piece
from .rules.multipart import RangeSizes, range_sizes
from .rules.responses import StorageRefusal, classify_refusal
from .rules.resume import Kept, RangeVerdict, piece_headers, read_piece

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from ..._http.streaming import StorageReply
    from ...packages import Link
    from ..disk.parts.part_writer import PartWriter
    from ..item import Item
    from ..limits.connections import BodyConnections
    from ..services import Services

__all__ = ["MultipartDownload"]

NOTE_EVERY = 1
"""Buffers a connection between two notes of the filled ranges in the record, at least."""
NOTE_PERIOD = 0.1
"""Seconds between two notes, at least, unless a piece is complete. After a kill what arrived since the last one is
fetched again."""
STAFF_EVERY = 0.05
"""Seconds between two looks whether there should be more connections. Chosen: a round trip at most."""


class _Ended(Exception):
    """Internal: a response that ends the multipart download."""

    def __init__(self, verdict: RangeVerdict | StorageRefusal) -> None:
        self.verdict = verdict


@define(eq=False, kw_only=True)
class MultipartDownload:
    """Several connections for one body: as many as its share of the budget, each with one piece at a time.

    Args:
        kept: length and strong ETag of the object.
        link: the signed link.
        connections: those of the body.
        most: connections at most, after failures of earlier attempts.
        rate: bytes per second of one connection; 0 while unknown.
        remember: records the filled ranges.
        moved: called after each write.

    Attributes:
        peak: most connections that were open.
    """

    item: Item
    services: Services
    writer: PartWriter
    kept: Kept
    link: Link
    connections: BodyConnections
    most: int
    rate: float
    remember: Callable[[], Awaitable[None]]
    moved: Callable[[], None]
    peak: int = field(init=False, default=0)
    _group: asyncio.TaskGroup = field(init=False, factory=asyncio.TaskGroup)
    _pieces: set[Piece] = field(init=False, factory=set)
    _workers: int = field(init=False, default=0)
    _lost: int = field(init=False, default=0)
    _lost_at: int = field(init=False, default=0)
    _noted: int = field(init=False, default=0)
    _noted_at: float = field(init=False, default=0.0)
    _staffed_at: float = field(init=False, default=0.0)
    _refusal: StorageRefusal | None = field(init=False, default=None)

    async def fetch(
        self, reply: StorageReply | None = None, opened: AsyncExitStack | None = None
    ) -> RangeVerdict | StorageRefusal:
        """Fetch the missing bytes.

        Args:
            reply: a response whose body continues the prefix; its connection is the first one.
            opened: holds that response open.

        Returns:
            the response that ended it; `go on` when nothing is missing.

        Raises:
            ConnectionFailed, TimedOut, StallDetected: the last connection broke.
            DownloadError: a write failed.
        """
        await self.writer.split()
        await self._note()
        errors: tuple[BaseException, ...] = ()
        task = asyncio.current_task()
        cancelled_before = task.cancelling() if task is not None else 0
        try:
            async with self._group:
                first, *others = self._claim_all()
                for piece in others:
                    self._group.create_task(self._work(piece))
                await self._work(first, reply, opened)
        except BaseExceptionGroup as group:
            errors = group.exceptions
        if task is not None and task.cancelling() > cancelled_before:  # until Python 3.13 errors of the group hide it
            raise asyncio.CancelledError
        await self._note()
        # A response of the storage counts more than connections that broke.
        for error in sorted(errors, key=lambda error: not isinstance(error, _Ended)):
            if isinstance(error, _Ended):
                return error.verdict
            raise error
        return self._refusal or RangeVerdict("go on", self.kept.total)

    def _claim_all(self) -> list[Piece]:
        """Claim a piece for each connection that may be added now."""
        self._staffed_at = self.services.timing.clock()
        if self._lost and self.writer.here - self._lost_at >= PROGRESS_STEP:
            self._lost, self._lost_at = self._lost - 1, self.writer.here
        fresh = not self._workers
        demand = max(self._workers + size_of(self._free()) // self._sizes().shortest, 1)
        allowed = max(min(self.connections.share(demand), self.most) - self._lost, 1)
        claimed: list[Piece] = []
        for left in range(allowed - self._workers, 0, -1):
            piece = self._claim(left if fresh else self._workers + left)
            if piece is None:
                break
            claimed.append(piece)
            self._workers += 1
        self.peak = max(self.peak, self._workers)
        return claimed

    def _claim(self, lines: int) -> Piece | None:
        """Claim the next piece, of a size that is fair to so many connections."""
        sizes = self._sizes()
        region = next_piece(self._free(), lines, least=sizes.shortest, most=sizes.longest)
        if region is None:
            return None
        piece = Piece(*region)
        self._pieces.add(piece)
        return piece

    def _extend(self, piece: Piece) -> bool:
        """Extend a piece whose connection can continue, if the following bytes are unclaimed."""
        sizes = self._sizes()
        region = next_piece(self._free(), self._workers, least=sizes.shortest, most=sizes.longest)
        if region is None or region[0] != piece.end or self._refusal is not None:
            return False
        piece.end = region[1]
        return True

    def _free(self) -> Regions:
        """Return the ranges that are neither here nor claimed."""
        taken = [*self.writer.beyond, *((piece.at, piece.end) for piece in self._pieces)]
        return gaps(add(taken, (0, self.writer.size)), self.kept.total or 0)

    def _sizes(self) -> RangeSizes:
        rate = self.connections.rate or self.rate
        return range_sizes(rate, self.connections.rtt, self.item.constants.least_range)

    async def _work(
        self, piece: Piece | None, reply: StorageReply | None = None, opened: AsyncExitStack | None = None
    ) -> None:
        """Fetch one piece after the other until none is left, or the connection is needed elsewhere."""
        try:
            while piece is not None:
                try:
                    if not await self._fetch_piece(piece, reply, opened):
                        return
                finally:
                    self._pieces.discard(piece)
                reply = opened = None
                piece = self._next()
        except (ConnectionFailed, TimedOut, StallDetected):
            if self._workers == 1:
                raise
            self._lose()

    def _next(self) -> Piece | None:
        """Claim a connection's next piece; None if it has to end."""
        share = max(min(self.connections.share(self._workers), self.most), 1)
        piece = self._claim(self._workers) if self._refusal is None and self._workers <= share else None
        if piece is None:
            self._workers -= 1
        return piece

    def _lose(self) -> None:
        """Leave the work of a connection to the others; it is replaced after some progress."""
        self._workers -= 1
        self._lost, self._lost_at = self._lost + 1, self.writer.here

    def _give_up(self) -> bool:
        """Return whether a connection has to end in the middle of its piece, for the host has too many."""
        if self._workers == 1 or not self.connections.surplus:
            return False
        self._workers -= 1
        return True

    async def _fetch_piece(self, piece: Piece, reply: StorageReply | None, opened: AsyncExitStack | None) -> bool:
        """Fetch a piece; return whether its connection continues with another one."""
        if reply is not None and opened is not None:
            async with opened:
                return await self._read(piece, reply, longer=True)
        region = (piece.at, piece.end)
        async with (
            self.connections.open(),
            self.item.client.storage.get(self.link.url, headers=piece_headers(self.kept, region)) as reply,
        ):
            self.connections.record_head(reply.latency)
            meaning = classify(reply.status, reply.headers)
            if meaning in ("renew", "busy", "again"):
                self._refuse(classify_refusal(reply.status, reply.headers, await reply.peek()))
                return False
            if meaning == "fail":
                raise _Ended(classify_refusal(reply.status, reply.headers, await reply.peek()))
            verdict = read_piece(reply.status, reply.headers, region, self.kept)
            if verdict.action != "go on":
                raise _Ended(verdict)
            return await self._read(piece, reply)

    def _refuse(self, refusal: StorageRefusal) -> None:
        """End a connection that was refused: the others continue unless the link is at fault, or there are none."""
        if refusal.meaning == "busy":
            self.connections.record_refusal()
        if refusal.meaning == "renew" or self._workers == 1:
            self._refusal = refusal
        self._lose()

    async def _read(self, piece: Piece, reply: StorageReply, *, longer: bool = False) -> bool:
        """Read a body into the file; if it breaks, write the bytes that arrived.

        Args:
            longer: whether the body continues behind the piece; the rest is left unread.

        Returns:
            whether the piece is whole; if not, its connection was given up.
        """
        buffer = self.item.constants.chunk_bytes
        try:
            async with self.services.watchdog.watch(self.item.stall_timeout, self.item.constants.stall_bytes) as watch:
                with self.connections.measure(watch):
                    while self._reads_on(piece, longer) and (chunk := await reply.read(watched=True)):
                        watch.moved += len(chunk)
                        piece.gather(self._within(piece, chunk, longer))
                        if piece.gathered >= buffer:
                            watch.resting = True
                            await self._write(piece)
                            watch.resting = False
                            if piece.missing and self._give_up():
                                return False
        except (ConnectionFailed, TimedOut, StallDetected):
            await self._write(piece)
            raise
        await self._write(piece)
        if piece.missing:
            raise ConnectionFailed("a piece of the body ended early")
        return True

    def _reads_on(self, piece: Piece, longer: bool) -> bool:
        """Return whether more is to be read; an exact body is read to its end, so that its connection can be reused."""
        return not longer or piece.missing > 0 or self._extend(piece)

    def _within(self, piece: Piece, chunk: bytes, longer: bool) -> bytes:
        """Return the bytes of a chunk that belong to the piece, which is extended for them if it can be."""
        while longer and len(chunk) > piece.missing and self._extend(piece):
            pass
        if len(chunk) > piece.missing and not longer:
            raise _Ended(RangeVerdict("alone"))
        return chunk[: piece.missing]

    async def _write(self, piece: Piece) -> None:
        """Write what has arrived, report progress, record the filled ranges now and then, add connections."""
        size, chunks = piece.gathered, piece.take()
        if not size:
            return
        await self.writer.put(piece.at, chunks)
        piece.at += size
        self.moved()
        now, buffers = self.services.timing.clock(), NOTE_EVERY * self._workers * self.item.constants.chunk_bytes
        is_due = self.writer.here - self._noted >= buffers and now - self._noted_at >= NOTE_PERIOD
        if is_due or not piece.missing:
            await self._note()
        if self._refusal is None and now - self._staffed_at >= STAFF_EVERY:
            for fresh in self._claim_all():
                self._group.create_task(self._work(fresh))

    async def _note(self) -> None:
        self._noted, self._noted_at = self.writer.here, self.services.timing.clock()
        await self.remember()
