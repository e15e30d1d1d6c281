"""A proved archive's files in a folder beside it: all of them at once, or none.

They are written into a hidden folder, which gets its name in one step when everything in it is on the disk. The record
knows of the name before, so that after a crash a folder of that name is known to be ours and whole.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from ...errors import DownloadError, NameTaken
from ..disk.unzip import unpack
from ..record.extracted import Extracted
from ..rules.file_names import bare, part_name

if TYPE_CHECKING:
    from ..item import Item
    from ..services import Services
    from .claim import ClaimedItem

__all__ = ["extracted"]

SUFFIX = ".files"

Save = Callable[..., Any]


async def extracted(item: Item, place: ClaimedItem, save: Save, tools: Services) -> Extracted | None:
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


async def _unpacked(item: Item, place: ClaimedItem, folder: Path, tools: Services) -> None:
    settings, stop = item.terms.settings, Event()
    work = partial(
        unpack, place.path, folder, place.path.parent / f"{part_name(item.package)}.d",
        wanted=settings.extract if callable(settings.extract) else None, limit=settings.extract_bytes,
        keep_free=settings.keep_free, stop=stop,
    )  # fmt: skip
    await tools.threads.run_until(stop, work)
