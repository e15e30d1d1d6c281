"""Destination of final files in a local folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .checksums import SUMS, write_list
from .destination import LookUp
from .file_check import damage

if TYPE_CHECKING:
    from ..._aio.threads import Threads
    from ..record import Row
    from .disk import Disk


__all__ = ["LocalFolder"]


class LocalFolder:
    """Final files in a folder of this machine, each beside its part file."""

    url = None
    commit = None

    def __init__(self, folder: Path, disk: Disk, threads: Threads) -> None:
        self._folder = folder
        self._disk = disk
        self._threads = threads

    def title(self, name: str) -> str:
        """Return its path."""
        return os.path.join(self._folder, name)

    async def open(self) -> None:
        """Do nothing: the folder was prepared for the part files."""

    async def prepare_lookup(self, names: Sequence[str], *, sure: bool = True) -> LookUp:
        """Return a function that looks at the disk when called; `sure` makes no difference."""
        return self._disk.prepare_lookup(self._folder)

    async def damage(self, name: str, row: Row) -> str:
        """Read the file and compare it with its row."""
        return await self._threads.run(damage, self._folder / name, row)

    async def remove(self, name: str) -> None:
        """Remove the file."""
        await self._threads.run(self._disk.remove, self._folder, name)

    async def stored_sha256(self, name: str) -> str | None:
        """Return None: a file has no checksum beside its bytes, which have to be proved."""
        return None

    async def has_sums(self) -> bool:
        """Return whether the file exists."""
        return await self._threads.run((self._folder / SUMS).is_file)

    async def write_sums(self, rows: Sequence[tuple[str, str]]) -> None:
        """Write the list beside the files, atomically."""
        await self._threads.run(write_list, self._folder, rows)
