"""Request one package or its state from the API, and remember the answer."""

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

__all__ = ["ask"]


async def ask(item: Item, services: Services) -> PackageState:
    """Request a package, or its state; a new download id is recorded before the answer is used.

    Raises:
        PixxelError: as `client.packages.ask`.
    """
    state = await item.client.packages.ask(item.package, download_id=item.download_id)
    if state.download_id != item.download_id:
        item.download_id = state.download_id
        with suppress(DownloadError):  # another process holds the row and has a download id of its own
            await services.record.save(item.identity, item.folder, download_id=state.download_id or None)
    services.emit(Asked(item.identity, state.status))
    item.status = sys.intern(str(state.status))
    return state
