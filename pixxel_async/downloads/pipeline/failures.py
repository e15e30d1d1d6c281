"""Record a failure, and turn an unforeseen exception into a `DownloadError`."""

from __future__ import annotations

import logging
from contextlib import suppress
from traceback import format_tb
from typing import TYPE_CHECKING

from ..._redact import excerpt
from ...errors import (
    Corrupt,
    DownloadError,
    DownloadStage,
    LinkExpired,
    NotAPackage,
    NotFound,
    PackageFailed,
    PixxelError,
)
from ..rules.giving_up import counts_against, counts_today

if TYPE_CHECKING:
    from ..item import Item
    from ..record import Row
    from ..services import Services

__all__ = ["note_failure", "to_download_error"]

log = logging.getLogger("pixxel_async.downloads")

_DROPS_DOWNLOAD_ID = (Corrupt, LinkExpired, NotAPackage, PackageFailed)
"""After these errors a package requested by POST is requested again; polling its old download id would not help."""


async def note_failure(item: Item, error: PixxelError, services: Services, *, about_package: bool = True) -> None:
    """Record a failure; a package that the API has refused on `max_failed_runs` days is recorded as given up.

    A package that the API does not know and that never had a byte leaves no row, so that unknown ids fill no record.

    Args:
        about_package: whether the error is about this package, and not about the key.
    """
    if isinstance(error, _DROPS_DOWNLOAD_ID):
        item.client.packages.forget(item.package)
        item.download_id = ""
    with suppress(PixxelError):
        row = await services.record.get(item.identity, item.folder)
        if row is not None and row.state in ("done", "publishing"):
            return
        if isinstance(error, NotFound) and _never_had_a_byte(row):
            if row is not None:
                await services.record.forget(item.identity, item.folder)
            return
        runs, counted_at, state = (row.runs, row.counted_at, row.state) if row is not None else (0, None, "")
        counts = about_package and counts_against(error)
        if counts and counts_today(counted_at, services.now()):
            runs, counted_at = runs + 1, services.now()
        given_up = runs >= item.constants.max_failed_runs and (counts or state == "given_up")
        await services.record.save(
            item.identity, item.folder, state="given_up" if given_up else "failed",
            error=str(error).encode(errors="backslashreplace").decode(), error_kind=type(error).__name__,
            retryable=error.retryable, runs=runs, counted_at=counted_at,
            fields=dict(item.entry.fields), download_id=item.download_id or None,
        )  # fmt: skip


def _never_had_a_byte(row: Row | None) -> bool:
    return row is None or (row.total, row.size, row.finished_at) == (None, None, None)


def to_download_error(error: Exception, stage: DownloadStage, item: Item | None = None) -> DownloadError:
    """Wrap an unexpected exception; `item` is None if it ends all items."""
    # The message may contain a signed link: only the traceback is logged.
    log.error("unforeseen %s in stage %s\n%s", type(error).__name__, stage, "".join(format_tb(error.__traceback__)))
    try:
        message = excerpt(str(error).encode(errors="backslashreplace"))
    except Exception:  # the handler of last resort: nothing in it may fail
        message = "(no message)"
    text = f"unforeseen: {type(error).__name__}: {message}"
    return DownloadError(text, package=item.identity if item is not None else "", stage=stage)
