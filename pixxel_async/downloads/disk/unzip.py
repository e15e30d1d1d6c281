"""Unpack an archive into a folder, within limits; runs in a thread."""

from __future__ import annotations

import ctypes
import os
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path, PurePosixPath
from threading import Event
from typing import Any

from attrs import define, field

from ..._formats.zip_walk import count_members, list_entries
from ...errors import Corrupt, DownloadError, TooLarge
from .below import entry
from .rules.unzip import MOST_MEMBERS, Limits, Unpacked, plan
from .syscalls import Syscalls, os_errors

__all__ = ["unpack"]


INTERVAL = 0.2
"""Seconds between two reports of progress."""
_CHUNK = 1 << 20
_RATIO, _SPARE = 100, 1 << 30
"""Default limit in bytes: 100 x the archive + 1 GiB."""


def unpack(
    root: Path,
    archive: str,
    folder: str,
    part: str,
    *,
    choose: Callable[[zipfile.ZipInfo], bool] | None = None,
    limit: int | None = None,
    keep_free: int = 0,
    stop: Event | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Unpack an archive into a hidden folder, sync it, and rename it; runs in a thread.

    Args:
        root: the manager's folder; the three names are below it.
        archive: the ZIP file.
        folder: final name; one that exists was announced in the record, and is therefore complete.
        part: hidden folder beside it, until the rename.
        choose: chooses among the members; None takes all.
        limit: maximum unpacked bytes; None for a limit in proportion to the archive.
        keep_free: bytes that stay free on the disk.
        stop: ends the work when set.
        progress: called with the files written so far and the files in all, at most every `INTERVAL` seconds.
    """
    calls = Syscalls()
    with os_errors("unpack into", root / folder), ExitStack() as opened:
        hidden = opened.enter_context(entry(root, part, calls))
        final = opened.enter_context(entry(root, folder, calls))
        if final.lstat() is not None:
            return
        hidden.remove_tree()
        hidden.mkdir()
        try:
            _Unpacking(root, archive, part, calls, stop or Event(), progress).run(choose, limit, keep_free)
            hidden.rename_to(final)
            final.sync_directory()
        except BaseException:
            with suppress(OSError):
                hidden.remove_tree()
            raise


def _free(folder: Path) -> int:
    """Return the free bytes of a disk, a very large number where the file system does not report them."""
    free = Syscalls().free(folder)
    return sys.maxsize if free is None else free


def _limits(archive: Path, limit: int | None, keep_free: int) -> Limits:
    free = max(_free(archive.parent) - keep_free, 0)
    if limit is None:
        most, name = _RATIO * archive.stat().st_size + _SPARE, f"{_RATIO} times its size and 1 GiB"
    else:
        most, name = limit, "max_extracted_bytes"
    return Limits(free, "what the disk holds") if free < most else Limits(most, name)


@define(eq=False)
class _Unpacking:
    """The work of one call of `unpack`; `part` is the hidden folder that the files are written into."""

    root: Path
    archive: str
    part: str
    calls: Syscalls
    stop: Event
    progress: Callable[[int, int], None] | None
    _reported: float = field(init=False, default=0.0)

    def run(self, choose: Callable[[Any], bool] | None, limit: int | None, keep_free: int) -> None:
        """Write all files and sync them."""
        archive = self.root / self.archive
        limits = _limits(archive, limit, keep_free)
        if (count := count_members(archive)) > MOST_MEMBERS:  # before its directory is read into memory
            raise TooLarge(f"the archive has {count:,} members; at most {MOST_MEMBERS:,} are unpacked", stage="extract")
        try:
            with zipfile.ZipFile(archive) as opened:
                members = [member for member in _members(opened, archive) if choose is None or choose(member)]
                files = plan(members, limits)
                for number, file in enumerate(files):
                    self._report(number, len(files))
                    self._write(opened, members[file.place], file)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
            raise Corrupt(f"the archive cannot be unpacked: {error}"[:300], stage="extract") from None
        self._sync(files)
        self._report(len(files), len(files))

    def _report(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self.progress is not None and (done in (0, total) or now - self._reported >= INTERVAL):
            self._reported = now
            self.progress(done, total)

    def _write(self, opened: zipfile.ZipFile, member: zipfile.ZipInfo, file: Unpacked) -> None:
        remaining = file.size
        with entry(self.root, f"{self.part}/{file.path}", self.calls, make=True, sync=False) as place:
            fd = place.open(os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with open(fd, "wb") as plain, opened.open(member) as packed:
            while chunk := packed.read(_CHUNK):
                if self.stop.is_set():
                    raise DownloadError("stopped while it was unpacked", stage="extract")
                remaining -= len(chunk)
                if remaining < 0:
                    raise Corrupt(f"{file.path[:200]!r} unpacks to more bytes than declared", stage="extract")
                plain.write(chunk)

    def _sync(self, files: Sequence[Unpacked]) -> None:
        """Sync the files and their folders (fsync)."""
        with entry(self.root, f"{self.part}/_", self.calls) as place:
            if place.fd is not None and _sync_file_system(place.fd):
                return
        for file in files:
            with entry(self.root, f"{self.part}/{file.path}", self.calls) as place:
                fd = place.open(os.O_RDWR)
                try:
                    self.calls.fsync(fd)
                finally:
                    self.calls.close(fd)
        for folder in {parent for file in files for parent in PurePosixPath(file.path).parents}:
            with entry(self.root, f"{self.part}/{folder / '_'}", self.calls) as place:
                place.sync_directory()


def _members(opened: zipfile.ZipFile, archive: Path) -> list[zipfile.ZipInfo]:
    """Return the members in the order of the directory, under the names that all other results have for them."""
    members = opened.infolist()
    for member, listed in zip(members, list_entries(archive), strict=True):
        member.filename = listed.name
    return members


def _sync_file_system(fd: int) -> bool:
    """Sync the whole file system of an open folder by one syncfs(2); False where the system has none.

    70,000 small files take 3 minutes by one fsync each, and some seconds this way.
    """
    if sys.platform != "linux":
        return False
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        return False
    if syncfs(fd):
        raise OSError(ctypes.get_errno(), "syncfs failed")
    return True
