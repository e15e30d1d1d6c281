"""How fast bodies come: seconds of all streams together for one body."""

from __future__ import annotations

import math

from attrs import define, field

__all__ = ["Throughput"]

SMOOTH = 50
"""Bodies over which a throughput is averaged."""


@define
class Throughput:
    """What streams, and what was learned of sizes and of the throughput at each number of streams.

    Streams share a line: what a body gets beside n - 1 others is taken for an n-th of all that comes. The pace is that
    at the best number of streams seen, for few streams at a time say nothing of what many can do.

    Attributes:
        active: bodies that are streaming.
    """

    active: int = 0
    _share: float = 0.0  # of all that came since the beginning, in seconds: what one stream got that was always there
    _at: float = 0.0
    _sizes: float = 0.0
    _ended: int = 0
    _rates: dict[int, tuple[int, float]] = field(factory=dict)

    def began(self, now: float) -> tuple[float, float]:
        """A body begins; what is returned is handed to `ended`."""
        self._to(now)
        self.active += 1
        return now, self._share

    def ended(self, now: float, since: tuple[float, float], size: int | float | None) -> None:
        """A body has ended.

        Args:
            size: its bytes; None or 0 when nothing was streamed.
        """
        self._to(now)
        self.active -= 1
        if not size:
            return
        seconds = max(now - since[0], 1e-6)
        share = max(self._share - since[1], 1e-9)
        beside = max(seconds / share, 1.0)
        self._sizes += size
        self._ended += 1
        group = int(2 * math.log2(beside))
        count, mean = self._rates.get(group, (0, 0.0))
        count = min(count + 1, SMOOTH)
        self._rates[group] = count, mean + (size / share - mean) / count

    def each(self) -> float:
        """Seconds for one body when all streams are busy; 0 while nothing is known."""
        if not self._ended:
            return 0.0
        return self._sizes / self._ended / max(rate for _, rate in self._rates.values())

    def _to(self, now: float) -> None:
        self._share += (now - self._at) / self.active if self.active else 0.0
        self._at = now
