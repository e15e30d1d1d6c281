"""Clock without the time in which the process was suspended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

BEAT = 2.0
"""Seconds between two ticks; chosen."""
LATE = 5.0
"""Seconds by which a tick must be late before the process counts as suspended; chosen above any pause of our own."""


class ActiveClock:
    """Seconds that only grow, without those in which the process was suspended: SIGSTOP, a paused container.

    A timer of the event loop ticks every `BEAT` seconds. If it is late by more than `LATE`, the excess is subtracted
    from all later readings. An event loop that was blocked for so long counts as suspended, too.

    Args:
        clock: the clock to read.
        real: seconds of the system, by which a suspension is measured.

    Attributes:
        suspended: seconds subtracted so far.
    """

    def __init__(self, clock: Callable[[], float], real: Callable[[], float] = time.monotonic) -> None:
        self.suspended = 0.0
        self._clock = clock
        self._real = real
        self._due = float("inf")
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self) -> float:
        if self._real() - self._due > LATE:
            self._subtract()
        return self._clock() - self.suspended

    def start(self) -> None:
        """Begin to tick, in the running event loop."""
        self._subtract()
        self._due = self._real() + BEAT
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(BEAT, self.start)

    def stop(self) -> None:
        """End the ticks; from then on a suspension is not noticed."""
        self._due = float("inf")
        if self._timer is not None:
            self._timer.cancel()

    def _subtract(self) -> None:
        now = self._real()
        if now - self._due > LATE:
            self.suspended += now - self._due
            self._due = now
