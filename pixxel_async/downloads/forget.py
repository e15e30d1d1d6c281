"""Remove a package from the record, and its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._aio.shield import finish
from ..errors import DownloadError
from .record.rows import Extracted

if TYPE_CHECKING:
    from .disk.locations import Location
    from .record import Row
    from .services import Services

__all__ = ["forget"]


async def forget(services: Services, location: Location, identity: str, *, delete: bool) -> bool:
    """Remove a package from the record, and with `delete` its files; False when it was not in it.

    Raises:
        DownloadError: it is being fetched, here or by another process.
    """
    if await services.record.get(identity, location.folder) is None:
        return False
    claim = await services.record.claim(identity, location.folder, name=None, part="")
    if claim is None:
        raise DownloadError("it is being fetched; cancel that first", package=identity, stage="publish")
    try:
        if delete:
            await _delete(services, location, claim.row)
        return await services.record.forget(identity, location.folder)
    finally:
        await finish(services.record.release(identity, location.folder))


async def _delete(services: Services, location: Location, row: Row) -> None:
    if row.name:
        await location.destination.remove(row.name)
    if row.part:
        await services.threads.run(services.disk.remove, location.folder, row.part)
    unpacked = Extracted.read(row.extracted)
    if unpacked is not None and unpacked.folder:
        await services.threads.run(services.disk.remove_tree, location.folder, unpacked.folder)
