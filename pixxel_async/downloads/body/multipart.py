"""Fetch the rest of one body over several connections, as a multipart download of byte ranges.

Rule 1: a piece counts only if its response is exactly the range that was requested, of the same object (If-Match).
Rule 2: the record says which ranges of the part file are filled, before a byte is written behind a gap.
Rule 3: what ends one connection ends all; what follows from it is decided in `body.py`, as for a single connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from attrs import define, field

from ..._aio.shield import finish
from ..._protocol.storage_answers import classify
from ...errors import ConnectionFailed, TimedOut
from ..limits.stall import StallDetected, Watch
from ..rules.byte_ranges import Region, add, gaps, next_piece
from .rules.responses import StorageRefusal, classify_refusal
from .rules.resume import Kept, RangeVerdict, piece_headers, read_piece

if TYPE_CHECKING:
    from ..._http.streaming import StorageReply
    from ..disk.parts.part_writer import PartWriter
    from ..item import Item
    from ..services import Services

__all__ = ["MultipartDownload"]

NOTE_EVERY = 1
"""Buffers a connection between two notes of the filled ranges in the record. After a kill a connection fetches as many
again, and the one that it was gathering."""


class _Ended(Exception):
    """Internal: a response that ends the multipart download."""

    def __init__(self, verdict: RangeVerdict | StorageRefusal) -> None:
        self.verdict = verdict


@define(eq=False, kw_only=True)
class MultipartDownload:
    """Several connections for one body; those beyond the first stop when other packages need them.

    Args:
        kept: length and strong ETag of the object.
        url: the signed link.
        count: number of connections.
        remember: records the filled ranges.
        moved: called after each write.
    """

    item: Item
    services: Services
    writer: PartWriter
    kept: Kept
    url: str
    count: int
    remember: Callable[[], Awaitable[None]]
    moved: Callable[[], None]
    _taken: set[Region] = field(init=False, factory=set)
    _noted: int = field(init=False, default=0)

    async def fetch(self) -> RangeVerdict | StorageRefusal:
        """Fetch what is missing.

        Returns:
            the response that ended it; `go on` when all connections ended well.

        Raises:
            ConnectionFailed, TimedOut, StallDetected: a connection broke.
            DownloadError: a write failed.
        """
        await self.writer.split()
        await self._note()
        workers = [asyncio.create_task(self._work(number)) for number in range(self.count)]
        try:
            await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for worker in workers:
                worker.cancel()
            await finish(asyncio.wait(workers))
        errors = [error for worker in workers if not worker.cancelled() and (error := worker.exception()) is not None]
        await self._note()
        # A response of the storage counts more than connections that broke.
        for error in sorted(errors, key=lambda error: not isinstance(error, _Ended)):
            if isinstance(error, _Ended):
                return error.verdict
            raise error
        return RangeVerdict("go on", self.kept.total)

    async def _work(self, number: int) -> None:
        """Fetch pieces until none is left, or another package needs the connection."""
        while number == 0 or self.services.connections.used < self.item.settings.max_concurrent_downloads:
            piece = self._next_piece()
            if piece is None:
                return
            self._taken.add(piece)
            try:
                with self.services.connections.open():
                    await self._fetch_piece(piece)
            finally:
                self._taken.discard(piece)

    def _next_piece(self) -> Region | None:
        regions = add(self.writer.beyond, (0, self.writer.size))
        for piece in self._taken:
            regions = add(regions, piece)
        return next_piece(gaps(regions, self.kept.total or 0), self.count, self.item.constants.split_piece)

    async def _fetch_piece(self, piece: Region) -> None:
        async with self.item.client.storage.get(self.url, headers=piece_headers(self.kept, piece)) as reply:
            if classify(reply.status, reply.headers) in ("renew", "busy", "again", "fail"):
                raise _Ended(classify_refusal(reply.status, reply.headers, await reply.peek()))
            verdict = read_piece(reply.status, reply.headers, piece, self.kept)
            if verdict.action != "go on":
                raise _Ended(verdict)
            await _PieceReader(self, piece).read(reply)

    async def write(self, at: int, chunks: list[bytes]) -> None:
        """Write chunks at an offset, report progress, and record the filled ranges now and then."""
        await self.writer.put(at, chunks)
        self.moved()
        if self.writer.here - self._noted >= NOTE_EVERY * self.count * self.item.constants.chunk_bytes:
            await self._note()

    async def _note(self) -> None:
        self._noted = self.writer.here
        await self.remember()


@define(eq=False)
class _PieceReader:
    """Reads the body of one piece into the file, buffer by buffer."""

    parent: MultipartDownload
    piece: Region
    chunks: list[bytes] = field(init=False, factory=list)
    gathered: int = field(init=False, default=0)
    at: int = field(init=False, default=0)

    async def read(self, reply: StorageReply) -> None:
        """Read the body; of one that breaks, write what arrived."""
        self.at = self.piece[0]
        item, constants = self.parent.item, self.parent.item.constants
        try:
            async with self.parent.services.watchdog.watch(item.stall_timeout, constants.stall_bytes) as watch:
                while chunk := await reply.read(watched=True):
                    watch.moved += len(chunk)
                    await self._add(chunk, watch, constants.chunk_bytes)
        except (ConnectionFailed, TimedOut, StallDetected):
            await self._write()
            raise
        await self._write()
        if self.at < self.piece[1]:
            raise ConnectionFailed("a piece of the body ended early")

    async def _add(self, chunk: bytes, watch: Watch, buffer: int) -> None:
        self.chunks.append(chunk)
        self.gathered += len(chunk)
        if self.at + self.gathered > self.piece[1]:
            raise _Ended(RangeVerdict("alone"))
        if self.gathered >= buffer:
            watch.resting = True
            await self._write()
            watch.resting = False

    async def _write(self) -> None:
        chunks, size, self.chunks, self.gathered = self.chunks, self.gathered, [], 0
        if chunks:
            await self.parent.write(self.at, chunks)
            self.at += size
