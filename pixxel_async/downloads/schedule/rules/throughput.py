"""Throughput of the line: seconds of all streams together per body."""

from __future__ import annotations

import math

from attrs import define, field

__all__ = ["Throughput"]

SMOOTH = 50
"""Bodies in the running mean of a throughput."""


@define
class Throughput:
    """Active streams, mean body size, and the throughput measured at each number of streams.

    Streams share a line: of n concurrent bodies each is taken to get 1/n of the line's throughput. The estimate is the
    best mean over groups of equal concurrency (half octaves), since a few streams do not show what many can do.

    Attributes:
        active: bodies that are streaming.
    """

    active: int = 0
    _share: float = 0.0  # integral of dt / active: seconds of the whole line that a stream present all along got
    _at: float = 0.0
    _sizes: float = 0.0
    _ended: int = 0
    _rates: dict[int, tuple[int, float]] = field(factory=dict)
    _seconds_per_body: float = 0.0

    def start(self, now: float) -> tuple[float, float]:
        """Record that a body starts at `now` (seconds); the result is passed to `end`."""
        self._advance(now)
        self.active += 1
        return now, self._share

    def end(self, now: float, since: tuple[float, float], size: int | float | None) -> None:
        """Record that a body has ended.

        Args:
            since: the result of `start`.
            size: its bytes; None or 0 when nothing was streamed.
        """
        self._advance(now)
        self.active -= 1
        if not size:
            return
        seconds = max(now - since[0], 1e-6)
        share = max(self._share - since[1], 1e-9)
        concurrency = max(seconds / share, 1.0)
        self._sizes += size
        self._ended += 1
        group = int(2 * math.log2(concurrency))
        count, mean = self._rates.get(group, (0, 0.0))
        count = min(count + 1, SMOOTH)
        self._rates[group] = count, mean + (size / share - mean) / count
        best = max(rate for _, rate in self._rates.values())
        self._seconds_per_body = self.mean_size / best

    @property
    def mean_size(self) -> float:
        """The mean bytes of a body; 0 while unknown."""
        return self._sizes / self._ended if self._ended else 0.0

    def seconds_per_body(self) -> float:
        """Return mean size / best throughput, in seconds with all streams busy; 0 while unknown."""
        return self._seconds_per_body

    def _advance(self, now: float) -> None:
        self._share += (now - self._at) / self.active if self.active else 0.0
        self._at = now
