"""Stall detection: one timer for all streams watches whether bytes arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from attrs import define, field

LOOKS = 4
"""Checks per window."""


class StallDetected(Exception):
    """Too few bytes arrived in one window; internal to downloads."""


@define(eq=False)
class Watch:
    """State of one watched body.

    Attributes:
        window: seconds in which `floor` bytes must arrive.
        limit: timeout around the body, which is brought forward when it stalls.
        since: start of the window, in seconds of the event loop's clock.
        moved: bytes so far; the reader adds to it.
        mark: bytes at the start of the window.
        resting: whether the disk, not the network, is waited for.
    """

    window: float
    floor: int
    limit: asyncio.Timeout
    since: float
    moved: int = 0
    mark: int = 0
    resting: bool = field(default=False)

    def look(self, now: float) -> None:
        """Time the body out when its window is over and fewer than `floor` bytes came."""
        if self.resting or self.moved - self.mark >= self.floor:
            self.since, self.mark = now, self.moved
        elif now - self.since >= self.window:
            self.limit.reschedule(now)


class Watchdog:
    """Watcher of any number of bodies with a single timer, which runs only while there are some."""

    def __init__(self) -> None:
        self._watches: set[Watch] = set()
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def watch(self, window: float, floor: int) -> AsyncIterator[Watch]:
        """Watch the block; raise `StallDetected` from it when a window passes with fewer than `floor` bytes.

        Args:
            window: seconds.
            floor: bytes.
        """
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
        """Cancel the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
