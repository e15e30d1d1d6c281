"""Queue of requests per storage host, bounded by the host's concurrency limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .._protocol.headers import retry_after
from ..settings import Secret, Settings, Timing
from .rules.host_limit import HostState, after_refusal, after_success, is_busy, max_in_flight

if TYPE_CHECKING:
    from .edge.response import Response

KEPT = 256
"""Idle hosts that are remembered; the oldest is evicted first."""


class HostLimiter:
    """Bound the requests in flight to each storage host; waiters are served first come, first served.

    Args:
        settings: `http.max_connections_per_host`, and the backoff after refusals.
        timing: clock, sleep and random numbers.
        wall: returns seconds since 1970, for dates in Retry-After.
    """

    def __init__(self, settings: Settings, timing: Timing, wall: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._timing = timing
        self._wall = wall
        self._slots: dict[str, HostSlot] = {}

    @asynccontextmanager
    async def acquire(self, url: Secret) -> AsyncIterator[HostSlot]:
        """Hold one of the host's requests in flight for the block; waits while it is paused or at its limit."""
        slot = self._slots.setdefault(_name_of(url), HostSlot())
        await self._acquire(slot)
        try:
            yield slot
        finally:
            slot.in_flight -= 1
            slot.freed.set()
            self._evict()

    async def _acquire(self, slot: HostSlot) -> None:
        slot.waiting += 1
        try:
            async with slot.queue:
                while not self._has_room(slot):
                    await self._wait(slot)
                slot.in_flight += 1
        finally:
            slot.waiting -= 1

    def _has_room(self, slot: HostSlot) -> bool:
        most = max_in_flight(slot.host, self._settings.http.max_connections_per_host)
        return self._timing.clock() >= slot.host.paused_until and (most is None or slot.in_flight < most)

    async def _wait(self, slot: HostSlot) -> None:
        pause = slot.host.paused_until - self._timing.clock()
        if pause > 0:
            await self._timing.sleep(pause)
        else:
            slot.freed.clear()
            await slot.freed.wait()

    def now(self) -> float:
        """Return the time of the client's clock, in seconds."""
        return self._timing.clock()

    def observe(self, slot: HostSlot, answer: Response, sent_at: float) -> None:
        """Update the host's state after a response to a request sent at `sent_at`, by the client's clock."""
        requested = retry_after(answer.headers, self._wall()) if answer.status >= 400 else None
        if is_busy(answer.status, requested):
            now, roll = self._timing.clock(), self._timing.random()
            slot.host = after_refusal(
                slot.host, sent_at=sent_at, now=now, in_flight=slot.in_flight, requested=requested, roll=roll,
                retry=self._settings.retry,
            )  # fmt: skip
        elif answer.status < 500:
            slot.host = after_success(slot.host)

    def _evict(self) -> None:
        if len(self._slots) > KEPT:
            for name, slot in list(self._slots.items()):
                if not slot.in_flight and not slot.waiting:
                    del self._slots[name]
                    return


def _name_of(url: Secret) -> str:
    """Return host and port of a URL; "" for an invalid one, which is refused later."""
    try:
        return urlsplit(url.reveal()).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


class HostSlot:
    """One host: its state and its queue.

    Attributes:
        host: pause and concurrency limit.
        in_flight: requests in flight.
        waiting: requests that wait for a place.
    """

    def __init__(self) -> None:
        self.host = HostState()
        self.in_flight = 0
        self.waiting = 0
        self.queue = asyncio.Lock()
        self.freed = asyncio.Event()
