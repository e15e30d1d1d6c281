"""The sandbox: the whole API and its object storage in this process, on two ports of loopback."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from types import TracebackType
from typing import Literal

from aiohttp import web

from ..errors import ConfigError
from .api import API
from .clock import Clock
from .faults import Fault, Plan
from .keys import AuthForm, Keys
from .packing import Packing
from .past import begin
from .profile import ProfileName, shaper
from .routes import Routes
from .site import Desk, Seen, Site
from .storage import Storage, name
from .world import World

_KEPT = 200_000
"""Requests that are remembered; older ones are forgotten."""
_HOST = "127.0.0.1"


class Sandbox:
    """An async context manager that serves the API while it is open.

    Args:
        seed: everything that exists, every id, byte and ETag is drawn from it.
        profile: `literal`, as the vendor's document says, or `realistic`, with what its service may send besides.
        clock: None or `real` for a clock that runs, `manual` for one that is stepped by `advance`, or a `Clock`.
        packing: seconds from the first asking until a package is ready.
        link_life: seconds that a signed link is good for, whole ones; 0: never.
        faults: what goes wrong from the start.
        auth_form: how the key must stand in the header: `both`, `raw` or `bearer`.
        job_seconds: how long a job that is begun takes.
        package_size: bytes of every package; None for what its contents need (some hundred KB).
        restarts: whether asking for a package again, while it packs, begins anew.
        port, storage_port: of the two sites; 0 for free ones.

    Attributes:
        api_key: the key that opens it.
        keys, world, packing, plan, clock: its parts, open to tests.
        requests: what was asked of both sites, oldest first.
    """

    def __init__(
        self,
        *,
        seed: int | str = 1,
        profile: ProfileName = "literal",
        clock: Clock | Literal["real", "manual"] | None = None,
        packing: float = 2.0,
        link_life: float = 600.0,
        faults: Iterable[Fault] = (),
        auth_form: AuthForm = "both",
        job_seconds: float = 20.0,
        package_size: int | None = None,
        restarts: bool = False,
        port: int = 0,
        storage_port: int = 0,
    ) -> None:
        self.seed = seed
        self.profile = profile
        self.clock = clock if isinstance(clock, Clock) else Clock(running=clock != "manual")
        self.keys = Keys(seed, auth_form)
        self.plan = Plan(seed)
        self.packing = Packing(seed, packing, link_life, restarts=restarts, variant=package_size)
        self._routes = Routes()
        self._shape = shaper(profile, self._routes.components)
        self.world = World(seed, self.packing, job_seconds=job_seconds, package_size=package_size)
        self._requests: deque[Seen] = deque(maxlen=_KEPT)
        self._ports = {"api": port, "storage": storage_port}
        self._runners: dict[str, web.ServerRunner] = {}
        self.url = ""
        for fault in faults:
            self.inject(fault)
        begin(self.world, self.clock.now())

    @property
    def api_key(self) -> str:
        """A key that the API accepts."""
        return self.keys.first

    @property
    def origin(self) -> str:
        """What records of downloads are bound to: the seed, since ports differ from run to run."""
        return f"sandbox:{self.seed}"

    @property
    def storage_url(self) -> str:
        """The origin that signed links point to."""
        return self.packing.origin

    @property
    def requests(self) -> list[Seen]:
        """What was asked of both sites so far, oldest first."""
        return list(self._requests)

    def inject(self, fault: Fault) -> None:
        """From now on this goes wrong."""
        self.plan.add(fault)

    async def advance(self, seconds: float = 0.0, *, minutes: float = 0.0, hours: float = 0.0) -> None:
        """Step the clock: jobs, packages and links are that much older at once."""
        self.clock.advance(seconds + 60 * minutes + 3600 * hours)
        await asyncio.sleep(0)

    def count(self, operation: str) -> int:
        """How many requests of this operation (or of `storage`) came."""
        return sum(seen.operation == operation for seen in self._requests)

    def assert_key_only_at_api(self) -> None:
        """Raise AssertionError if the storage ever saw an API key or an Authorization header."""
        leaks = [
            seen.path for seen in self._requests if seen.host == "storage" and (seen.authorization or seen.carries_key)
        ]
        if leaks:
            raise AssertionError(f"the storage saw the key in {len(leaks)} requests, first for {leaks[0]}")

    async def start(self) -> None:
        """Listen on both ports; harmless when it does already."""
        if self._runners:
            return
        api = API(self.world, self._routes, self.keys, self.clock, self._shape)
        storage = Storage(self.packing, self.clock)
        desk = Desk(self.plan, self.clock, self.keys, self._requests)
        self.url = await self._listen(Site("api", api.name, api.respond, desk))
        self.packing.origin = await self._listen(Site("storage", name, storage.respond, desk))

    async def _listen(self, site: Site) -> str:
        runner = web.ServerRunner(web.Server(site.serve, access_log=None), shutdown_timeout=0.05)
        await runner.setup()
        self._runners[site.host] = runner
        try:
            await web.TCPSite(runner, _HOST, self._ports[site.host]).start()
        except OSError:
            await self.close()
            raise ConfigError(f"port {self._ports[site.host]} of {_HOST} is taken") from None
        return f"http://{_HOST}:{runner.addresses[0][1]}"

    async def close(self) -> None:
        """Stop listening and break off what is under way; harmless when closed already."""
        runners, self._runners = list(self._runners.values()), {}
        for runner in runners:
            await runner.cleanup()

    async def __aenter__(self) -> Sandbox:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
