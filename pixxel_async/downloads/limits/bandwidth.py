"""A limit of bytes a second, over all streams of a manager together."""

from __future__ import annotations

from ...settings import Timing

__all__ = ["BandwidthLimiter"]

SLACK = 0.005
"""Seconds that are not worth a sleep; they count in the next one."""


class BandwidthLimiter:
    """One clock of bytes: whoever takes some moves it on, and waits until it is that late.

    What was not used is not saved up, so that the rate is never passed afterwards.
    """

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._free_at = float("-inf")

    async def take(self, size: int, rate: float) -> None:
        """Waits until so many bytes may have come.

        Args:
            rate: bytes a second.
        """
        now = self._timing.clock()
        self._free_at = max(self._free_at, now) + size / rate
        if (wait := self._free_at - now) > SLACK:
            await self._timing.sleep(wait)
