"""The rest of one body over several connections, piece by piece, in order.

Rule 1: a piece counts only if its answer is exactly the bytes that were asked for, of the same object (If-Match).
Rule 2: the record says which bytes of the part file are filled, before one is written after a gap.
Rule 3: what ends one connection ends all; what it means is decided where it is for a single stream.
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
from .rules.responses import StorageRefusal, refused
from .rules.resume import Kept, RangeVerdict, piece_of, read_piece

if TYPE_CHECKING:
    from ..._http.streaming import StorageReply
    from ..disk.part_writer import PartWriter
    from ..item import Item
    from ..services import Services

__all__ = ["Split"]

NOTED = 8
"""Buffers after which the record learns what is filled: so many may have to come again after a crash."""


class _Ended(Exception):
    """Inside this module only: an answer that ends the splitting."""

    def __init__(self, answer: RangeVerdict | StorageRefusal) -> None:
        self.answer = answer


@define(eq=False, kw_only=True)
class Split:
    """Several connections for one body; those beyond the first stop when streams are needed elsewhere.

    Args:
        kept: what the storage said about the object: a strong ETag, and the total.
        url: the signed link.
        count: connections.
        remember: writes into the record what is filled.
        moved: told after each write.
    """

    item: Item
    tools: Services
    writer: PartWriter
    kept: Kept
    url: str
    count: int
    remember: Callable[[], Awaitable[None]]
    moved: Callable[[], None]
    _taken: set[Region] = field(init=False, factory=set)
    _noted: int = field(init=False, default=0)

    async def fetch(self) -> RangeVerdict | StorageRefusal:
        """Bring what is missing.

        Returns:
            what the storage answered that ends it; `go on` when nothing is missing any more.

        Raises:
            ConnectionFailed, TimedOut, Stall: a connection broke.
            DownloadError: the disk did not take a write.
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
        errors = [worker.exception() for worker in workers if not worker.cancelled()]
        await self._note()
        return _answer([error for error in errors if error is not None], self.kept)

    async def _work(self, number: int) -> None:
        """Fetch pieces until none is free, or somebody else needs the connection."""
        while number == 0 or self.tools.lines.used < self.item.terms.settings.streams:
            piece = self._next()
            if piece is None:
                return
            self._taken.add(piece)
            try:
                with self.tools.lines.line():
                    await self._fetch(piece)
            finally:
                self._taken.discard(piece)

    def _next(self) -> Region | None:
        regions = add(self.writer.beyond, (0, self.writer.size))
        for piece in self._taken:
            regions = add(regions, piece)
        return next_piece(gaps(regions, self.kept.total or 0), self.count, self.item.terms.settings.split_piece)

    async def _fetch(self, piece: Region) -> None:
        storage = self.item.terms.client.storage
        async with storage.get(self.url, headers=piece_of(self.kept, piece)) as reply:
            if classify(reply.status, reply.headers) in ("renew", "busy", "again", "fail"):
                raise _Ended(refused(reply.status, reply.headers, await reply.peek()))
            reading = read_piece(reply.status, reply.headers, piece, self.kept)
            if reading.action != "go on":
                raise _Ended(reading)
            await _Filling(self, piece).fill(reply)

    async def put(self, at: int, chunks: list[bytes]) -> None:
        """Write, and tell those who want to know."""
        await self.writer.put(at, chunks)
        self.moved()
        if self.writer.here - self._noted >= NOTED * self.item.terms.settings.buffer:
            await self._note()

    async def _note(self) -> None:
        self._noted = self.writer.here
        await self.remember()


@define(eq=False)
class _Filling:
    """One piece that arrives."""

    split: Split
    piece: Region
    chunks: list[bytes] = field(init=False, factory=list)
    gathered: int = field(init=False, default=0)
    at: int = field(init=False, default=0)

    async def fill(self, reply: StorageReply) -> None:
        """Write the body of an answer where it belongs; of one that breaks, as much as came."""
        self.at = self.piece[0]
        settings = self.split.item.terms.settings
        try:
            async with self.split.tools.watchdog.watch(settings.stall, settings.stall_bytes) as watch:
                while chunk := await reply.read():
                    watch.moved += len(chunk)
                    await self._take(chunk, watch, settings.buffer)
        except (ConnectionFailed, TimedOut, StallDetected):
            await self._write()
            raise
        await self._write()
        if self.at < self.piece[1]:
            raise ConnectionFailed("a piece of the body ended early")

    async def _take(self, chunk: bytes, watch: Watch, buffer: int) -> None:
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
            await self.split.put(self.at, chunks)
            self.at += size


def _answer(errors: list[BaseException], kept: Kept) -> RangeVerdict | StorageRefusal:
    """What ended it; what a storage answered counts more than connections that broke."""
    for error in sorted(errors, key=lambda error: not isinstance(error, _Ended)):
        if isinstance(error, _Ended):
            return error.answer
        raise error
    return RangeVerdict("go on", kept.total)
