"""Time that stands still until a test advances it."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count

from pixxel_async.settings import Timing


def hurried() -> Timing:
    """Return a timing whose sleeps end at once and advance its clock; for one task that sleeps."""
    now = 1000.0

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        await asyncio.sleep(0)

    return Timing(clock=lambda: now, sleep=sleep)


class SteppedTime:
    """Clock, sleep and random source for `Timing`, controlled by the test.

    Attributes:
    now: seconds of the clock.
    roll: the random number returned; 0.5 means no jitter.
    slept: the seconds of each sleep begun, in order.
    """

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.roll = 0.5
        self.slept: list[float] = []
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()
        self.timing = Timing(clock=lambda: self.now, sleep=self.sleep, random=lambda: self.roll)

    async def sleep(self, seconds: float) -> None:
        """Sleep until the test has advanced the clock that far."""
        self.slept.append(seconds)
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._order), woken))
        await woken

    async def advance(self, seconds: float) -> None:
        """Advance the clock, waking each sleeper at its own time."""
        end = self.now + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                self.now = max(self.now, due)
                woken.set_result(None)
                await settle()
        self.now = end

    async def jump(self, seconds: float) -> None:
        """Advance the clock at once and wake all sleepers late, as after a laptop's suspend."""
        self.now += seconds
        due = [time_travel for time_travel in self._sleepers if time_travel[0] <= self.now]
        self._sleepers = [time_travel for time_travel in self._sleepers if time_travel[0] > self.now]
        heapq.heapify(self._sleepers)
        for _, _, woken in due:
            if not woken.done():
                woken.set_result(None)
        await settle()


async def settle(turns: int = 20) -> None:
    """Run everything that can run without time passing."""
    for _ in range(turns):
        await asyncio.sleep(0)
