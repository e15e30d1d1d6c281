"""What the record keeps of a failure."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ..._redact import excerpt
from ...errors import Corrupt, DownloadError, LinkExpired, NameTaken, NotAPackage, PackageFailed, PixxelError
from ..item import Item

if TYPE_CHECKING:
    from ..item import Item
    from ..services import Services

__all__ = ["note_failure", "unforeseen"]

_USELESS = (Corrupt, LinkExpired, NotAPackage, PackageFailed)
"""After these a package that is asked for by POST is asked for anew, not looked at again by the id of the download."""


def _for_good(error: PixxelError) -> bool:
    """Whether it counts towards giving up; a file in the way may be gone the next time."""
    return not error.retryable and not isinstance(error, NameTaken)


async def note_failure(item: Item, error: PixxelError, tools: Services) -> None:
    """Leave the failure in the record; what fails for good in several runs is given up."""
    folder, settings = item.terms.folder, item.terms.settings
    if isinstance(error, _USELESS):
        item.terms.client.packages.forget(item.package)
        item.download_id = ""
    with suppress(PixxelError):
        row = await tools.record.get(item.identity, folder)
        if row is not None and row.state in ("done", "publishing"):
            return
        runs = (row.runs if row is not None else 0) + _for_good(error)
        state = "given_up" if runs >= settings.give_up_after and _for_good(error) else "failed"
        await tools.record.save(
            item.identity, folder, state=state, error=str(error), error_kind=type(error).__name__,
            retryable=error.retryable, runs=runs, fields=dict(item.wanted.fields),
            download_id=item.download_id or None,
        )  # fmt: skip


def unforeseen(error: Exception, stage: str, item: Item | None = None) -> DownloadError:
    """A fault of ours: the failure of one item, or of all."""
    told = f"unforeseen: {type(error).__name__}: {excerpt(str(error).encode())}"
    return DownloadError(told, package=item.identity if item is not None else "", stage=stage)
