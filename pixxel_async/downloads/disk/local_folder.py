"""The destination that is a folder of this machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .checksums import SUMS, write_list
from .destination import Look
from .file_check import damage
from .final import Final

if TYPE_CHECKING:
    from ..._aio.threads import Threads
    from ..record import Row
    from .disk import Disk
    from .parts.part_file import PartFile


__all__ = ["LocalFolder"]


class LocalFolder:
    """Final files in a folder of this machine, each beside its part file."""

    url = None

    def __init__(self, folder: Path, disk: Disk, threads: Threads) -> None:
        self._folder = folder
        self._disk = disk
        self._threads = threads

    def title(self, name: str) -> str:
        """Its path."""
        return os.path.join(self._folder, name)

    async def open(self) -> None:
        """Nothing to do: the folder was prepared for the part files."""

    async def looking(self, names: Sequence[str], *, sure: bool = True) -> Look:
        """Return a function that looks at the disk when called; `sure` makes no difference."""
        return self._disk.looking(self._folder)

    async def commit(self, part: PartFile, name: str, row: Row, *, replace: bool = False) -> Final:
        """Give the part file its final name, in one step."""
        return await self._threads.run(self._disk.publish, part, name, replace=replace)

    async def damage(self, name: str, row: Row) -> str:
        """Reads the file."""
        return await self._threads.run(damage, self._folder / name, row)

    async def remove(self, name: str) -> None:
        """Remove the file."""
        await self._threads.run(self._disk.remove, self._folder, name)

    async def vouched(self, name: str) -> str | None:
        """None: a file says nothing beside its bytes, which have to be proved."""
        return None

    async def has_sums(self) -> bool:
        """Looks for the file."""
        return await self._threads.run((self._folder / SUMS).is_file)

    async def write_sums(self, rows: Sequence[tuple[str, str]]) -> None:
        """Beside the files, in one step."""
        await self._threads.run(write_list, self._folder, rows)
