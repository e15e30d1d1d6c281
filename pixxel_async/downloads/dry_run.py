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
    threads, disk = Threads(), Disk()
    try:
        place = evolve(place, folder=await threads.run(place.folder.resolve))
        to = await _destination(place, disk, threads)
        terms = Terms(client, place.folder, to, evolve(client.settings.download, **settings))
        async with _opened(record or place.record, terms, threads) as opened:
            return await plan(_Sight(opened, disk, threads), terms, packages, sizes=sizes)
    finally:
        threads.close()


async def _destination(place: Where, disk: Disk, threads: Threads) -> Destination:
    if place.url is None:
        return LocalFolder(place.folder, disk, threads)
    store = await threads.run(open_store, place.url)
    await store.open()
    return store


@asynccontextmanager
async def _opened(path: Path, terms: Terms, threads: Threads) -> AsyncIterator[Record]:
    """The record, or where there is none an empty one in a place of its own that is removed afterwards."""
    if await threads.run(path.is_file):
        async with await Record.open(path, origin=terms.client.origin) as record:
            yield record
        return
    spare = await threads.run(TemporaryDirectory, prefix="pixxel-")
    try:
        async with await Record.open(Path(spare.name) / "record.sqlite", origin=terms.client.origin) as record:
            if await terms.destination.has_sums():
                await record.lose()
            yield record
    finally:
        await threads.run(spare.cleanup)
