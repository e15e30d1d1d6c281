"""Room on the disk: what running bodies still need is spoken for."""

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
"""Bytes of a body for which the disk is not looked at once more."""


@define(eq=False)
class Reservation:
    """What one body still needs.

    Attributes:
        folder: where it is written.
        missing: bytes that have not arrived; 0 when that is not known.
        seen: free bytes of the disk as they were seen a moment ago, good for one small body; None when they were not.
    """

    folder: Path
    missing: int = 0
    seen: int | None = None


class DiskSpace:
    """The free room of disks, less a reserve and less what running bodies still need."""

    def __init__(self, disk: Disk, threads: Threads) -> None:
        self._disk = disk
        self._threads = threads
        self._needs: set[Reservation] = set()

    @contextmanager
    def need(self, folder: Path, seen: int | None = None) -> Iterator[Reservation]:
        """A need that counts as long as the block runs; `seen` as in `Reservation`."""
        need = Reservation(folder, seen=seen)
        self._needs.add(need)
        try:
            yield need
        finally:
            self._needs.discard(need)

    async def ask(self, need: Reservation, missing: int, *, reserve: int) -> int:
        """Bytes that this body may write at most.

        Args:
            missing: bytes that it is known to need.
            reserve: bytes that stay free.

        Raises:
            DiskFull: there is less than that.
        """
        need.missing, seen, need.seen = 0, need.seen, None
        free = (
            seen if seen is not None and 0 < missing <= SMALL else await self._threads.run(self._disk.free, need.folder)
        )
        left = free - reserve - sum(other.missing for other in self._needs)
        if left < max(missing, 1):
            raise DiskFull(
                f"{need.folder} has {max(left, 0):,} bytes to spare beside a reserve of {reserve:,}, "
                f"and {missing:,} are needed; make room, or lower `min_free_space`, and run again"
            )
        need.missing = missing
        return left
