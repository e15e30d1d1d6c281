"""A proved archive's files in a folder beside it: all of them at once, or none.

They are written into a hidden folder, which gets its name in one step when everything in it is on the disk. The record
knows of the name before, so that after a crash a folder of that name is known to be ours and whole.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from threading import Event
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import Corrupt, DownloadError, NameTaken
from .calls import named
from .rules.naming import bare, part_name
from .rules.unpacking import Limits, Unpacked, plan

if TYPE_CHECKING:
    from .pending import Item
    from .place import Place
    from .tools import Tools

__all__ = ["Extracted", "extracted", "unpack"]

SUFFIX = ".files"
_CHUNK = 1 << 20
_RATIO, _SPARE = 100, 1 << 30
"""Unless told otherwise: what comes out is at most a hundred times the archive, and a gibibyte."""

Save = Callable[..., Any]


class Extracted(NamedTuple):
    """What the record keeps of it, as JSON.

    Attributes:
        folder: its name, relative to the manager's folder.
        kept: whether the archive stays.
        whole: whether the folder has been filled; False from the announcement until then.
    """

    folder: str
    kept: bool = True
    whole: bool = False

    @classmethod
    def read(cls, text: str | None) -> Extracted | None:
        """From the record's text; what cannot be read is nothing."""
        if not text:
            return None
        try:
            found = json.loads(text)
            return cls(str(found["folder"]), bool(found["kept"]), bool(found["whole"])) if found else None
        except (ValueError, TypeError, KeyError):
            return None

    def text(self) -> str:
        """For the record."""
        return json.dumps(self._asdict())


async def extracted(item: Item, place: Place, save: Save, tools: Tools) -> Extracted | None:
    """See to it that the files are there, if they are wanted; what was extracted, then or before.

    Args:
        save: writes changes into the item's row.

    Raises:
        DownloadError: an archive that cannot be unpacked safely, no room, or a folder that is not ours; the archive
            stays, and the record keeps why beside "done".
    """
    settings, done = item.terms.settings, Extracted.read(place.row.extracted)
    if not settings.extract or (done is not None and done.whole):
        return done
    if place.row.container != "zip" or await tools.threads.run(tools.disk.look, place.path) is None:
        return done
    target = Extracted(bare(place.name) + SUFFIX, settings.keep_archive)
    folder = place.folder / target.folder
    try:
        if done is None:
            await tools.threads.run(_check_free, folder)
            await save(durable=True, extracted=target.text())
        await _unpacked(item, place, folder, tools)
    except DownloadError as error:
        await save(extracted=None, error=str(error), error_kind=type(error).__name__, retryable=error.retryable)
        raise
    target = target._replace(whole=True)
    await save(extracted=target.text(), error=None, error_kind=None)
    if not target.kept:
        await tools.threads.run(tools.disk.remove, place.path)
    return target


def _check_free(folder: Path) -> None:
    if os.path.lexists(folder):
        raise NameTaken(f"{folder} exists and is not known to be ours", stage="extract")


async def _unpacked(item: Item, place: Place, folder: Path, tools: Tools) -> None:
    settings, stop = item.terms.settings, Event()
    work = partial(
        unpack, place.path, folder, place.path.parent / f"{part_name(item.package)}.d",
        wanted=settings.extract if callable(settings.extract) else None, limit=settings.extract_bytes,
        keep_free=settings.keep_free, stop=stop,
    )  # fmt: skip
    await tools.threads.run_until(stop, work)


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
    return Limits(free, "what the disk holds") if free < most else Limits(most, "extract_bytes")


def _fill(archive: Path, part: Path, wanted: Callable[[Any], bool] | None, limits: Limits, stop: Event) -> None:
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if wanted is None or wanted(member)]
            files = plan(members, limits)
            for file in files:
                _write(opened, members[file.place], part / file.path, file, stop)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise Corrupt(f"the archive cannot be unpacked: {error}"[:300], stage="extract") from None
    for path in _folders(files):
        _sync(part / path)


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
