"""A sleep that makes the sandbox's time pass instead of waiting for it."""

from __future__ import annotations

import asyncio
import time

from .clock import Clock

_LOOK = 0.002
"""Real seconds between two looks at whether it is time to go on."""
_LONGEST = 0.5
_SHARE = 10_000
"""A jump of so many seconds of the sandbox needs one real second without a request, or `_LONGEST` if that is less."""


class Sleeper:
    """Wakes those who sleep in the order of their times, as soon as nothing else goes on.

    Between the end of one sleep and the next, a client talks to the sandbox: whoever sleeps longer must not be woken
    meanwhile. So the clock jumps only while no request is under way and none was for a moment, which is longer for a
    longer jump: a deadline of an hour lets all polls go first.

    Args:
        clock: is stepped.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wakes: list[float] = []
        self._busy = 0
        self._stirred = time.monotonic()

    def __enter__(self) -> None:
        """While this lasts, nobody who sleeps is woken."""
        self._busy += 1

    def __exit__(self, *_: object) -> None:
        self._busy -= 1
        self._stirred = time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return once the clock is so many seconds ahead, which takes milliseconds."""
        wake = self._clock.now() + seconds
        self._wakes.append(wake)
        self._stirred = time.monotonic()
        try:
            await asyncio.sleep(0)
            while self._clock.now() < wake:
                await asyncio.sleep(_LOOK)
                left = wake - self._clock.now()
                if wake == min(self._wakes) and self._quiet(left):
                    self._clock.advance(left)
        finally:
            self._wakes.remove(wake)
            self._stirred = time.monotonic()

    def _quiet(self, jump: float) -> bool:
        calm = time.monotonic() - self._stirred
        return jump > 0 and self._busy == 0 and calm >= min(jump / _SHARE, _LONGEST)
