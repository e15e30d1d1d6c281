"""Unpack a proved archive into a folder beside it: all files, or none.

The files are written into a hidden folder, which is renamed once all of them are on the disk. The final name is
recorded before (write-ahead), so that after a crash a folder of that name is known to be ours and complete.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from ...errors import DownloadError, NameTaken
from ..disk.unzip import unpack
from ..record.extracted import Extracted
from ..rules.file_names import bare, part_name

if TYPE_CHECKING:
    from .claim import ClaimedItem

__all__ = ["extract_files"]

SUFFIX = ".files"


async def extract_files(claim: ClaimedItem) -> Extracted | None:
    """Unpack the archive if `extract` is set and it was not unpacked before; return what is recorded as unpacked.

    Raises:
        DownloadError: the archive cannot be unpacked safely, the disk is full, or the folder is not ours; the archive
            stays, and the row keeps the reason beside its state `done`.
    """
    settings, threads, disk = claim.item.settings, claim.services.threads, claim.services.disk
    recorded = Extracted.read(claim.row.extracted)
    if not settings.extract or (recorded is not None and recorded.whole):
        return recorded
    if claim.row.container != "zip" or await threads.run(disk.look, claim.path) is None:
        return recorded
    target = Extracted(bare(claim.name) + SUFFIX, settings.keep_archive)
    folder, stop = claim.folder / target.folder, Event()
    try:
        if recorded is None:
            await threads.run(_check_free, folder)
            await claim.save(durable=True, extracted=target.text())
        work = partial(
            unpack, claim.path, folder, claim.path.parent / f"{part_name(claim.item.package)}.d",
            wanted=settings.extract if callable(settings.extract) else None,
            limit=claim.item.constants.max_extracted_bytes, keep_free=settings.min_free_space, stop=stop,
        )  # fmt: skip
        await threads.run_until(stop, work)
    except DownloadError as error:
        renamed = Extracted.read(claim.row.extracted) is not None and await threads.run(os.path.lexists, folder)
        kept = target.text() if renamed else None  # what failed after the rename is known as ours in the next run
        await claim.save(extracted=kept, error=str(error), error_kind=type(error).__name__, retryable=error.retryable)
        raise
    target = target._replace(whole=True)
    await claim.save(extracted=target.text(), error=None, error_kind=None)
    if not target.kept:
        await threads.run(disk.remove, claim.path)
    return target


def _check_free(folder: Path) -> None:
    if os.path.lexists(folder):
        raise NameTaken(f"{folder} exists and is not known to be ours", stage="extract")
