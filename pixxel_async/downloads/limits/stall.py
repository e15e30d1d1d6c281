"""One timer that sees whether bytes arrive, for all streams together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from attrs import define, field

LOOKS = 4
"""How often a window is looked at."""


class StallDetected(Exception):
    """Inside this package only: too few bytes in one window."""


@define(eq=False)
class Watch:
    """One body that is being watched.

    Attributes:
        window: seconds in which `floor` bytes must arrive.
        moved: bytes so far; the reader adds to it.
        resting: True while the disk, not the network, is waited for.
    """

    window: float
    floor: int
    limit: asyncio.Timeout
    since: float
    moved: int = 0
    mark: int = 0
    resting: bool = field(default=False)

    def look(self, now: float) -> None:
        """Ends the body when its window is over and too little came."""
        if self.resting or self.moved - self.mark >= self.floor:
            self.since, self.mark = now, self.moved
        elif now - self.since >= self.window:
            self.limit.reschedule(now)


class Watchdog:
    """Watches any number of bodies with a single timer, which runs only while there are some."""

    def __init__(self) -> None:
        self._watches: set[Watch] = set()
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def watch(self, window: float, floor: int) -> AsyncIterator[Watch]:
        """Watch the block; raises `StallDetected` out of it when the window passes with fewer than `floor` bytes."""
        watch = None
        try:
            async with asyncio.timeout(None) as limit:
                watch = Watch(window, floor, limit, asyncio.get_running_loop().time())
                self._watches.add(watch)
                self._arm()
                yield watch
        except TimeoutError:
            if watch is not None and watch.limit.expired():
                raise StallDetected from None
            raise
        finally:
            if watch is not None:
                self._watches.discard(watch)

    def _arm(self) -> None:
        if self._timer is None and self._watches:
            tick = min(watch.window for watch in self._watches) / LOOKS
            self._timer = asyncio.get_running_loop().call_later(tick, self._look)

    def _look(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        for watch in list(self._watches):
            watch.look(now)
        self._arm()

    def close(self) -> None:
        """No timer is left behind."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
