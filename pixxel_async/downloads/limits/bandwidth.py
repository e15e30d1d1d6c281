"""Bandwidth limit over all streams of a manager."""

from __future__ import annotations

from collections.abc import Callable

from ...settings import Timing

__all__ = ["BandwidthLimiter"]

LEAST = 1024.0
"""Bytes per second that a function may return at least; less would stop the streams."""
SLACK = 0.005
"""Shortest sleep in seconds; shorter waits are carried over to the next call."""


class BandwidthLimiter:
    """Leaky-bucket limiter shared by all streams.

    Unused capacity is not saved up, so that there are no bursts above the rate.
    """

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._free_at = float("-inf")

    async def acquire(self, size: int, limit: float | Callable[[], float | None]) -> None:
        """Sleep until `size` more bytes fit under the limit.

        Args:
            size: bytes received.
            limit: bytes per second; a function returns those that apply now, None for no limit.
        """
        rate = limit() if callable(limit) else limit
        if rate is None:
            return
        now = self._timing.clock()
        self._free_at = max(self._free_at, now) + size / max(rate, LEAST)
        if (wait := self._free_at - now) > SLACK:
            await self._timing.sleep(wait)
