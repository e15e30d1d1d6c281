"""Write chunks to a part file: gathered, written and hashed in a thread, one write in flight.

A single stream appends: `add` and `hand_over`. Several connections write at their offsets: `put`. The taps get
the prefix, in order; bytes beyond it are read again from the file once the prefix has reached them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event
from typing import TYPE_CHECKING, Literal, TypeVar

from ...rules.byte_ranges import Regions, add, size_of, to_text
from .taps import StreamTaps

if TYPE_CHECKING:
    from ...._aio.threads import Running, Threads
    from .part_file import PartFile

__all__ = ["PartWriter"]

SYNC_STEP = 64 << 20
"""Bytes between two syncs of a body, which bound the loss in a power cut."""
CATCH_UP = 4 << 20
"""Bytes read again for the taps with each write, so that no write waits long for it."""

T = TypeVar("T")


class PartWriter:
    """The one writer of one part file.

    Args:
        part: the open part file.
        threads: where it is written and digested.
        buffer: bytes that are gathered for one write; at most two buffers are held.
        digest: `sha256`, or None.
        kept: bytes in the file that count; the rest is cut off by `begin`.
        beyond: further regions that count, after a gap.
        synced: how many of these are synced to the disk.
        unpack: whether members of a ZIP are unpacked and compared on the way.

    Attributes:
        taps: hash and ZIP check of the bytes as they are written.
        size: bytes from byte 0 on without a gap: on disk, on their way to it, or gathered.
        beyond: regions after a gap, as several connections filled them.
        synced: bytes that would survive a power cut.
    """

    def __init__(
        self,
        part: PartFile,
        threads: Threads,
        *,
        buffer: int,
        digest: Literal["sha256"] | None,
        kept: int = 0,
        beyond: Regions = (),
        synced: int = 0,
        unpack: bool = False,
    ) -> None:
        self.size = kept
        self.beyond = beyond
        self.synced = min(synced, kept)
        self._part = part
        self._threads = threads
        self._buffer = buffer
        self.taps = StreamTaps(digest=digest is not None, unpack=unpack)
        self._shown = 0
        self._chunks: list[bytes] = []
        self._gathered = 0
        self._running: Running[None] | None = None
        self._turns = asyncio.Lock()
        self._split = bool(beyond)

    @property
    def here(self) -> int:
        """Bytes that are here, wherever they belong."""
        return self.size + size_of(self.beyond)

    @property
    def mtime_ns(self) -> int:
        """The modification time of the file in nanoseconds since 1970."""
        return self._part.mtime_ns

    @property
    def regions(self) -> str | None:
        """The filled ranges for the record; None while the file has no gaps."""
        return to_text(((0, self.size), *self.beyond)) if self._split else None

    async def begin(self) -> None:
        """Truncate the file to the kept bytes, and feed its prefix from disk to the taps."""
        if not self.size and not self._part.size:
            return
        stop = Event()
        await self._threads.run_until(stop, self._begin, stop)

    def _begin(self, stop: Event) -> None:
        self._part.truncate(self.beyond[-1][1] if self.beyond else self.size)
        self._read_again(self.size, stop)

    def add(self, chunk: bytes) -> bool:
        """Take a chunk; True when enough are gathered, and `hand_over` is to be awaited."""
        self._chunks.append(chunk)
        self._gathered += len(chunk)
        self.size += len(chunk)
        return self._gathered >= self._buffer

    async def hand_over(self) -> None:
        """Hand the buffered bytes to a thread once it has written the previous ones."""
        await self._wait_for_write()
        chunks, self._chunks, self._gathered = self._chunks, [], 0
        if chunks:
            self._running = self._threads.start(self._write, chunks)

    async def flush(self) -> None:
        """Wait until everything is written."""
        await self.hand_over()
        await self._wait_for_write()

    async def split(self) -> None:
        """Allow gaps in the file from now on; the ranges must be recorded before the first `put`."""
        await self.flush()
        self._split = True

    async def put(self, at: int, chunks: list[bytes]) -> None:
        """Write chunks where they belong; several callers take turns."""
        async with self._turns:
            await self._threads.run(self._put, at, chunks)

    def _put(self, at: int, chunks: list[bytes]) -> None:
        self._part.write(chunks, at)
        (_, self.size), *beyond = add(((0, self.size), *self.beyond), (at, at + sum(map(len, chunks))))
        self.beyond = tuple(beyond)
        if at == self._shown:
            self._update(chunks)
        self._read_again(min(self.size, self._shown + CATCH_UP))
        self._sync(self.size)

    async def join(self) -> None:
        """Return to a single stream; ranges beyond the prefix are dropped."""
        if self.beyond:
            await self._threads.run(self._part.truncate, self.size)
        self.beyond, self._split = (), False

    async def complete(self, inspect: Callable[[bytes | None, bytes | None], T], stop: Event, *, settle: bool) -> T:
        """Write the remaining bytes, inspect the complete file and settle it, all in the same thread.

        Args:
            inspect: is given the digest, and all the bytes if they are still here; raises if the file is not sound.
            stop: set when the waiting is cancelled.
            settle: whether the file is to be renamed, and so has to be on the disk.
        """
        await self._wait_for_write()
        chunks, self._chunks, self._gathered = self._chunks, [], 0
        all_here = not self._part.size
        if all_here:
            self.taps.stop_unpacking()

        def finish() -> T:
            self._read_again(self._part.size, stop)
            self._write(chunks)
            inspection = inspect(self.taps.digest(), b"".join(chunks) if all_here else None)
            if settle:
                self._part.settle()
            return inspection

        return await self._threads.run_until(stop, finish)

    async def _wait_for_write(self) -> None:
        """Wait for the write in flight; one that has ended costs no iteration of the event loop."""
        if self._running is not None:
            running, self._running = self._running, None
            if running.done:
                running.result()
            else:
                await self._threads.result(running)

    def _write(self, chunks: list[bytes]) -> None:
        self._read_again(self._part.size)
        self._part.write(chunks)
        self._update(chunks)
        self._sync(self._part.size)

    def _update(self, chunks: list[bytes]) -> None:
        if self.taps.any:
            for chunk in chunks:
                self.taps.update(chunk)
            self._shown += sum(map(len, chunks))

    def _read_again(self, upto: int, stop: Event | None = None) -> None:
        """Feed the taps from the file up to this byte."""
        if self.taps.any and self._shown < upto:
            self._part.feed(self.taps, self._shown, upto, stop)
            self._shown = upto

    def _sync(self, size: int) -> None:
        if size - self.synced >= SYNC_STEP:
            self._part.sync()
            self.synced = size

    async def rewind(self) -> None:
        """Throw everything away; the next byte is byte 0."""
        await self._wait_for_write()
        self._chunks, self._gathered, self.size, self.synced = [], 0, 0, 0
        self.beyond, self._split, self._shown = (), False, 0
        self.taps.start_over()
        await self._threads.run(self._part.truncate, 0)

    async def settle(self) -> None:
        """Drop the buffered bytes and wait for the write in flight, whether or not it fails."""
        self._chunks, self._gathered = [], 0
        if self._running is not None:
            running, self._running = self._running, None
            await self._threads.drain(running)
        if not self._split:
            self.size = self._part.size
