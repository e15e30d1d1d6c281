"""The storage's hosts: how many requests each has, and who waits for its turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .._protocol.headers import retry_after
from ..settings import Settings, Timing
from .rules.host_limit import HostState, refused, room, says_later, served

if TYPE_CHECKING:
    from .edge.response import Response

KEPT = 256
"""Hosts that are remembered while nothing is asked of them; the oldest goes first."""


class HostLimiter:
    """Lets requests through to each storage host, as many as it bears, in the order in which they came.

    Args:
        settings: `http.max_connections_per_host`, and how patient to be after refusals.
        timing: clock, sleep and random numbers.
        wall: seconds since 1970, for dates in answers.
    """

    def __init__(self, settings: Settings, timing: Timing, wall: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._timing = timing
        self._wall = wall
        self._doors: dict[str, HostSlot] = {}

    @asynccontextmanager
    async def turn(self, url: str) -> AsyncIterator[HostSlot]:
        """One of the host's requests for the block, begun when the host is not paused and not at its limit."""
        name = urlsplit(url).netloc.rpartition("@")[2].lower()
        door = self._doors.setdefault(name, HostSlot())
        await self._enter(door)
        try:
            yield door
        finally:
            door.inside -= 1
            door.left.set()
            self._forget()

    async def _enter(self, door: HostSlot) -> None:
        door.queued += 1
        try:
            async with door.line:
                while not self._open(door):
                    await self._wait(door)
                door.inside += 1
        finally:
            door.queued -= 1

    def _open(self, door: HostSlot) -> bool:
        most = room(door.host, self._settings.http.max_connections_per_host)
        return self._timing.clock() >= door.host.paused_until and (most is None or door.inside < most)

    async def _wait(self, door: HostSlot) -> None:
        pause = door.host.paused_until - self._timing.clock()
        if pause > 0:
            await self._timing.sleep(pause)
        else:
            door.left.clear()
            await door.left.wait()

    def now(self) -> float:
        """The client's clock."""
        return self._timing.clock()

    def learn(self, door: HostSlot, answer: Response, sent_at: float) -> None:
        """Take in how the host answered a request sent at that time of the client's clock."""
        asked = retry_after(answer.headers, self._wall()) if answer.status >= 400 else None
        if says_later(answer.status, asked):
            now, roll = self._timing.clock(), self._timing.random()
            door.host = refused(
                door.host, sent_at=sent_at, now=now, inside=door.inside, asked=asked, roll=roll,
                retry=self._settings.retry,
            )  # fmt: skip
        elif answer.status < 500:
            door.host = served(door.host)

    def _forget(self) -> None:
        if len(self._doors) > KEPT:
            for name, door in list(self._doors.items()):
                if not door.inside and not door.queued:
                    del self._doors[name]
                    return


class HostSlot:
    """One host's.

    Attributes:
        host: what it bears.
        inside: requests under way.
        queued: requests that wait for their turn.
    """

    def __init__(self) -> None:
        self.host = HostState()
        self.inside = 0
        self.queued = 0
        self.line = asyncio.Lock()
        self.left = asyncio.Event()
