"""Plan a run from record and disk, or by requesting package sizes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal, Unpack

from attrs import evolve, frozen

from .._aio.threads import Threads
from .._protocol.ranges import parse_content_range
from ..errors import DownloadError, KeyRefused, PixxelError
from ..packages import as_entry
from .disk.destination import Destination
from .disk.disk import Disk
from .disk.local_folder import LocalFolder
from .disk.locations import LocationSpec, open_store
from .engine.lookup import LookupResult, in_shard, look_up
from .engine.source import PackageSource
from .item import BatchContext
from .pipeline.decide import first_name
from .pipeline.rules.recovery import RecoveryStep
from .record import Record
from .services import ReadServices

if TYPE_CHECKING:
    from ..client import PixxelClient
    from ..packages import Link, Package
    from ..settings import DownloadOptions

__all__ = ["Planned", "dry_run", "plan"]

CHUNK = 512


@frozen
class Planned:
    """The next step of one package.

    Attributes:
        package: the package.
        step: `done`, `fetch`, `resume`, `prove`, `taken`, `given_up`, another step of recovery, or `elsewhere`: another
            machine's shard.
        path: where its file is, or would be; its suffix follows the container found in the bytes.
        offset: bytes already on disk, for `resume`.
        size: bytes of the whole package, as far as known.
        status: the service's status, if it was requested.
    """

    package: Package
    step: RecoveryStep | Literal["elsewhere"]
    path: Path
    offset: int = 0
    size: int | None = None
    status: str = ""


async def plan(
    services: ReadServices, context: BatchContext, packages: Iterable[object] | AsyncIterable[object], *, sizes: bool
) -> list[Planned]:
    """Plan these packages in order; see `DownloadManager.plan`."""
    planned: list[Planned] = []
    source = PackageSource(packages)
    try:
        while rows := await source.take(CHUNK):
            results = await look_up([as_entry(row) for row in rows], context, services)
            planned += [_plan_one(each, context) for each in results]
    finally:
        await source.aclose()
    return await _add_sizes(planned, context) if sizes else planned


def _plan_one(result: LookupResult, context: BatchContext) -> Planned:
    (entry, row, decision), settings = result, context.settings
    name = (row.name if row is not None else None) or first_name(entry, settings.name_template)
    size = (row.size or row.total) if row is not None else None
    step = decision.step if in_shard(entry.package, settings.shard) else "elsewhere"
    return Planned(entry.package, step, context.folder / name, decision.offset, size)


async def _add_sizes(planned: list[Planned], context: BatchContext) -> list[Planned]:
    """Add the sizes of packages that would be fetched, requesting as many at once as the settings allow."""
    positions = [at for at, each in enumerate(planned) if each.step in ("fetch", "resume")]
    for start in range(0, len(positions), context.settings.max_concurrent_requests):
        chunk = positions[start : start + context.settings.max_concurrent_requests]
        results = await asyncio.gather(*(_request_size(planned[at], context) for at in chunk), return_exceptions=True)
        for at, result in zip(chunk, results, strict=True):
            if isinstance(result, BaseException):
                raise result
            planned[at] = result
    return planned


async def _request_size(planned: Planned, context: BatchContext) -> Planned:
    try:
        state = await context.client.packages.ask(planned.package)
        size = await _request_length(state.link, context) if state.link is not None else planned.size
    except KeyRefused:
        raise
    except PixxelError as error:
        return evolve(planned, status=str(error))
    return evolve(planned, size=size, status=state.message or state.status)


async def _request_length(link: Link, context: BatchContext) -> int | None:
    """Return the size behind a link by requesting its first byte: many storages refuse a HEAD of a signed URL."""
    async with context.client.storage.get(link.url, headers={"Range": "bytes=0-0"}) as reply:
        if reply.status == 206:
            content_range = parse_content_range(reply.headers.get("content-range"))
            return content_range.total if content_range is not None else None
        if reply.status in (200, 416):
            length = reply.headers.get("content-length", "") if reply.status == 200 else "0"
            return int(length) if length.isdecimal() else None
        raise DownloadError(f"the storage answered {reply.status}", stage="stream")


@frozen
class _PlanServices:
    record: Record
    disk: Disk
    threads: Threads


async def dry_run(
    client: PixxelClient,
    place: LocationSpec,
    packages: Iterable[object] | AsyncIterable[object],
    *,
    record: Path | None = None,
    sizes: bool = False,
    **settings: Unpack[DownloadOptions],
) -> list[Planned]:
    """Plan the steps of `fetch_all(packages, …)` for a destination, without writing there.

    Args:
        place: the folder or object store.
        record: the record's file, if not in the folder.
        sizes: whether each package that would be fetched is requested once, as in `DownloadManager.plan`.
        settings: fields of `DownloadSettings`.

    Raises:
        ConfigError: the record is of another API, or cannot be read; or the store cannot be used.
    """
    threads, disk = Threads(), Disk()
    try:
        place = evolve(place, folder=await threads.run(place.folder.resolve))
        to = await _open_destination(place, disk, threads)
        context = BatchContext(client, place.folder, to, evolve(client.settings.download, **settings))
        async with _open_record(record or place.record, context, threads) as opened:
            return await plan(_PlanServices(opened, disk, threads), context, packages, sizes=sizes)
    finally:
        threads.close()


async def _open_destination(place: LocationSpec, disk: Disk, threads: Threads) -> Destination:
    if place.url is None:
        return LocalFolder(place.folder, disk, threads)
    store = await threads.run(open_store, place.url)
    await store.open()
    return store


@asynccontextmanager
async def _open_record(path: Path, context: BatchContext, threads: Threads) -> AsyncIterator[Record]:
    """Open the record; if there is none, an empty temporary one."""
    if await threads.run(path.is_file):
        async with await Record.open(path, origin=context.client.origin) as record:
            yield record
        return
    spare = await threads.run(TemporaryDirectory, prefix="pixxel-")
    try:
        async with await Record.open(Path(spare.name) / "record.sqlite", origin=context.client.origin) as record:
            if await context.destination.has_sums():
                await record.note_lost()
            yield record
    finally:
        await threads.run(spare.cleanup)
