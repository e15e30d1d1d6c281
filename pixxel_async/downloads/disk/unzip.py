"""Unpack an archive into a folder, within limits; runs in a thread."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from threading import Event
from typing import Any

from ..._formats.zip_walk import count_members, listing
from ...errors import Corrupt, DownloadError, TooLarge
from .rules.unzip import MOST_MEMBERS, Limits, Unpacked, plan
from .syscalls import Syscalls, named

__all__ = ["unpack"]


_CHUNK = 1 << 20


_RATIO, _SPARE = 100, 1 << 30
"""Default limit in bytes: 100 x the archive + 1 GiB."""


def unpack(
    archive: Path,
    folder: Path,
    part: Path,
    *,
    wanted: Callable[[zipfile.ZipInfo], bool] | None = None,
    limit: int | None = None,
    keep_free: int = 0,
    stop: Event | None = None,
) -> None:
    """Unpack an archive into a hidden folder, sync it, and rename it; runs in a thread.

    Args:
        folder: final name; one that exists was announced in the record, and is therefore complete.
        part: hidden folder beside it, until the rename.
        wanted: chooses among the members; None takes all.
        limit: bytes that may come out; None for what is in proportion to the archive.
        keep_free: bytes that stay free on the disk.
        stop: ends the work when set.
    """
    if os.path.lexists(folder):
        return
    with named("unpack into", folder):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        try:
            _fill(archive, part, wanted, _limits(archive, limit, keep_free), stop or Event())
            os.rename(part, folder)
            _sync(folder.parent)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise


def _free(folder: Path) -> int:
    """Return the free bytes of a disk, a very large number where the file system does not tell."""
    free = Syscalls().free(folder)
    return sys.maxsize if free is None else free


def _limits(archive: Path, limit: int | None, keep_free: int) -> Limits:
    free = max(_free(archive.parent) - keep_free, 0)
    if limit is None:
        most, name = _RATIO * archive.stat().st_size + _SPARE, f"{_RATIO} times its size and 1 GiB"
    else:
        most, name = limit, "max_extracted_bytes"
    return Limits(free, "what the disk holds") if free < most else Limits(most, name)


def _check_count(archive: Path) -> None:
    """Refuse an archive by the member count of its end record, before its directory is read into memory."""
    if (count := count_members(archive)) > MOST_MEMBERS:
        raise TooLarge(f"the archive has {count:,} members; at most {MOST_MEMBERS:,} are unpacked", stage="extract")


def _fill(archive: Path, part: Path, wanted: Callable[[Any], bool] | None, limits: Limits, stop: Event) -> None:
    _check_count(archive)
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in _members(opened, archive) if wanted is None or wanted(member)]
            files = plan(members, limits)
            for file in files:
                _write(opened, members[file.place], part / file.path, file, stop)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise Corrupt(f"the archive cannot be unpacked: {error}"[:300], stage="extract") from None
    if not _sync_file_system(part):
        for file in files:
            _sync(part / file.path)
        for path in _folders(files):
            _sync(part / path)


def _members(opened: zipfile.ZipFile, archive: Path) -> list[zipfile.ZipInfo]:
    """The members in the order of the directory, under the names that all other results have for them."""
    members = opened.infolist()
    for member, entry in zip(members, listing(archive), strict=True):
        member.filename = entry.name
    return members


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, file: Unpacked, stop: Event) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    left = file.size
    with opened.open(member) as packed, path.open("xb") as plain:
        while chunk := packed.read(_CHUNK):
            if stop.is_set():
                raise DownloadError("stopped while it was unpacked", stage="extract")
            left -= len(chunk)
            if left < 0:
                raise Corrupt(f"{file.path[:200]!r} unpacks to more than it says", stage="extract")
            plain.write(chunk)


def _folders(files: Sequence[Unpacked]) -> set[PurePosixPath]:
    return {parent for file in files for parent in PurePosixPath(file.path).parents} | {PurePosixPath()}


def _sync(path: Path) -> None:
    """Bring a file, or a folder's entries, to the disk."""
    if os.name == "nt":
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
        return
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _sync_file_system(folder: Path) -> bool:
    """Bring the folder's whole file system to the disk by one syncfs(2); False where the system has none.

    70,000 small files take 3 minutes by one fsync each, and some seconds this way.
    """
    if sys.platform != "linux":
        return False
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        return False
    fd = os.open(folder, os.O_RDONLY)
    try:
        if syncfs(fd):
            raise OSError(ctypes.get_errno(), "syncfs failed")
    finally:
        os.close(fd)
    return True
