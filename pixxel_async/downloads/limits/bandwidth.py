"""Bandwidth limit over all streams of a manager."""

from __future__ import annotations

from ...settings import Timing

__all__ = ["BandwidthLimiter"]

SLACK = 0.005
"""Shortest sleep in seconds; shorter waits are carried over to the next call."""


class BandwidthLimiter:
    """Leaky-bucket limiter shared by all streams.

    Unused capacity is not saved up, so that there are no bursts above the rate.
    """

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._free_at = float("-inf")

    async def take(self, size: int, rate: float) -> None:
        """Sleep until `size` more bytes fit under the rate.

        Args:
            size: bytes received.
            rate: bytes per second.
        """
        now = self._timing.clock()
        self._free_at = max(self._free_at, now) + size / rate
        if (wait := self._free_at - now) > SLACK:
            await self._timing.sleep(wait)
