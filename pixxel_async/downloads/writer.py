"""Chunks as they arrive → one part file: gathered, written and digested in a thread, one write in flight."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Event
from typing import TYPE_CHECKING, Literal, TypeVar

from .onlookers import Onlookers

if TYPE_CHECKING:
    from .part import PartFile
    from .threads import Threads

__all__ = ["Writer"]

SYNC_STEP = 64 << 20
"""Bytes after which what was written is brought to the disk, so that not all of it is lost in a power cut."""

T = TypeVar("T")


class Writer:
    """The one writer of one part file.

    Args:
        part: the open part file.
        threads: where it is written and digested.
        buffer: bytes that are gathered for one write; at most two buffers are held.
        digest: `sha256`, or None.
        kept: bytes in the file that count; the rest is cut off by `begin`.
        synced: how many of these are surely on the disk.
        unpack: whether members of a ZIP are unpacked and compared on the way.

    Attributes:
        onlookers: what is found out about the bytes as they are written.
        size: bytes of the package that are here: on disk, on their way to it, or gathered.
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
        synced: int = 0,
        unpack: bool = False,
    ) -> None:
        self.size = kept
        self.synced = min(synced, kept)
        self._part = part
        self._threads = threads
        self._buffer = buffer
        self.onlookers = Onlookers(digest=digest is not None, unpack=unpack)
        self._chunks: list[bytes] = []
        self._gathered = 0
        self._running: Future[None] | None = None

    async def begin(self) -> None:
        """Make the file hold what is kept and nothing else, and show that again, from the disk."""
        if not self.size and not self._part.size:
            return
        stop = Event()
        await self._threads.run_until(stop, self._begin, stop)

    def _begin(self, stop: Event) -> None:
        self._part.truncate(self.size)
        if self.onlookers.any and self.size:
            self._part.hash_prefix(self.onlookers, self.size, stop)

    def add(self, chunk: bytes) -> bool:
        """Take a chunk; True when enough are gathered, and `turn` is to be awaited."""
        self._chunks.append(chunk)
        self._gathered += len(chunk)
        self.size += len(chunk)
        return self._gathered >= self._buffer

    async def turn(self) -> None:
        """Hand what is gathered to a thread, as soon as that has written what it was given before."""
        await self._written()
        chunks, self._chunks, self._gathered = self._chunks, [], 0
        if chunks:
            self._running = self._threads.begin(self._write, chunks)

    async def flush(self) -> None:
        """Wait until everything is written."""
        await self.turn()
        await self._written()

    async def complete(self, look: Callable[[bytes | None, bytes | None], T], stop: Event) -> T:
        """Write what is left, and look at the complete file in the same thread.

        Args:
            look: is given the digest, and all the bytes if they are still here.
            stop: set when the waiting is cancelled.
        """
        await self._written()
        chunks, self._chunks, self._gathered = self._chunks, [], 0
        whole = not self._part.size
        if whole:
            self.onlookers.leave_the_rest()

        def finish() -> T:
            self._write(chunks)
            return look(self.onlookers.digest(), b"".join(chunks) if whole else None)

        return await self._threads.run_until(stop, finish)

    async def _written(self) -> None:
        if self._running is not None:
            running, self._running = self._running, None
            await self._threads.result(running)

    def _write(self, chunks: list[bytes]) -> None:
        self._part.write(chunks)
        if self.onlookers.any:
            for chunk in chunks:
                self.onlookers.update(chunk)
        if self._part.size - self.synced >= SYNC_STEP:
            self._part.sync()
            self.synced = self._part.size

    async def rewind(self) -> None:
        """Throw everything away; the next byte is byte 0."""
        await self._written()
        self._chunks, self._gathered, self.size, self.synced = [], 0, 0, 0
        self.onlookers.start_over()
        await self._threads.run(self._part.truncate, 0)

    async def settle(self) -> None:
        """Drop what is gathered and wait for the write in flight, whatever becomes of it: nothing is in use then."""
        self._chunks, self._gathered = [], 0
        if self._running is not None:
            running, self._running = self._running, None
            await self._threads.settled(running)
        self.size = self._part.size
