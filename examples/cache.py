"""A bounded cache of packages on disk, shared by a backend's workers; evicts the least recently used.

The folder's record makes it one cache: what one worker fetches the others wait for. When a file was used last is its
time of access, which is set here, since many file systems no longer do.
"""

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self

from pixxel_async import DownloadManager, Package, PixxelClient
from pixxel_async.errors import DownloadError


class Cache:
    """Use it as an async context manager in each worker.

    Args:
        client: asks for what is not here.
        folder: of the cache, and of nothing else.
        bound: bytes that may stay there; more for a moment, while packages come and before others have gone.
    """

    def __init__(self, client: PixxelClient, folder: Path, bound: int) -> None:
        self._manager = DownloadManager(client, folder)
        self._bound = bound

    async def __aenter__(self) -> Self:
        await self._manager.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._manager.aclose(drain=10)

    async def open(self, package: Package) -> BinaryIO:
        """Open the package's file; it stays readable even if it is evicted."""
        while True:
            done = await self._manager.fetch(package, on_missing="redo")
            try:
                file = await asyncio.to_thread(used, done.path)
            except FileNotFoundError:  # evicted by another worker in between
                continue
            if done.fetched:
                await self._evict(but=str(package))
            return file

    async def _evict(self, but: str) -> None:
        """Remove the least recently used files until the rest is within the bound."""
        names = {row.name: row.identity async for row in self._manager.record.rows(self._manager.folder, "done")}
        files = await asyncio.to_thread(usage, self._manager.folder, [name for name in names if name])
        excess = sum(size for _, size, _ in files) - self._bound
        for _, size, name in files:
            if excess > 0 and names[name] != but:
                with suppress(DownloadError):  # another worker is fetching it again
                    await self._manager.forget(names[name], delete=True)
                    excess -= size


def used(path: Path) -> BinaryIO:
    """Open a file and set its access time; its mtime, by which the manager recognises its files, is unchanged."""
    file = path.open("rb")
    os.utime(path, ns=(time.time_ns(), os.fstat(file.fileno()).st_mtime_ns))
    return file


def usage(folder: Path, names: list[str]) -> list[tuple[int, int, str]]:
    """Return access time, size and name of each file, oldest first."""
    found = []
    for name in names:
        with suppress(FileNotFoundError):
            status = (folder / name).stat()
            found.append((status.st_atime_ns, status.st_size, name))
    return sorted(found)
