"""Free space of disks, with reservations for the bytes that running bodies still need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define

from ..._aio.threads import Threads
from ...errors import DiskFull
from ..disk.disk import Disk

__all__ = ["DiskSpace", "Reservation"]

SMALL = 1 << 20
"""Largest body in bytes for which a recent figure of free space is good enough."""
UNKNOWN = 1 << 62
"""Bytes taken to be free where the file system does not report it: writing finds out."""


@define(eq=False)
class Reservation:
    """Bytes that one body still needs.

    Attributes:
        folder: folder of its part file.
        missing: bytes that have not arrived; 0 while unknown.
        seen: free bytes of the disk a moment ago, good for one small body; None if they were not read.
    """

    folder: Path
    missing: int = 0
    seen: int | None = None


class DiskSpace:
    """Free bytes of disks, less a reserve and less all reservations."""

    def __init__(self, disk: Disk, threads: Threads) -> None:
        self._disk = disk
        self._threads = threads
        self._reservations: set[Reservation] = set()

    @contextmanager
    def reservation(self, folder: Path, seen: int | None = None) -> Iterator[Reservation]:
        """Hold a reservation for the block, at first of 0 bytes; `seen` as in `Reservation`."""
        reservation = Reservation(folder, seen=seen)
        self._reservations.add(reservation)
        try:
            yield reservation
        finally:
            self._reservations.discard(reservation)

    async def reserve(self, reservation: Reservation, missing: int, *, reserve: int) -> int:
        """Reserve `missing` bytes, and return how many the body may write at most.

        Args:
            reservation: the body's.
            missing: bytes that it needs; 0 while unknown.
            reserve: bytes that stay free.

        Raises:
            DiskFull: there is less than that.
        """
        reservation.missing, seen, reservation.seen = 0, reservation.seen, None
        recent = seen is not None and 0 < missing <= SMALL
        free = seen if recent else await self._threads.run(self._disk.free, reservation.folder)
        left = (UNKNOWN if free is None else free) - reserve - sum(other.missing for other in self._reservations)
        if left < max(missing, 1):
            raise DiskFull(
                f"{reservation.folder} has {max(left, 0):,} bytes to spare beside a reserve of {reserve:,}, "
                f"and {missing:,} are needed; make room, or lower `min_free_space`, and run again"
            )
        reservation.missing = missing
        return left
