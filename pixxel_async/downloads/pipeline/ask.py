"""One question about one package, and what is remembered of the answer."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from ...errors import DownloadError
from ...events import Asked

if TYPE_CHECKING:
    from ...packages import PackageState
    from ..item import Item
    from ..services import Services

__all__ = ["inquire"]


async def inquire(item: Item, tools: Services) -> PackageState:
    """Ask for one package, or how it stands; the id of a download is in the record before anything is made of it.

    Raises:
        PixxelError: as `client.packages.ask`.
    """
    state = await item.terms.client.packages.ask(item.package, download_id=item.download_id)
    if state.download_id != item.download_id:
        item.download_id = state.download_id
        with suppress(DownloadError):  # a row that another process holds: it has an id of its own
            await tools.record.save(item.identity, item.terms.folder, download_id=state.download_id or None)
    tools.tell(Asked(item.identity, state.status))
    item.status = sys.intern(str(state.status))
    return state
