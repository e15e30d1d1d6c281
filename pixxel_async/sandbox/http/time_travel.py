"""Wait in the sandbox's time: a sleep that advances it, and delays of requests that follow it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from ..clock import Clock

_CHECK_INTERVAL = 0.002
"""Real seconds between two checks of whether to continue."""
_LONGEST = 0.5
_STUCK = 1.0
"""Real seconds without a byte after which a request no longer blocks the clock: its peer waits, too."""
_MOST_AT_ONCE = 0.01
"""Most real seconds that one check counts as quiet: on a starved machine, quiet means nothing."""
_SHARE = 10_000
"""A jump of this many sandbox seconds needs one real second without a request, or `_LONGEST` if that is less."""


class TimeTravel:
    """Wake sleepers in the order of their times, as soon as nothing else is going on.

    Between two sleeps a client talks to the sandbox, and longer sleepers must not wake meanwhile. So the clock jumps
    only while no request is under way and none was for a moment, which is longer for a longer jump: all polls go
    before a deadline of an hour.

    Args:
        clock: the clock to step.

    Attributes:
        jumps: whether time jumps to the next end of a sleep; else it runs or is stepped by hand.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wakes: list[float] = []
        self._busy = 0
        self._calm = 0.0
        self._looked = time.monotonic()
        self.jumps = False

    def __enter__(self) -> None:
        """Block jumps while a request is under way."""
        self._busy += 1

    def __exit__(self, *_: object) -> None:
        self._busy -= 1
        self.note_progress()

    def note_progress(self) -> None:
        """Restart the quiet period."""
        self._calm = 0.0

    async def sleep(self, seconds: float) -> None:
        """Sleep in sandbox seconds, which takes milliseconds."""
        self.jumps = True
        await self._wait_until(self._clock.now() + seconds, lambda: False)

    async def pause(self, until: float, over: Callable[[], bool]) -> None:
        """Delay a request until that time or until `over` is true; other sleepers continue."""
        self.__exit__()
        try:
            await self._wait_until(until, over)
        finally:
            self.__enter__()

    async def _wait_until(self, wake: float, over: Callable[[], bool]) -> None:
        self._wakes.append(wake)
        self.note_progress()
        try:
            await asyncio.sleep(0)
            while self._clock.now() < wake and not over():
                await asyncio.sleep(_CHECK_INTERVAL)
                self._jump_if_next(wake)
        finally:
            self._wakes.remove(wake)
            self.note_progress()

    def _jump_if_next(self, wake: float) -> None:
        """Step the clock to this time if it is the next one and nothing else is going on."""
        now, ahead = time.monotonic(), wake - self._clock.now()
        self._calm += min(now - self._looked, _MOST_AT_ONCE)
        self._looked = now
        if not self.jumps or wake != min(self._wakes) or not 0 < ahead < float("inf"):
            return
        if self._calm >= (_STUCK if self._busy else min(ahead / _SHARE, _LONGEST)):
            self._clock.advance(ahead)
