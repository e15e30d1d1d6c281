"""Final files in a folder that several machines share (NFS, Lustre), while part files and records stay local.

Write-ahead: before a file gets its final name, its size and SHA-256 are appended to this process's journal in the
folder. A file that a killed machine has published is thereby known as ours on every other, without being read again.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._aio.threads import Threads
from ..downloads.disk.destination import LookUp
from ..downloads.disk.disk import Disk
from ..downloads.disk.final import Final
from ..downloads.disk.local_folder import LocalFolder
from ..downloads.disk.parts.part_file import PartFile

if TYPE_CHECKING:
    from ..downloads.record import Row

__all__ = ["SharedFolder"]

JOURNALS = "published"
"""Folder of the journals below `.pixxel`."""
_CHUNK = 4 << 20


class SharedFolder:
    """A destination for the managers of many machines; each has a spool and a record of its own.

    Args:
        folder: absolute path, the same on all machines.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._disk = Disk()
        self._threads = Threads()
        self._final = LocalFolder(folder, self._disk, self._threads)
        self._nonce = secrets.token_hex(8)
        self._journals = folder / ".pixxel" / JOURNALS
        self._published: dict[str, tuple[int, str]] = {}
        self._read: dict[Path, int] = {}

    @property
    def url(self) -> str | None:
        """A file URL: the destination is not the folder of the part files."""
        return self._folder.as_uri()

    def title(self, name: str) -> str:
        """Return the path of a file."""
        return str(self._folder / name)

    async def open(self) -> None:
        """Create the folder and that of the journals; raises `ConfigError` if it cannot be written to."""
        await self._threads.run(self._prepare)

    def _prepare(self) -> None:
        self._disk.prepare(self._folder)
        self._journals.mkdir(parents=True, exist_ok=True)

    async def prepare_lookup(self, names: Sequence[str], *, sure: bool = True) -> LookUp:
        """Return a function that looks at a name."""
        return await self._final.prepare_lookup(names, sure=sure)

    async def commit(self, part: PartFile, name: str, row: Row, *, replace: bool = False) -> Final:
        """Copy a proved part file into the folder, note it in the journal, rename it, and remove the part file.

        Raises:
            NameTaken: something else has the name; the part file stays.
            DownloadError: the folder cannot be written to.
        """
        published = await self._threads.run(self._commit, part.path, name, row, replace)
        await self._threads.run(part.discard)
        return published

    def _commit(self, source: Path, name: str, row: Row, replace: bool) -> Final:
        parent, _, _ = name.rpartition("/")
        copy = self._disk.open_part(self._folder, f"{parent}/{source.name}".lstrip("/"))
        with copy:
            copy.truncate()
            with source.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    copy.write([chunk])
            self._note(name, copy.size, row.sha256)
            return self._disk.publish(copy, name, replace=replace)

    def _note(self, name: str, size: int, sha256: str | None) -> None:
        """Append a line to this process's journal, on the disk before this returns."""
        line = json.dumps({"name": name, "size": size, "sha256": sha256}) + "\n"
        fd = os.open(self._journals / f"{self._nonce}.ndjson", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(fd, line.encode())
            os.fsync(fd)
        finally:
            os.close(fd)

    async def damage(self, name: str, row: Row) -> str:
        """Read the file and return its damage; empty if intact."""
        return await self._final.damage(name, row)

    async def remove(self, name: str) -> None:
        """Remove a file that may be there."""
        await self._final.remove(name)

    async def stored_sha256(self, name: str) -> str | None:
        """Return the SHA-256 from the journal of whichever machine published the file; None if none did."""
        return await self._threads.run(self._stored_sha256, name)

    def _stored_sha256(self, name: str) -> str | None:
        for path in self._journals.glob("*.ndjson"):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    self._read[path] = self._read.get(path, 0) + len(line)
                    self._learn(line)
        final = self._disk.look_up(self._folder, name)
        size, sha256 = self._published.get(name, (-1, None))
        return sha256 if final is not None and final.regular and final.size == size else None

    def _learn(self, line: bytes) -> None:
        try:
            noted: dict[str, Any] = json.loads(line)
            self._published[str(noted["name"])] = int(noted["size"]), str(noted["sha256"])
        except (ValueError, KeyError, TypeError):
            return

    async def has_sums(self) -> bool:
        """Return True: another machine may have published files here that this record does not know."""
        return True

    async def write_sums(self, rows: Sequence[tuple[str, str]]) -> None:
        """Write `SHA256SUMS` beside the files."""
        await self._final.write_sums(rows)
