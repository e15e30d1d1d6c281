"""Waiting in the sandbox's time: a sleep that makes it pass, and pauses of requests that follow it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from ..clock import Clock

_LOOK = 0.002
"""Real seconds between two looks at whether it is time to go on."""
_LONGEST = 0.5
_STUCK = 1.0
"""Real seconds without a byte after which a request no longer holds up the clock: its peer is asleep itself."""
_MOST_AT_ONCE = 0.01
"""Real seconds that count between two looks at most: where nobody gets to run, the quiet means nothing."""
_SHARE = 10_000
"""A jump of so many seconds of the sandbox needs one real second without a request, or `_LONGEST` if that is less."""


class TimeTravel:
    """Wakes those who wait in the order of their times, as soon as nothing else goes on.

    Between the end of one sleep and the next, a client talks to the sandbox: whoever sleeps longer must not be woken
    meanwhile. So the clock jumps only while no request is under way and none was for a moment, which is longer for a
    longer jump: a deadline of an hour lets all polls go first.

    Args:
        clock: is stepped.

    Attributes:
        jumps: whether somebody sleeps here, so that time jumps; else it passes by itself or is stepped by hand.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wakes: list[float] = []
        self._busy = 0
        self._calm = 0.0
        self._looked = time.monotonic()
        self.jumps = False

    def __enter__(self) -> None:
        """While this lasts, nobody who sleeps is woken."""
        self._busy += 1

    def __exit__(self, *_: object) -> None:
        self._busy -= 1
        self.stir()

    def stir(self) -> None:
        """Something went on just now."""
        self._calm = 0.0

    async def sleep(self, seconds: float) -> None:
        """Return once the clock is so many seconds ahead, which takes milliseconds."""
        self.jumps = True
        await self._until(self._clock.now() + seconds, lambda: False)

    async def pause(self, until: float, over: Callable[[], bool]) -> None:
        """Hold a request up until the clock is there or `over` says so; others who wait go on meanwhile."""
        self.__exit__()
        try:
            await self._until(until, over)
        finally:
            self.__enter__()

    async def _until(self, wake: float, over: Callable[[], bool]) -> None:
        self._wakes.append(wake)
        self.stir()
        try:
            await asyncio.sleep(0)
            while self._clock.now() < wake and not over():
                await asyncio.sleep(_LOOK)
                self._jump(wake)
        finally:
            self._wakes.remove(wake)
            self.stir()

    def _jump(self, wake: float) -> None:
        """Set the clock to this time if it is the next one and nothing else goes on."""
        now, left = time.monotonic(), wake - self._clock.now()
        self._calm += min(now - self._looked, _MOST_AT_ONCE)
        self._looked = now
        if not self.jumps or wake != min(self._wakes) or not 0 < left < float("inf"):
            return
        if self._calm >= (_STUCK if self._busy else min(left / _SHARE, _LONGEST)):
            self._clock.advance(left)
