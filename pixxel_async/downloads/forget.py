"""Remove a package from the record, and its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._aio.shield import finish
from ..errors import DownloadError
from .record.extracted import Extracted

if TYPE_CHECKING:
    from .disk.locations import Location
    from .record import Row
    from .services import Services

__all__ = ["forget"]


async def forget(services: Services, home: Location, identity: str, *, delete: bool) -> bool:
    """Remove a package from the record, and with `delete` its files; False when it was not in it.

    Raises:
        DownloadError: it is being fetched, here or by another process.
    """
    if await services.record.get(identity, home.folder) is None:
        return False
    claim = await services.record.claim(identity, home.folder, name=None, part="")
    if claim is None:
        raise DownloadError("it is being fetched; cancel that first", package=identity, stage="publish")
    try:
        if delete:
            await _delete(services, home, claim.row)
        return await services.record.forget(identity, home.folder)
    finally:
        await finish(services.record.release(identity, home.folder))


async def _delete(services: Services, home: Location, row: Row) -> None:
    if row.name:
        await home.destination.remove(row.name)
    if row.part:
        await services.threads.run(services.disk.remove, home.folder, row.part)
    unpacked = Extracted.read(row.extracted)
    if unpacked is not None and unpacked.folder:
        await services.threads.run(services.disk.remove_tree, home.folder, unpacked.folder)
