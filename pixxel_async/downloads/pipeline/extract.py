"""Unpack a proved archive into a folder beside it: all files, or none.

The files are written into a hidden folder, which is renamed once all of them are on the disk. The final name is
recorded before (write-ahead), so that after a crash a folder of that name is known to be ours and complete.
"""

from __future__ import annotations

import asyncio
import posixpath
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

from ...errors import DownloadError, NameTaken
from ...events import Unpacking
from ..disk.unzip import unpack
from ..record.rows import Extracted
from ..rules.file_names import part_name, strip_suffix

if TYPE_CHECKING:
    from .claim import ClaimedItem

__all__ = ["extract_files"]

SUFFIX = ".files"


async def extract_files(claim: ClaimedItem) -> Extracted | None:
    """Unpack the archive if `extract` is set and it was not unpacked before; return the recorded extraction.

    Raises:
        DownloadError: the archive cannot be unpacked safely, the disk is full, or the folder is not ours; the archive
            stays, and the row keeps the reason beside its state `done`.
    """
    settings, threads, disk = claim.item.settings, claim.services.threads, claim.services.disk
    recorded = Extracted.read(claim.row.extracted)
    if not settings.extract or (recorded is not None and recorded.whole):
        return recorded
    if claim.row.container != "zip" or await threads.run(disk.look_up, claim.folder, claim.name) is None:
        return recorded
    target = Extracted(strip_suffix(claim.name) + SUFFIX, settings.keep_archive)
    part = posixpath.join(posixpath.dirname(claim.name), f"{part_name(claim.item.package)}.d")
    identity, loop, stop = claim.item.identity, asyncio.get_running_loop(), Event()

    def report(done: int, total: int) -> None:
        loop.call_soon_threadsafe(claim.services.emit, Unpacking(identity, done, total))

    try:
        if recorded is None:
            if await threads.run(disk.look_up, claim.folder, target.folder) is not None:
                raise NameTaken(f"{claim.folder / target.folder} exists and is not in the record", stage="extract")
            await claim.save(durable=True, extracted=target.text())
        work = partial(
            unpack, claim.folder, claim.name, target.folder, part,
            choose=settings.extract if callable(settings.extract) else None,
            limit=claim.item.constants.max_extracted_bytes, keep_free=settings.min_free_space,
            stop=stop, progress=report,
        )  # fmt: skip
        await threads.run_until(stop, work)
    except DownloadError as error:
        announced = Extracted.read(claim.row.extracted) is not None
        renamed = announced and await threads.run(disk.look_up, claim.folder, target.folder) is not None
        column = target.text() if renamed else None  # the next run recognises the folder of a failed sync
        await claim.save(extracted=column, error=str(error), error_kind=type(error).__name__, retryable=error.retryable)
        raise
    target = target._replace(whole=True)
    await claim.save(extracted=target.text(), error=None, error_kind=None)
    if not target.kept:
        await threads.run(disk.remove, claim.folder, claim.name)
    return target
