"""Free space of disks, with reservations for the bytes that running bodies still need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define

from ..._aio.threads import Threads
from ...errors import DiskFull
from ..disk.disk import Disk

__all__ = ["DiskSpace", "Reservation"]

SMALL = 1 << 20
"""Largest body in bytes for which a recent figure of free space is good enough."""
RECENT = 1.0
"""Seconds for which a figure of free space is recent; chosen."""
UNKNOWN = 1 << 62
"""Bytes taken to be free where the file system does not report it: writing finds out."""


@define(eq=False)
class Reservation:
    """Bytes that one body still needs.

    Attributes:
        folder: folder of its part file.
        missing: bytes that have not arrived; 0 while unknown.
        reserved: bytes that were reserved at first.
    """

    folder: Path
    missing: int = 0
    reserved: int = 0


class DiskSpace:
    """Free bytes of disks, less a reserve and less all reservations.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, disk: Disk, threads: Threads, clock: Callable[[], float]) -> None:
        self._disk = disk
        self._threads = threads
        self._clock = clock
        self._reservations: set[Reservation] = set()
        self._recent: dict[Path, tuple[float, int]] = {}

    @contextmanager
    def reservation(self, folder: Path) -> Iterator[Reservation]:
        """Hold a reservation for the block, at first of 0 bytes."""
        reservation = Reservation(folder)
        self._reservations.add(reservation)
        try:
            yield reservation
        finally:
            self._reservations.discard(reservation)
            if reservation.folder in self._recent:
                read_at, free = self._recent[reservation.folder]
                self._recent[reservation.folder] = read_at, free - reservation.reserved

    async def reserve(self, reservation: Reservation, missing: int, *, reserve: int) -> int:
        """Reserve `missing` bytes, and return how many the body may write at most.

        Args:
            reservation: the body's.
            missing: bytes that it needs; 0 while unknown.
            reserve: bytes that stay free.

        Raises:
            DiskFull: there is less than that.
        """
        reservation.missing = 0
        free = await self._free(reservation.folder, missing)
        spare = free - reserve - sum(other.missing for other in self._reservations)
        if spare < max(missing, 1):
            raise DiskFull(
                f"{reservation.folder} has {max(spare, 0):,} bytes to spare beside a reserve of {reserve:,}, "
                f"and {missing:,} are needed; make room, or lower `min_free_space`, and run again"
            )
        reservation.missing = reservation.reserved = missing
        return spare

    async def _free(self, folder: Path, missing: int) -> int:
        """Return the free bytes of a disk, for a small body those that were read a moment ago."""
        read_at, free = self._recent.get(folder, (-RECENT, 0))
        if not 0 < missing <= SMALL or self._clock() - read_at >= RECENT:
            measured = await self._threads.run(self._disk.free, folder)
            free = UNKNOWN if measured is None else measured
            self._recent[folder] = self._clock(), free
        return free
