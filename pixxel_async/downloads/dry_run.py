"""A plan without a manager: told from what is there, making neither folder nor record."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from .destination import Destination, LocalFolder
from .disk import Disk
from .home import Where, open_store
from .pending import Terms
from .plan import Planned, plan
from .record import Record
from .sums import SUMS
from .threads import Threads

if TYPE_CHECKING:
    from ..client import PixxelClient

__all__ = ["dry_run"]


@frozen
class _Sight:
    record: Record
    disk: Disk
    threads: Threads


async def dry_run(
    client: PixxelClient,
    place: Where,
    packages: Iterable[object] | AsyncIterable[object],
    *,
    record: Path | None = None,
    sizes: bool = False,
    **settings: Any,
) -> list[Planned]:
    """What `fetch_all(packages, …)` of a manager for this place would do; writes nothing there.

    Args:
        place: the folder or the object store.
        record: the record's file, if not in the folder.
        sizes: as in `DownloadManager.plan`: whether each package that would be fetched is asked for once.
        settings: fields of `DownloadSettings`.

    Raises:
        ConfigError: the record is of another API, or cannot be read; or the store cannot be used.
    """
    threads = Threads()
    try:
        folder = await threads.run(place.folder.resolve)
        async with _opened(record or evolve(place, folder=folder).record, folder, client.origin, threads) as opened:
            sight = _Sight(opened, Disk(), threads)
            to = await _destination(place, folder, sight)
            terms = Terms(client, folder, to, evolve(client.settings.download, **settings))
            return await plan(sight, terms, packages, sizes=sizes)
    finally:
        threads.close()


async def _destination(place: Where, folder: Path, sight: _Sight) -> Destination:
    if place.url is None:
        return LocalFolder(folder, sight.disk, sight.threads)
    store = await sight.threads.run(open_store, place.url)
    await store.open()
    return store


@asynccontextmanager
async def _opened(path: Path, folder: Path, origin: str, threads: Threads) -> AsyncIterator[Record]:
    """The record, or where there is none an empty one in a place of its own that is removed afterwards."""
    if await threads.run(path.is_file):
        async with await Record.open(path, origin=origin) as record:
            yield record
        return
    spare = await threads.run(TemporaryDirectory, prefix="pixxel-")
    try:
        async with await Record.open(Path(spare.name) / "record.sqlite", origin=origin) as record:
            if await threads.run((folder / SUMS).is_file):
                await record.lose()
            yield record
    finally:
        await threads.run(spare.cleanup)
