"""Serve the whole API and its object storage in this process, on two loopback ports."""

from __future__ import annotations

import asyncio
import errno
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from aiohttp import web

from .._protocol.hosts import is_loopback
from ..errors import ConfigError
from . import start_page as page
from .api import SandboxAPI
from .behaviour.behaviour import Behaviour, load_behaviour
from .behaviour.profile import make_shaper
from .clock import Clock
from .data import seed_data
from .data.packing import Packing
from .data.world import World
from .files.layout import SUFFIXES
from .http.faults import Fault, Plan
from .http.keys import AuthForm, Keys
from .http.loop_thread import LoopThread
from .http.scenarios import load_scenario
from .http.site import SeenRequest, Site, SiteContext
from .http.time_travel import TimeTravel
from .routes import Routes
from .state import SandboxBuilder
from .storage import SandboxStorage, name

_KEPT = 200_000
"""Requests kept in `Sandbox.requests`; older ones are dropped."""
_HOST = "127.0.0.1"
MIN_KEY = 16
"""Characters of the key of a sandbox that other machines can reach."""
_POLL_INTERVAL = 0.002
"""Real seconds between two checks of the request log."""


class Sandbox(SandboxBuilder):
    """Serve the API while the context is open: `async with` in this event loop, `with` in a thread of its own.

    Tests add what they need with `add_job` and its siblings, at any time and from any thread.

    Args:
        seed: determines every object, id, byte and ETag.
        profile: `literal` follows the vendor's document; `realistic` adds what a living service sends besides; a JSON
            file or a mapping sets single members of `Behaviour`.
        clock: None or `real` for a running clock, `manual` for one stepped by `advance`, or a `Clock`.
        packing: seconds from the first request for a package until it is ready; None for the profile's (2).
        link_life: lifetime of a signed URL in whole seconds; 0: already expired; None for the profile's (600).
        faults: faults injected from the start.
        scenario: further faults by name (`flaky-storage`, `rate-limited`, `expiring-links`, `maintenance`,
            `lost-answers`) or from a JSON file with a list of faults.
        auth_form: accepted Authorization header: `both`, `raw` or `bearer`; None for the profile's (`both`).
        job_seconds: duration of a job created by a request, in seconds.
        package_size: size of every package in bytes; None for the size of its contents (some hundred KB).
        restarts: whether a repeated request restarts the packing; None for the profile's (False).
        port, storage_port: ports of the two sites; 0 for free ones.
        host: address to listen on. Any but a loopback address needs `api_key`, and has no start page: that shows keys,
            and its buttons ask for none.
        api_key: the first key; None for one that follows from the seed, which anybody can know.
        advertise: host name in `url` and signed URLs; None for `host`.

    Raises:
        ConfigError: a profile, scenario or fault that cannot be used, or a network address without a key of its own.

    Attributes:
        api_key: a key that the API accepts.
        keys, world, packing, plan, clock, behaviour: its parts, for tests.
        requests: the requests of both sites, oldest first.
    """

    def __init__(
        self,
        *,
        seed: int | str = 1,
        profile: str | Path | Mapping[str, Any] = "literal",
        clock: Clock | Literal["real", "manual"] | None = None,
        packing: float | None = None,
        link_life: float | None = None,
        faults: Iterable[Fault] = (),
        scenario: str | Path | None = None,
        auth_form: AuthForm | None = None,
        job_seconds: float = 20.0,
        package_size: int | None = None,
        restarts: bool | None = None,
        port: int = 0,
        storage_port: int = 0,
        host: str = _HOST,
        api_key: str | None = None,
        advertise: str | None = None,
    ) -> None:
        self.seed = seed
        self._host, self._advertised, self._exposed = host, advertise or host, not is_loopback(host)
        if self._exposed and len(api_key or "") < MIN_KEY:
            raise ConfigError(
                f"{host} can be reached from other machines: give the sandbox a key of {MIN_KEY} characters"
            )
        overrides = {"packing": packing, "link_life": link_life, "auth_form": auth_form, "restarts": restarts}
        self.behaviour = behaviour = load_behaviour(profile, **overrides)
        time = clock if isinstance(clock, Clock) else Clock(running=clock != "manual")
        self.plan = Plan(seed)
        self.packing = Packing(
            seed,
            behaviour.packing,
            behaviour.link_life,
            restarts=behaviour.restarts,
            variant=_variant(behaviour, package_size),
        )
        self.packing.link_style, self.packing.early_ready = behaviour.link_style, behaviour.early_ready
        self.packing.same_link, self.packing.suffix = behaviour.same_link, SUFFIXES[behaviour.archive]
        self._routes = Routes()
        self._shape = make_shaper(behaviour.shape, self._routes.components)
        world = World(seed, self.packing, job_seconds=job_seconds, package_size=package_size, behaviour=behaviour)
        seed_data.seed(world, time.now())
        super().__init__(world, time, Keys(seed, behaviour.auth_form, api_key))
        self._time_travel = TimeTravel(time)
        self._requests: deque[SeenRequest] = deque(maxlen=_KEPT)
        self._ports = {"api": port, "storage": storage_port}
        self._runners: dict[str, web.ServerRunner] = {}
        self._background: LoopThread | None = None
        self.url = ""
        for fault in (*faults, *(() if scenario is None else load_scenario(scenario))):
            self.inject(fault)

    def __repr__(self) -> str:
        return (
            f"Sandbox({self.url if self._runners else 'closed'}, seed={self.seed!r}, {len(self._requests):,} requests)"
        )

    @property
    def api_key(self) -> str:
        """A key that the API accepts."""
        return self.keys.first

    @property
    def origin(self) -> str:
        """The origin for download records: the seed, since ports differ between runs."""
        return f"sandbox:{self.seed}"

    @property
    def storage_url(self) -> str:
        """The origin that signed URLs point to."""
        return self.packing.origin

    @property
    def requests(self) -> list[SeenRequest]:
        """The requests of both sites so far, oldest first."""
        with self.lock:
            return list(self._requests)

    def inject(self, fault: Fault) -> None:
        """Inject a fault from now on.

        Raises:
            ConfigError: it is no `Fault`.
        """
        if not isinstance(fault, Fault):
            raise ConfigError(f"inject takes a Fault, such as Fault(route='storage', kind='cut'), not {fault!r:.60}")
        with self.lock:
            self.plan.add(fault)

    def step(self, seconds: float = 0.0, *, minutes: float = 0.0, hours: float = 0.0) -> None:
        """Step the clock: jobs, packages, links and keys age by that much at once."""
        with self.lock:
            self.clock.advance(seconds + 60 * minutes + 3600 * hours)

    async def advance(self, seconds: float = 0.0, *, minutes: float = 0.0, hours: float = 0.0) -> None:
        """Step the clock, then yield to the event loop."""
        self.step(seconds, minutes=minutes, hours=hours)
        await asyncio.sleep(0)

    @property
    def sleep(self) -> Callable[[float], Awaitable[None]]:
        """A `sleep` that steps the sandbox's clock instead of waiting.

        Give it to a client together with `clock.now`, so that no wait takes real time. From then on the sandbox's own
        faults do not wait in real time either.
        """
        self._time_travel.jumps = True
        return self._time_travel.sleep

    def count(self, operation: str) -> int:
        """Count the requests of an operation, or of `storage`."""
        return sum(request.operation == operation for request in self.requests)

    async def wait_for_requests(self, operation: str, times: int = 1) -> None:
        """Wait until an operation (or `storage`) has received that many requests; then it is safe to step the clock."""
        while self.count(operation) < times:  # noqa: ASYNC110 (requests may come in another thread)
            await asyncio.sleep(_POLL_INTERVAL)

    def assert_key_only_at_api(self) -> None:
        """Raise AssertionError if the storage ever saw an API key or an Authorization header."""
        leaks = [
            request.path
            for request in self.requests
            if request.host == "storage" and (request.authorization or request.carries_key)
        ]
        if leaks:
            raise AssertionError(f"the storage saw the key in {len(leaks)} requests, first for {leaks[0]}")

    async def start(self) -> None:
        """Listen on both ports; do nothing if already listening."""
        if self._runners:
            return
        api = SandboxAPI(self.world, self._routes, self.keys, self.clock, self._shape, self.behaviour)
        storage = SandboxStorage(self.packing, self.clock, self.behaviour, self.world.thumbnail)
        context = SiteContext(self.plan, self.clock, self.keys, self._requests, self.lock, self._time_travel)
        limits = self.behaviour.calls_at_once, self.behaviour.answer_within
        site = Site("api", api.name, api.respond, context, at_once=limits[0], within=limits[1])

        async def front(request: web.BaseRequest) -> web.StreamResponse:
            own = request.raw_path in page.PATHS and not self._exposed
            return page.answer(self, request) if own else await site.serve(request)

        self.url = await self._listen("api", front)
        self.packing.origin = await self._listen("storage", Site("storage", name, storage.respond, context).serve)

    async def _listen(self, host: str, serve: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> str:
        runner = web.ServerRunner(web.Server(serve, access_log=None), shutdown_timeout=0.05)
        await runner.setup()
        self._runners[host] = runner
        try:
            await web.TCPSite(runner, self._host, self._ports[host]).start()
        except OSError as error:
            await self.close()
            reason = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
            raise ConfigError(f"port {self._ports[host]} of {self._host} {reason}") from None
        return f"http://{self._advertised}:{runner.addresses[0][1]}"

    async def close(self) -> None:
        """Stop listening and drop open connections; do nothing if already closed."""
        runners, self._runners = list(self._runners.values()), {}
        for runner in runners:
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __enter__(self) -> Self:
        background = LoopThread()
        try:
            background.run(self.start())
        except BaseException:
            background.stop()
            raise
        self._background = background
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        background, self._background = self._background, None
        if background is not None:
            background.run(self.close())
            background.stop()


def _variant(behaviour: Behaviour, size: int | None) -> object:
    """Return the further parameters of package bytes: usually only their size."""
    names = ("bare_files", "archive", "parts", "folders")
    odd = [(name, value) for name in names if (value := getattr(behaviour, name)) != getattr(Behaviour(), name)]
    return (size, *odd) if odd else size
