"""Budget of connections to each storage host, shared by the bodies of one manager.

How many are allowed is decided in `rules/growth.py`; here that is measured and handed out. A body always gets its first
connection, unless `max_connections` are in use; further ones while its fair share allows.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from attrs import define

from ..._aio.notify import Notifier
from ...settings import Timing
from .rules.growth import FAR, Growth, Sample, after_refusal, after_sample, at_head, shares

if TYPE_CHECKING:
    from ...packages import Link
    from .stall import Watch

__all__ = ["BodyConnections", "ConnectionBudget"]

KEPT = 64
"""Hosts that are remembered without a body; the oldest is evicted first."""
TICK = 0.005
"""Seconds between two ticks of the timer that shows an idle event loop."""


class ConnectionBudget:
    """The connections of one manager, by host.

    Args:
        timing: clock of the client.
    """

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._hosts: dict[str, _Host] = {}
        self._last: _Host | None = None

    @property
    def far(self) -> bool:
        """Whether the storage of the newest body is far."""
        return self._last is not None and self._last.far

    @contextmanager
    def body(self, link: Link | None, client: object, *, floor: int, ceiling: int) -> Iterator[BodyConnections]:
        """Register a body for the block.

        Args:
            link: its signed link; None for a body that is an answer of the API.
            client: bodies of one client share what is the client's.
            floor: connections to the host that are allowed in any case.
            ceiling: most connections to the host.
        """
        name = _host_of(link)
        host = self._last = self._hosts.get(name) or self._hosts.setdefault(name, _Host(self._timing))
        own = BodyConnections(host, client, floor, ceiling)
        host.bodies.append(own)
        try:
            yield own
        finally:
            host.bodies.remove(own)
            if len(self._hosts) > KEPT:
                for name in [name for name, host in self._hosts.items() if not host.bodies][:1]:
                    del self._hosts[name]


def _host_of(link: Link | None) -> str:
    """Return host and port of a link; "" for an invalid one, which is refused later."""
    with suppress(ValueError):
        return urlsplit("" if link is None else link.url).netloc.rpartition("@")[2].lower()
    return ""


@define(eq=False)
class BodyConnections:
    """The connections of one body.

    Args:
        client, floor, ceiling: as of `ConnectionBudget.body`.

    Attributes:
        used: connections of the body that are in use.
        demand: connections for which it has work; None until the head of its first response.
    """

    _host: _Host
    client: object
    floor: int
    ceiling: int
    used: int = 0
    demand: int | None = None
    _idle: float = 0.0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Hold one connection for the block; waits while `max_connections` are in use."""
        await self._host.acquire()
        self.used += 1
        self._idle = self._host.idle
        try:
            yield
        finally:
            self.used -= 1
            self._host.release()

    @contextmanager
    def measure(self, watch: Watch) -> Iterator[None]:
        """Count the bytes of a watched stream among the host's."""
        host = self._host
        host.watches.add(watch)
        try:
            yield
        finally:
            host.watches.discard(watch)
            host.ended += watch.moved

    @property
    def far(self) -> bool:
        """Whether the storage is far, so that connections are limited by their windows."""
        return self._host.far

    @property
    def rtt(self) -> float:
        """The shortest time between a request and its head in seconds; 0 while unknown."""
        return self._host.rtt if self._host.rtt < math.inf else 0.0

    @property
    def rate(self) -> float:
        """The bytes per second of one connection to the host; 0 while unknown."""
        return self._host.growth.each

    def record_head(self, latency: float) -> None:
        """Record the head of a response that came `latency` seconds after its request."""
        self._host.record_head(latency, self._host.idle - self._idle)

    def share(self, demand: int) -> int:
        """Return the connections that this body may have; at least one.

        Args:
            demand: as the attribute.
        """
        self.demand = demand
        host = self._host
        sample = host.sample()
        host.growth = after_sample(at_head(host.growth, sample), sample)
        return host.share_of(self)

    def record_refusal(self) -> None:
        """Record that the storage answered 429 or 503."""
        self._host.growth = after_refusal(self._host.growth, self._host.sample())

    @property
    def surplus(self) -> bool:
        """Whether one connection has to be given up at once: the host has too many, and this body too."""
        host = self._host
        return self.used > 1 and host.used > host.allowed and self.used > host.share_of(self)


