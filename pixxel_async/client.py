"""The client: owns settings and connections, and holds resources and packages."""

from __future__ import annotations

import ssl as tls
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal, Self
from weakref import WeakSet

from attrs import evolve

from ._aio.async_with import AsyncWithOnly
from ._aio.loop_budget import LoopBudget
from ._aio.threads import Threads
from ._hints import no_attribute
from ._http.call import Call, Repeat
from ._http.channel import Channel
from ._http.codec.drift import Drift
from ._http.hooks import Attempt, Hooks, Observer, ReplyHook, RequestHook, SpanKind
from ._http.reply import Reply
from ._http.rest import RestAPI
from ._http.sender import Sender
from ._http.streaming import Storage
from ._version import __version__
from .settings import KeySource, PollSettings, Secret, Settings, Timing, mask_key

if TYPE_CHECKING:
    from aiohttp import BaseConnector

    from .packages import Packages
    from .resources import (
        AOIs,
        Archives,
        Assets,
        Bandsets,
        Blocks,
        Catalogs,
        Deliveries,
        Indices,
        Insights,
        Jobs,
        OrderItems,
        Orders,
        Projects,
        Reports,
        Satellites,
        Search,
        Stores,
        Tasks,
        Visualizations,
        Workflows,
    )
    from .waiting import Broker

__all__ = ["Attempt", "Observer", "PixxelClient"]

_FETCHING = "`DownloadManager(client, folder).fetch(package)` downloads"
_INSTEAD = dict.fromkeys(("download", "export", "fetch", "fetch_all"), _FETCHING)
"""Guesses of a name, and what to use in its place."""


class _LazyBroker:
    """Broker of one key, made by its first wait, which loads `waiting`."""

    def __init__(self, timing: Timing, settings: PollSettings) -> None:
        self._timing, self._settings = timing, settings
        self._broker: Broker | None = None

    def __call__(self) -> Broker:
        if self._broker is None:
            from .waiting import Broker

            self._broker = Broker(self._timing, self._settings)
        return self._broker

    async def close(self) -> None:
        """End its waits, if there were any."""
        if self._broker is not None:
            await self._broker.close()


