"""Record a failure, and turn an unforeseen exception into a `DownloadError`."""

from __future__ import annotations

import logging
from contextlib import suppress
from traceback import format_tb
from typing import TYPE_CHECKING

from ..._redact import excerpt
from ...errors import Corrupt, DownloadError, LinkExpired, NameTaken, NotAPackage, PackageFailed, PixxelError

if TYPE_CHECKING:
    from ..item import Item
    from ..services import Services

__all__ = ["note_failure", "unforeseen"]

log = logging.getLogger("pixxel_async.downloads")

_DROPS_DOWNLOAD_ID = (Corrupt, LinkExpired, NotAPackage, PackageFailed)
"""After these errors a package requested by POST is requested again; polling its old download id would not help."""


async def note_failure(item: Item, error: PixxelError, services: Services) -> None:
    """Record a failure; a package that failed for good in `give_up_after` runs is recorded as given up."""
    if isinstance(error, _DROPS_DOWNLOAD_ID):
        item.client.packages.forget(item.package)
        item.download_id = ""
    final = not error.retryable and not isinstance(error, NameTaken)  # a file in the way may be gone in the next run
    with suppress(PixxelError):
        row = await services.record.get(item.identity, item.folder)
        if row is not None and row.state in ("done", "publishing"):
            return
        runs = (row.runs if row is not None else 0) + final
        given_up = final and runs >= item.settings.max_failed_runs
        await services.record.save(
            item.identity, item.folder, state="given_up" if given_up else "failed",
            error=str(error).encode(errors="backslashreplace").decode(), error_kind=type(error).__name__,
            retryable=error.retryable, runs=runs,
            fields=dict(item.wanted.fields), download_id=item.download_id or None,
        )  # fmt: skip


def unforeseen(error: Exception, stage: str, item: Item | None = None) -> DownloadError:
    """Wrap an exception that is a bug of ours; `item` is None where it ends all items."""
    # The message may hold a signed link: the log gets the traceback alone.
    log.error("unforeseen %s in stage %s\n%s", type(error).__name__, stage, "".join(format_tb(error.__traceback__)))
    try:
        message = excerpt(str(error).encode(errors="backslashreplace"))
    except Exception:  # the handler of last resort: nothing in it may fail
        message = "(no message)"
    told = f"unforeseen: {type(error).__name__}: {message}"
    return DownloadError(told, package=item.identity if item is not None else "", stage=stage)
