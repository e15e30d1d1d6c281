"""Unpack an archive into a folder, within limits; runs in a thread."""

from __future__ import annotations

import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from threading import Event
from typing import Any

from ..._formats.zip_walk import listing
from ...errors import Corrupt, DownloadError
from .rules.unzip import Limits, Unpacked, plan
from .syscalls import named

__all__ = ["unpack"]


_CHUNK = 1 << 20


_RATIO, _SPARE = 100, 1 << 30
"""Unless told otherwise: what comes out is at most a hundred times the archive, and a gibibyte."""


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
    """Fill a folder with an archive's files, in one step; runs in a thread.

    Args:
        folder: what they become visible under; one that is there was announced by us, and is therefore whole.
        part: a hidden folder beside it, for the time until then.
        wanted: chooses among the members; None takes all.
        limit: bytes that may come out; None for what is in proportion to the archive.
        keep_free: bytes that stay free on the disk.
        stop: ends the work when it is set.
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


def _limits(archive: Path, limit: int | None, keep_free: int) -> Limits:
    free = max(shutil.disk_usage(archive.parent).free - keep_free, 0)
    most = _RATIO * archive.stat().st_size + _SPARE if limit is None else limit
    return Limits(free, "what the disk holds") if free < most else Limits(most, "max_extracted_bytes")


def _fill(archive: Path, part: Path, wanted: Callable[[Any], bool] | None, limits: Limits, stop: Event) -> None:
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in _members(opened, archive) if wanted is None or wanted(member)]
            files = plan(members, limits)
            for file in files:
                _write(opened, members[file.place], part / file.path, file, stop)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise Corrupt(f"the archive cannot be unpacked: {error}"[:300], stage="extract") from None
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
        plain.flush()
        os.fsync(plain.fileno())


def _folders(files: Sequence[Unpacked]) -> set[PurePosixPath]:
    return {parent for file in files for parent in PurePosixPath(file.path).parents} | {PurePosixPath()}


def _sync(folder: Path) -> None:
    if os.name == "nt":
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