class PixxelClient(AsyncWithOnly):
    """Client of the Pixxel API for one key.

    It belongs to the event loop of its first use. Connections are opened at first use and closed by `async with` or
    `aclose()`. Code without an event loop takes `pixxel_async.sync.PixxelClient`.

    Example:
        async with PixxelClient() as client:
            async for job in client.jobs.list("w-1", status="completed"):
                print(job.id)

    Args:
        api_key: API key, or async callable that returns it; None reads the environment or the profile file.
        settings: all settings; None for `Settings.load()`. Other arguments take precedence.
        base_url: origin of the API, such as that of a sandbox.
        auth: form of the Authorization header: `auto`, `raw` or `bearer`.
        profile: table of the profile file.
        connector: aiohttp connector for API and storage, closed by the caller. Resolved addresses are then not checked
            against private networks.
        ssl: TLS context, such as one with a private certificate authority.
        proxy: URL of a proxy.
        on_request: called before each attempt with an `Attempt`.
        on_reply: called after each attempt with the `Attempt`, its `Reply` or `TransportFailure`, and its seconds.
        timing: clock, sleep and random numbers for tests; None for those of the system.

    Attributes:
        aois: areas of interest: a polygon with the images of one satellite over it.
        archives: STAC archive of images for sale.
        assets: rasters of an AOI, and packages of them.
        bandsets: sets of bands for tasking orders.
        blocks: processing blocks, run by insights and composed into workflows.
        catalogs: imagery that the workspace owns, and packages of it.
        deliveries: transfers of catalog imagery to stores.
        indices: band formulas, composites and grayscale renderings, preset or custom.
        insights: runs of one block on an AOI.
        jobs: runs of a workflow.
        order_items: parts of orders, one area or set of images each.
        orders: purchases of new captures (tasking) and of archived images.
        projects: projects of the workspace that the key can access.
        reports: reports as files.
        satellites: supported satellites, their bands and collections.
        search: imagery of all supported satellites over a place and time.
        stores: cloud buckets of the workspace, to which imagery can be delivered.
        tasks: steps of a job, one block each.
        visualizations: an index computed over the assets of an AOI, with its legends.
        workflows: graphs of blocks, edited in the user interface and run by jobs.
        packages: links, states and bytes of packages.

    Raises:
        ConfigError: a setting or the key cannot be used.
    """

    _usage = "`async with PixxelClient() as client:`"

    if TYPE_CHECKING:
        aois: AOIs
        archives: Archives
        assets: Assets
        bandsets: Bandsets
        blocks: Blocks
        catalogs: Catalogs
        deliveries: Deliveries
        indices: Indices
        insights: Insights
        jobs: Jobs
        order_items: OrderItems
        orders: Orders
        projects: Projects
        reports: Reports
        satellites: Satellites
        search: Search
        stores: Stores
        tasks: Tasks
        visualizations: Visualizations
        workflows: Workflows
        packages: Packages

    def __init__(
        self,
        api_key: str | Secret | KeySource | None = None,
        *,
        settings: Settings | None = None,
        base_url: str | None = None,
        auth: Literal["auto", "raw", "bearer"] | None = None,
        profile: str | None = None,
        connector: BaseConnector | None = None,
        ssl: tls.SSLContext | None = None,
        proxy: str | None = None,
        on_request: Sequence[RequestHook] = (),
        on_reply: Sequence[ReplyHook] = (),
        timing: Timing | None = None,
    ) -> None:
        api_key = mask_key(api_key)
        chosen = {"base_url": base_url, "auth": auth, "http.proxy": proxy}
        overrides: dict[str, Any] = {name: value for name, value in chosen.items() if value is not None}
        if settings is None:
            settings = Settings.load(api_key, profile, **overrides)
        else:
            settings = settings.with_values(api_key, **overrides)
        channel = Channel(
            settings,
            timing or Timing(),
            f"{settings.constants.user_agent} pixxel-async/{__version__}".strip(),
            connector=connector,
            ssl=ssl,
            hooks=Hooks(tuple(on_request), tuple(on_reply)),
        )
        self._owner: PixxelClient | None = None
        self._brokers: WeakSet[_LazyBroker] = WeakSet()
        self._set_up(settings, channel, LoopBudget(), Threads())

    def with_key(
        self, api_key: str | Secret | KeySource, *, auth: Literal["auto", "raw", "bearer"] | None = None
    ) -> Self:
        """Create a client for another key; it shares connections, throttle and retry quota, but no link or answer.

        It lives as long as this client; closing it ends its waits only.

        Args:
            auth: form of the new key; None keeps the form that this client's settings fix.
        """
        api_key = mask_key(api_key)
        light = type(self).__new__(type(self))
        light._owner = self._owner or self
        light._brokers = self._brokers
        light._set_up(
            evolve(self.settings, api_key=api_key, key_source="argument", auth=auth or self.settings.auth),
            self._channel,
            self._budget,
            self._threads,
        )
        return light

    def _set_up(self, settings: Settings, channel: Channel, budget: LoopBudget, threads: Threads) -> None:
        self.settings = settings
        self.timing = channel.timing
        self._channel = channel
        self._budget = budget
        self._threads = threads
        self._sender = Sender(channel, settings.api_key, settings.auth)
        self._broker = _LazyBroker(channel.timing, settings.poll)
        self._brokers.add(self._broker)
        self._api = RestAPI(self._sender, self._broker)

    @property
    def origin(self) -> str:
        """Origin that records of finished downloads belong to."""
        return self.settings.origin or self.settings.base_url

    @property
    def storage(self) -> Storage:
        """Session for signed URLs; it never sends the key."""
        return self._channel.storage

    @property
    def auth_form(self) -> Literal["raw", "bearer"] | None:
        """Form in which the key is sent: `raw` or `bearer`; None until `auto` has found out."""
        return self._sender.form

    async def ping(self) -> str:
        """Return `pong` if the API can be reached. Sends no key, and so checks none; `projects.list()` does."""
        from .resources import OPERATIONS

        return await self._api.fetch_text(Call(OPERATIONS["ping"], keyless=True))

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        repeat: Repeat | None = None,
    ) -> Reply:
        """Send any request to the API, with the client's key, retries and errors.

        Args:
            method: HTTP method.
            path: percent-encoded path from the root, such as `/v0/projects`.
            query: arguments of the query; None is left out.
            body: anything that JSON can hold, models and geometries included.
            repeat: repeat class; None means `safe` for GET and `once` for others.

        Raises:
            APIError, ConnectionFailed, TimedOut, OutcomeUnknown, ConfigError: as other calls.
        """
        return await self._api.request(method, path, query=query or {}, body=body, repeat=repeat)

    def follow_job(
        self,
        workflow_id: str,
        job_id: str,
        on_end: Callable[[Exception | None], object],
        *,
        timeout: float | None = None,
    ) -> Callable[[], None]:
        """Wait for a job as `jobs.wait` does, but with a callback in place of a task, for thousands of jobs at once.

        Args:
            on_end: called with the error of `jobs.wait`, or None if the job ended well. It must not block.
            timeout: seconds; None for `PollSettings.timeout`.

        Returns:
            a function that ends the wait; harmless if it is over.
        """
        return self._broker().follow(self.jobs._waiting(workflow_id, job_id), on_end, timeout)

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Show an observer all calls, attempts, storage requests and download events of this client and its keys.

        Returns:
            a function that ends it.
        """
        observers = self._channel.hooks.observers
        observers.append(observer)
        return lambda: observers.remove(observer) if observer in observers else None

    def emit(self, event: Any) -> None:
        """Pass an event of a download manager to the observers of this client."""
        self._channel.hooks.emit(event)

    def span(self, kind: SpanKind, name: str) -> AbstractContextManager[None]:
        """Surround work of a download manager with the spans of this client's observers; see `Observer.span`."""
        return self._channel.hooks.span(kind, name)

    def drift(self) -> Drift:
        """Return the unknown members and words met in responses so far.

        The assets of a STAC item are decoded when they are first read, and counted then.
        """
        return self._api.drift.copy()

    async def open(self) -> Self:
        """Open the connections now; harmless if they are open."""
        await self._channel.load()
        self._channel.open()
        return self

    async def aclose(self) -> None:
        """End all waits and close the connections, even if cancelled in between; harmless if already closed."""
        try:
            for broker in [self._broker] if self._owner else list(self._brokers):
                await broker.close()
        finally:
            if self._owner is None:
                await self._channel.aclose()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __dir__(self) -> list[str]:
        from .resources import RESOURCES

        return sorted({*super().__dir__(), *RESOURCES, "packages"})

    def __repr__(self) -> str:
        settings = vars(self).get("settings")  # missing where the constructor failed
        return f"PixxelClient({settings.base_url!r})" if settings is not None else "PixxelClient(not set up)"

    def __reduce__(self) -> Any:
        raise TypeError("a client cannot be pickled: it has a key and connections")

    def __del__(self) -> None:
        channel = vars(self).get("_channel")
        if channel is not None and vars(self).get("_owner") is None and channel.is_open:
            warnings.warn(f"{self!r} was never closed", ResourceWarning, source=self, stacklevel=2)
            channel.abandon()

    def _make_packages(self) -> Packages:
        from .packages import Packages

        return Packages(
            self._api,
            self._broker(),
            self._channel.timing,
            self._channel.storage,
            download=self.settings.download,
            retry=self.settings.retry,
            rounds=self._budget,
            threads=self._threads,
            first_wait=self.settings.poll.initial_interval,
            span=self._channel.hooks.span,
            ready_words=self.settings.constants.extra_ready_statuses,
        )

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Make a resource or `packages` when it is first used: their modules are most of ours."""
            from .resources import RESOURCES

            if name not in RESOURCES and name != "packages":
                text = no_attribute("the client", name, (*RESOURCES, "packages"), _INSTEAD.get(name, ""))
                raise AttributeError(text, name=name, obj=self)
            value = self._make_packages() if name == "packages" else RESOURCES[name](self._api)
            setattr(self, name, value)
            return value