class _Host:
    """The connections to one host.

    Attributes:
        used: connections in use.
        bodies: bodies under way.
        watches: streams under way.
        ended: bytes of streams that have ended.
        rtt: shortest time between a request and its head, in seconds.
        waited: whether the event loop was idle for as long as a far storage takes, while a head was awaited.
        idle: seconds in which the event loop was idle, counted until it is known whether the storage is far.
        growth: state of the decisions.
    """

    def __init__(self, timing: Timing) -> None:
        self.used = 0
        self.bodies: list[BodyConnections] = []
        self.watches: set[Watch] = set()
        self.ended = 0
        self.rtt = math.inf
        self.waited = False
        self.idle = 0.0
        self._ticking: asyncio.TimerHandle | None = None
        self.growth = Growth()
        self._clock: Callable[[], float] = timing.clock
        self._freed = Notifier(timing.sleep)

    @property
    def far(self) -> bool:
        """Whether the storage is far, so that its connections are limited by their windows."""
        return self.waited and self.rtt >= FAR

    def record_head(self, latency: float, idle: float) -> None:
        """Record the head of a response.

        Args:
            latency: seconds since its request.
            idle: seconds of these in which the event loop was idle.
        """
        self.rtt = min(self.rtt, latency)
        self.waited = self.waited or idle >= FAR
        if self.waited or self.rtt < FAR:
            self._stop_ticking()

    def _tick(self, seconds: float = TICK) -> None:
        """Count an interval of a timer, by its length: how late the timer is was no waiting for the storage."""
        self.idle += seconds
        self._ticking = asyncio.get_running_loop().call_later(TICK, self._tick)

    def _stop_ticking(self) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None

    @property
    def allowed(self) -> int:
        """Connections that are allowed now."""
        return self.growth.limit(*self._bounds())

    def sample(self) -> Sample:
        """Return the current measurements of the host."""
        floor, ceiling = self._bounds()
        moved = self.ended + sum(watch.moved for watch in self.watches)
        demand = sum(body.demand or 1 for body in self.bodies)
        return Sample(self._clock(), moved, self.used, demand, floor, ceiling, self.rtt, self.far)

    def share_of(self, body: BodyConnections) -> int:
        """Return a body's fair share: of its client's, which is the client's fair share of the host's."""
        floor, ceiling = self._bounds()
        unknown = ceiling if self.growth.allowed else 1
        wants_by_client: dict[int, list[int]] = {}
        for other in self.bodies:
            wants_by_client.setdefault(id(other.client), []).append(unknown if other.demand is None else other.demand)
        sums = dict(
            zip(
                wants_by_client,
                shares(self.growth.limit(floor, ceiling), list(map(sum, wants_by_client.values()))),
                strict=True,
            )
        )
        own = [other for other in self.bodies if other.client is body.client]
        return max(shares(sums[id(body.client)], wants_by_client[id(body.client)])[own.index(body)], 1)

    async def acquire(self) -> None:
        """Take a connection; waits while as many as are possible are in use."""
        try:
            while self.used >= self._bounds()[1]:
                await self._freed.wait()
        except BaseException:
            self._freed.notify()
            raise
        self.used += 1
        if self._ticking is None and not self.waited and self.rtt >= FAR:
            self._tick(0.0)

    def release(self) -> None:
        """Give back a connection."""
        self.used -= 1
        if not self.used:
            self._stop_ticking()
        self._freed.notify()

    def _bounds(self) -> tuple[int, int]:
        """Return the fewest and the most connections that may be allowed, by the settings of the bodies under way."""
        ceiling = min(body.ceiling for body in self.bodies)
        return min(max(body.floor for body in self.bodies), ceiling), ceiling
