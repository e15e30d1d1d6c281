"""The download manager: many packages to disk, complete or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Unpack

import attrs

from .._aio.async_with import AsyncWithOnly
from .._aio.event_loop import running_loop
from .._aio.shield import finish
from .._hints import no_attribute
from ..errors import ClientClosed, ConfigError, DownloadError
from ..events import Downloaded, Event
from ..packages import Package, as_entry
from ..settings.constants import MAX_PENDING
from .batch import Outcomes, in_all
from .disk.destination import Destination
from .disk.locations import Location, Target, locate
from .engine.engine import Engine
from .engine.lookup import final_outcome, look_up
from .events_hub import EventHub, EventSubscription, Snapshot
from .forget import forget
from .item import BatchContext, Item
from .plan import Planned, plan
from .record import Record
from .startup import drain_out, shut, start
from .transfer import Progress, Transfer

if TYPE_CHECKING:
    from ..client import PixxelClient
    from ..settings import DownloadOptions, DownloadSettings

__all__ = ["DownloadManager"]

_OTHER_LOOP = (
    "this download manager was opened in another event loop, and works in that one only; each asyncio.run starts a "
    "new one: open client and manager inside the `async def` that you run"
)

Given = Package | object
"""A package, its text form, a `Job` or `JobTask` row, or a `PackageEntry`."""


class DownloadManager(AsyncWithOnly):
    """Fetch packages into a folder or an object store: request, poll, stream, prove, publish, and record each of them.

    Use it as an async context manager. Leaving it normally waits for the submitted packages; leaving it by an exception
    cancels them.

    Args:
        client: the client whose key requests the packages.
        folder: the destination, created if missing. Also `s3://bucket/prefix`, `gs://…`, `az://…`, or an `ObjectStore`
            of `pixxel_async.integrations.objects`: a file is sent there once it is complete and proved.
        settings: instead of the client's `settings.download`.
        record: the record's file; None for `<folder>/.pixxel/record.sqlite`, with an object store in its spool.
        spool: an object store's local folder, for part files; None for one of its own in `$XDG_STATE_HOME/pixxel`.
        name_template: names below the folder, as `DownloadSettings.name_template`.
        on_event: called with every event; it must not block, and its exceptions are dropped.
    """

    looks_at_organization = True
    """Whether the record is bound to the key's organization before the first request; an export's workers need not."""

    _usage = "`async with DownloadManager(client, folder) as manager:`"

    def __init__(
        self,
        client: PixxelClient,
        folder: Target,
        *,
        settings: DownloadSettings | None = None,
        record: str | Path | None = None,
        spool: str | Path | None = None,
        name_template: str | None = None,
        on_event: Callable[[Event], object] | None = None,
    ) -> None:
        _check_arguments(client, folder)
        chosen = settings or client.settings.download
        self._settings = attrs.evolve(chosen, name_template=name_template) if name_template is not None else chosen
        self._client = client
        self._target, self._spool = folder, spool
        self._folder = locate(folder, spool).folder
        self._record_path = Path(record) if record is not None else None
        self._hub = EventHub(on_event, client.timing.clock, client.emit)
        self._engine: Engine | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._batches: set[Outcomes] = set()

    @property
    def folder(self) -> Path:
        """The destination folder; with an object store its spool folder."""
        return self._folder

    @property
    def destination(self) -> Destination:
        """The destination of the final files: the folder, or an object store."""
        return self._opened.location.destination

    @property
    def record(self) -> Record:
        """The open record."""
        return self._opened.services.record

    @property
    def _opened(self) -> Engine:
        if self._closed:
            raise ClientClosed("this download manager is closed: create a new one")
        if self._engine is None:
            raise ConfigError(f"the download manager is not open: {self._usage}")
        return self._engine

    @property
    def _running(self) -> Engine:
        """The engine, for work in the event loop that opened it."""
        engine = self._opened
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        if loop is not self._loop:
            raise ClientClosed(_OTHER_LOOP)
        return engine

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            """Name the method that was meant."""
            guesses = ("download", "download_all", "download_many", "export", "fetch_many", "get", "run")
            hint = "`fetch` fetches one package, `fetch_all` many" if name in guesses else ""
            methods = [each for each in dir(type(self)) if not each.startswith("_")]
            raise AttributeError(no_attribute("the manager", name, methods, hint), name=name, obj=self)

    async def open(self) -> DownloadManager:
        """Open folder and record; harmless when repeated.

        Raises:
            ConfigError: the folder or the record cannot be used.
            ClientClosed: it was closed, or opened in another event loop.
        """
        if self._closed:
            raise ClientClosed("this download manager is closed: create a new one")
        if self._engine is not None and self._running:
            return self
        running_loop()
        try:
            await finish(self._open())
        except asyncio.CancelledError:
            await self.aclose(drain=0)
            raise
        return self

    async def _open(self) -> None:
        record, emit = self._record_path, self._hub.publish
        self._engine, self._locations = await start(
            self._client, self._target, self._spool, record, self._settings.shard, emit
        )
        if not self.looks_at_organization:
            self._engine.organization.skip()
        self._folder, self._loop = self._engine.location.folder, asyncio.get_running_loop()

    async def __aenter__(self) -> DownloadManager:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose(drain=None if kind is None else 0)

    def __repr__(self) -> str:
        state = "closed" if self._closed else "not open" if self._engine is None else "open"
        return f"DownloadManager({str(self._folder)!r}, {state})"

    async def aclose(self, *, drain: float | None = None) -> None:
        """Finish the submitted packages and close; unfinished ones stay in the record for the next run.

        Args:
            drain: seconds for the submitted packages; None waits until all have ended, 0 cancels at once.

        Raises:
            ClientClosed: this is another event loop, in which nothing of it ever ends; it stays open.
        """
        if self._engine is None or self._closed:
            self._closed = True
            return
        if asyncio.get_running_loop() is not self._loop:
            raise ClientClosed(_OTHER_LOOP)
        self._closed = True
        closed = DownloadError("the manager was closed before all packages were fetched", stage="wait")
        closed.retryable = True
        try:
            for batch in list(self._batches):
                batch.stop(closed)
            await drain_out(self._engine, drain)
        finally:
            await finish(shut(self._engine, self._locations, self._hub, closed))

    async def fetch(
        self,
        package: Given,
        *,
        client: PixxelClient | None = None,
        to: Target | None = None,
        **settings: Unpack[DownloadOptions],
    ) -> Downloaded:
        """Fetch one package, complete and proved on disk; return at once if it is there already.

        A package that is being fetched is waited for, not fetched twice; cancelling one call leaves it to the others.
        Each client makes its own requests, but a package that any client has fetched into the folder is returned.

        Args:
            package: the package, its text form, or a row of jobs or tasks.
            client: the client whose key requests it; None for the manager's.
            to: another folder or object store.
            settings: fields of `DownloadSettings`.

        Raises:
            PixxelError: the reason why it could not be fetched.
        """
        transfer = await self.submit(package, client=client, to=to, **settings)
        try:
            return await transfer
        finally:
            if not transfer.done:
                transfer.cancel()

    async def submit(
        self,
        package: Given,
        *,
        client: PixxelClient | None = None,
        to: Target | None = None,
        **settings: Unpack[DownloadOptions],
    ) -> Transfer:
        """Start to fetch a package once fewer than `max_pending` are under way; arguments as `fetch`."""
        engine = self._running
        context = self._context(client, settings, await self._locations.at(to) if to is not None else engine.location)
        entry = as_entry(package)
        key = engine.key(entry.package, context)
        await engine.wait_for_room(MAX_PENDING)
        item = engine.items.get(key)
        if item is not None:
            return self._transfer(item)
        item = engine.items[key] = Item(entry, context, engine.services.timing.clock())
        transfer = self._transfer(item)
        try:
            (result,) = await look_up([entry], context, engine.services, heads=False)
        except BaseException:
            transfer.cancel()
            raise
        outcome = final_outcome(result, context, skip=False)
        if item.sinks and outcome is not None:
            engine.finish(item, outcome)
        elif item.sinks:
            engine.begin(item, result, engine.schedule.add)
        return transfer

    def _transfer(self, item: Item) -> Transfer:
        engine = self._opened

        def progress() -> Progress:
            if item.running is None:
                return Progress(0, item.status or "waiting")
            return Progress(item.running.size, "streaming")

        transfer = Transfer(item.package, progress, lambda leaving: engine.remove_sink(item, leaving))
        item.sinks += (transfer,)
        return transfer

    def fetch_all(
        self,
        packages: Iterable[object] | AsyncIterable[object],
        *,
        wait_for_jobs: bool = False,
        client: PixxelClient | None = None,
        **settings: Unpack[DownloadOptions],
    ) -> Outcomes:
        """Fetch any number of packages in bounded memory; iterate the returned `Outcomes`.

        Args:
            packages: packages, texts, `Job` or `JobTask` rows, plain or async; read no faster than requests are sent.
            wait_for_jobs: whether a package is requested only when its job has ended well.
            client: the client whose key requests it; None for the manager's.
            settings: fields of `DownloadSettings`.
        """
        engine = self._running
        context = self._context(client, settings, engine.location)
        batch = Outcomes(
            packages, engine=engine, context=context, wait_for_jobs=wait_for_jobs, on_close=self._batches.discard
        )
        self._batches.add(batch)
        return batch

    def _context(self, client: PixxelClient | None, settings: DownloadOptions, location: Location) -> BatchContext:
        valid = {field.name for field in attrs.fields(type(self._settings))}
        if unknown := sorted(settings.keys() - valid):
            raise ConfigError(_no_setting(unknown, valid))
        if client is not None:
            _check_client(client)
        chosen = attrs.evolve(self._settings, **settings)
        if chosen.shard != self._settings.shard and self._settings.shard is not None:
            raise ConfigError(
                f"this manager has announced shard {self._settings.shard} in its folder; make another for the rest"
            )
        if chosen.extract and location.destination.url is not None:
            raise ConfigError("`extract` unpacks into folders of this machine alone, not into an object store")
        self._opened.start_workers(chosen)
        return BatchContext(client or self._client, location.folder, location.destination, chosen)

    async def _bind_organization(self) -> None:
        """Bind the record before the first request, for processes that do not look at the organization themselves."""
        await self._running.organization.ensure()

    def watch(self, package: Given) -> EventSubscription:
        """Subscribe to the events of one package; a slow reader gets only the latest, and the outcome last."""
        return self._hub.watch(str(as_entry(package).package))

    def snapshot(self) -> Snapshot:
        """Return the current counts and rates; those at the end once the manager is closed."""
        engine, hub = self._engine or self._opened, self._hub
        all_items, waiting, streaming = len(engine.items), engine.schedule.waiting, engine.streaming
        return Snapshot(
            pending=max(all_items - waiting - streaming, 0), waiting=waiting, streaming=streaming,
            done=hub.done, skipped=hub.skipped, failed=hub.failed, received=hub.received, rate=hub.rate(),
            to_come=in_all(batch.to_come for batch in self._batches),
        )  # fmt: skip

    async def plan(
        self,
        packages: Iterable[object] | AsyncIterable[object],
        *,
        sizes: bool = False,
        **settings: Unpack[DownloadOptions],
    ) -> list[Planned]:
        """Plan the steps of `fetch_all` for these packages, without a request to the service.

        Args:
            sizes: request each package that would be fetched once, for its size. This starts the packing of those that
                are not packed yet; nothing is fetched.
            settings: fields of `DownloadSettings`.
        """
        engine = self._running
        return await plan(engine.services, self._context(None, settings, engine.location), packages, sizes=sizes)

    async def forget(self, package: Given, *, delete: bool = False) -> bool:
        """Remove a package from the record, so that it is fetched again; return False if it was not recorded.

        Args:
            delete: whether its file and its part file are removed, too.

        Raises:
            DownloadError: it is being fetched, here or by another process.
        """
        engine = self._running
        return await forget(engine.services, engine.location, str(as_entry(package).package), delete=delete)


def _check_arguments(client: Any, folder: Any) -> None:
    """Refuse arguments in the wrong order or of a wrong type; raises `ConfigError`."""
    if hasattr(folder, "with_key") and not hasattr(client, "with_key"):
        raise ConfigError(f"the client comes first: DownloadManager(client, {str(client)!r})")
    _check_client(client)
    if not isinstance(folder, str | Path) and not hasattr(folder, "url"):
        kinds = "a path, the URL of an object store or an ObjectStore"
        raise ConfigError(f"packages go into a folder, given as {kinds}, not as {type(folder).__name__}")


def _check_client(client: Any) -> None:
    if not hasattr(client, "with_key"):
        kind = client.__name__ if isinstance(client, type) else type(client).__name__
        raise ConfigError(
            f"a manager needs an open PixxelClient, not {kind}: client.with_key(key) makes one for another key"
        )


_MEANT = {
    **dict.fromkeys(("concurrency", "max_workers", "parallel", "threads", "workers"), "max_concurrent_downloads=8"),
    **dict.fromkeys(("force", "overwrite", "replace"), 'on_existing="replace"'),
    **dict.fromkeys(("bandwidth", "bwlimit", "rate_limit"), "max_bandwidth=10_000_000"),
    **dict.fromkeys(("unpack", "unzip"), "extract=True"),
    "progress": "DownloadManager(…, on_event=…)",
    "deadline": "timeout= for each package, total_timeout= for all",
}
"""Guesses of an option, and what to write in its place."""


def _no_setting(unknown: Sequence[str], valid: Iterable[str]) -> str:
    """Return the message for options that do not exist."""
    meant = [f"for {name} write {_MEANT[name]}" for name in unknown if name in _MEANT]
    return (
        f"no such download setting: {', '.join(unknown)}; {', '.join(meant) or 'there are ' + ', '.join(sorted(valid))}"
    )
