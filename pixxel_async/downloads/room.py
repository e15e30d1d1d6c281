"""Room on the disk: what running bodies still need is spoken for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define

from ..errors import DiskFull
from .disk import Disk
from .threads import Threads

__all__ = ["Need", "Room"]


@define(eq=False)
class Need:
    """What one body still needs.

    Attributes:
        folder: where it is written.
        missing: bytes that have not arrived; 0 when that is not known.
    """

    folder: Path
    missing: int = 0


class Room:
    """The free room of disks, less a reserve and less what running bodies still need."""

    def __init__(self, disk: Disk, threads: Threads) -> None:
        self._disk = disk
        self._threads = threads
        self._needs: set[Need] = set()

    @contextmanager
    def need(self, folder: Path) -> Iterator[Need]:
        """A need that counts as long as the block runs."""
        need = Need(folder)
        self._needs.add(need)
        try:
            yield need
        finally:
            self._needs.discard(need)

    async def ask(self, need: Need, missing: int, *, reserve: int) -> int:
        """Bytes that this body may write at most.

        Args:
            missing: bytes that it is known to need.
            reserve: bytes that stay free.

        Raises:
            DiskFull: there is less than that.
        """
        need.missing = 0
        free = await self._threads.run(self._disk.free, need.folder)
        left = free - reserve - sum(other.missing for other in self._needs)
        if left < max(missing, 1):
            raise DiskFull(
                f"{need.folder} has {max(left, 0):,} bytes to spare beside a reserve of {reserve:,}, "
                f"and {missing:,} are needed; make room, or lower `keep_free`, and run again"
            )
        need.missing = missing
        return left
