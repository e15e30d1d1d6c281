"""What is done with a folder beside fetching into it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DownloadError
from .surely import surely

if TYPE_CHECKING:
    from .tools import Tools

__all__ = ["forget"]


async def forget(tools: Tools, folder: Path, identity: str, *, delete: bool) -> bool:
    """Remove a package from the record, and with `delete` its files; False when it was not in it.

    Raises:
        DownloadError: it is being fetched, here or by another process.
    """
    row = await tools.record.get(identity, folder)
    if row is None:
        return False
    if await tools.record.claim(identity, folder, name=None, part=row.part or "") is None:
        raise DownloadError("it is being fetched; cancel that first", package=identity, stage="publish")
    try:
        for name in (row.name, row.part) if delete else ():
            if name:
                await tools.threads.run(tools.disk.remove, folder / name)
        return await tools.record.forget(identity, folder)
    finally:
        await surely(tools.record.release(identity, folder))
