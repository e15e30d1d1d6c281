"""The download manager: many packages to disk, complete or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Unpack

import attrs

from .._aio.shield import finish
from ..errors import ClientClosed, ConfigError, DownloadError
from ..events import Downloaded, Event
from ..packages import Package, as_wanted
from ..settings.constants import MAX_PENDING
from .batch import Outcomes, in_all
from .disk.destination import Destination
from .disk.locations import Location, Target, where
from .engine.engine import Engine
from .engine.lookup import ended, look_up
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

_USAGE = "`async with DownloadManager(client, folder) as manager:`"
_OTHER_LOOP = (
    "this download manager was opened in another event loop, and works in that one alone; each asyncio.run starts a "
    "new one: open client and manager inside the `async def` that you run"
)

Given = Package | object
"""A package, its text form, a `Job` or `JobTask` row, or a `Wanted`."""


class DownloadManager:
    """Fetches packages into a folder or an object store: asks, waits, streams, proves, renames or sends, and records.

    Use it as an async context manager. Leaving it normally waits for what was submitted; leaving it by an exception
    cancels.

    Args:
        client: asks for the packages.
        folder: where they go; made when missing. Also `s3://bucket/prefix`, `gs://…`, `az://…`, or an `ObjectStore` of
            `pixxel_async.integrations.objects`: a file is sent there once it is complete and proved.
        settings: instead of the client's `settings.download`.
        record: the record's file; None for `<folder>/.pixxel/record.sqlite`, with an object store in its spool.
        spool: an object store's local folder, for part files; None for one of its own in `$XDG_STATE_HOME/pixxel`.
        name_template: names below the folder, as `DownloadSettings.name_template`.
        on_event: called with every event; it must not block, and what it raises is dropped.
    """

    looks_at_organization = True
    """Whether the record is bound to the key's organization before the first request; an export's workers need not."""

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
        self._given, self._spool = folder, spool
        self._folder = where(folder, spool).folder
        self._record_path = Path(record) if record is not None else None
        self._board = EventHub(on_event, client.timing.clock, client.emit)
        self._engine: Engine | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._batches: set[Outcomes] = set()

    @property
    def folder(self) -> Path:
        """Where the packages go; with an object store where they are spooled."""
        return self._folder

    @property
    def destination(self) -> Destination:
        """Where the final files are: the folder, or an object store."""
        return self._opened.home.destination

    @property
    def record(self) -> Record:
        """The open record."""
        return self._opened.services.record

    @property
    def _opened(self) -> Engine:
        if self._closed:
            raise ClientClosed("this download manager is closed: make a new one")
        if self._engine is None:
            raise ConfigError(f"the download manager is not open: {_USAGE}")
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

    async def open(self) -> DownloadManager:
        """Open folder and record; harmless when repeated.

        Raises:
            ConfigError: the folder or the record cannot be used.
            ClientClosed: it was closed, or opened in another event loop.
        """
        if self._closed:
            raise ClientClosed("this download manager is closed: make a new one")
        if self._engine is not None and self._running:
            return self
        try:
            await finish(self._open())
        except asyncio.CancelledError:
            await self.aclose(drain=0)
            raise
        return self

    async def _open(self) -> None:
        record, tell = self._record_path, self._board.tell
        self._engine, self._homes = await start(
            self._client, self._given, self._spool, record, self._settings.shard, tell
        )
        if not self.looks_at_organization:
            self._engine.organization.skip()
        self._folder, self._loop = self._engine.home.folder, asyncio.get_running_loop()

    async def __aenter__(self) -> DownloadManager:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose(drain=None if kind is None else 0)

    def __enter__(self) -> NoReturn:
        raise TypeError(f"a download manager is opened by {_USAGE}, inside an `async def`")

    def __exit__(self, *_: object) -> None:
        """Never reached."""

    def __await__(self) -> NoReturn:
        raise TypeError(f"a download manager is not awaited: {_USAGE}")

    def __repr__(self) -> str:
        state = "closed" if self._closed else "not open" if self._engine is None else "open"
        return f"DownloadManager({str(self._folder)!r}, {state})"

    async def aclose(self, *, drain: float | None = None) -> None:
        """Finish and let go of everything; what does not get done is left in the record for the next run.

        Args:
            drain: seconds for what was submitted; None waits until it has ended, 0 cancels at once.

        Raises:
            ClientClosed: this is another event loop, in which nothing of it ever ends; it stays open.
        """
        if self._engine is None or self._closed:
            self._closed = True
            return
        if asyncio.get_running_loop() is not self._loop:
            raise ClientClosed(_OTHER_LOOP)
        self._closed = True
        closed = DownloadError("the manager was closed before all packages were here", stage="wait")
        closed.retryable = True
        try:
            for batch in list(self._batches):
                batch.stop(closed)
            await drain_out(self._engine, drain)
        finally:
            await finish(shut(self._engine, self._homes, self._board, closed))

    async def fetch(
        self,
        package: Given,
        *,
        client: PixxelClient | None = None,
        to: Target | None = None,
        **settings: Unpack[DownloadOptions],
    ) -> Downloaded:
        """One package, complete and proved on disk; at once when it is there already.

        A package that is being fetched is waited for, not fetched twice. Cancelling this leaves it to others who wait.
        Each client asks for itself; but who fetches into a folder gets what is there already, whoever fetched it.

        Args:
            package: the package, its text form, or a row of jobs or tasks.
            client: whose key asks; None for the manager's.
            to: another folder or object store.
            settings: fields of `DownloadSettings`.

        Raises:
            PixxelError: why it could not be had.
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
        """Put a package on its way, as soon as there is room for it; arguments as `fetch`."""
        engine = self._running
        context = self._context(client, settings, await self._homes.at(to) if to is not None else engine.home)
        given = as_wanted(package)
        key = engine.key(given.package, context)
        await engine.room(MAX_PENDING)
        item = engine.items.get(key)
        if item is not None:
            return self._transfer(item)
        item = engine.items[key] = Item(given, context, engine.services.timing.clock())
        transfer = self._transfer(item)
        try:
            (found,) = await look_up([given], context, engine.services, heads=False)
        except BaseException:
            transfer.cancel()
            raise
        outcome = ended(found, context, skip=False)
        if item.sinks and outcome is not None:
            engine.finish(item, outcome)
        elif item.sinks:
            engine.begin(item, found, engine.schedule.add)
        return transfer

    def _transfer(self, item: Item) -> Transfer:
        engine = self._opened

        def progress() -> Progress:
            if item.running is None:
                return Progress(0, item.status or "waiting")
            return Progress(item.running.here, "streaming")

        transfer = Transfer(item.package, progress, lambda leaving: engine.leave(item, leaving))
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
        """Ten or a hundred thousand packages in bounded memory; see `Outcomes` for how to use what this returns.

        Args:
            packages: packages, texts, `Job` or `JobTask` rows, plain or async; read no faster than they are asked for.
            wait_for_jobs: whether a package is asked for only when its job has ended well.
            client: whose key asks; None for the manager's.
            settings: fields of `DownloadSettings`.
        """
        engine = self._running
        context = self._context(client, settings, engine.home)
        batch = Outcomes(
            packages, engine=engine, context=context, wait_for_jobs=wait_for_jobs, ended=self._batches.discard
        )
        self._batches.add(batch)
        return batch

    def _context(self, client: PixxelClient | None, settings: DownloadOptions, home: Location) -> BatchContext:
        known = {field.name for field in attrs.fields(type(self._settings))}
        if unknown := sorted(settings.keys() - known):
            raise ConfigError(f"no such download setting: {', '.join(unknown)}; there are {', '.join(sorted(known))}")
        if client is not None:
            _check_client(client)
        chosen = attrs.evolve(self._settings, **settings)
        if chosen.shard != self._settings.shard and self._settings.shard is not None:
            raise ConfigError(
                f"this manager has announced shard {self._settings.shard} in its folder; make another for the rest"
            )
        if chosen.extract and home.destination.url is not None:
            raise ConfigError("`extract` unpacks into folders of this machine alone, not into an object store")
        self._opened.staff(chosen)
        return BatchContext(client or self._client, home.folder, home.destination, chosen)

    async def _bind_organization(self) -> None:
        """Bind the record before the first request, for processes that do not look at the organization themselves."""
        await self._running.organization.ensure()

    def watch(self, package: Given) -> EventSubscription:
        """The states of one package from now on; a slow reader gets the newest alone, and the outcome as the last."""
        return self._board.watch(str(as_wanted(package).package))

    def snapshot(self) -> Snapshot:
        """Counts and rates, now."""
        engine, board = self._opened, self._board
        known, waiting, streaming = len(engine.items), engine.schedule.waiting, engine.streaming
        return Snapshot(
            pending=max(known - waiting - streaming, 0), waiting=waiting, streaming=streaming,
            done=board.done, skipped=board.skipped, failed=board.failed, received=board.received, rate=board.rate(),
            to_come=in_all(batch.to_come for batch in self._batches),
        )  # fmt: skip

    async def plan(
        self,
        packages: Iterable[object] | AsyncIterable[object],
        *,
        sizes: bool = False,
        **settings: Unpack[DownloadOptions],
    ) -> list[Planned]:
        """What `fetch_all` would do with these packages, asking the service for nothing.

        Args:
            sizes: whether the service is asked once for each package that would be fetched. That starts the packing of
                all that are not packed yet; of those that are packed the size is learned, and nothing is fetched.
            settings: fields of `DownloadSettings`.
        """
        engine = self._running
        return await plan(engine.services, self._context(None, settings, engine.home), packages, sizes=sizes)

    async def forget(self, package: Given, *, delete: bool = False) -> bool:
        """Remove a package from the record, so that it is fetched anew; False when it was not in it.

        Args:
            delete: whether its file, and what there is of a part file, is removed too.

        Raises:
            DownloadError: it is being fetched, here or by another process.
        """
        engine = self._running
        return await forget(engine.services, engine.home, str(as_wanted(package).package), delete=delete)


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
            f"a manager asks through an open PixxelClient, not through {kind}: client.with_key(key) "
            "makes one for another key"
        )
