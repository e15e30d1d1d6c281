"""Lower bounds of the time left: streaming, packing and asking; the largest is the bottleneck."""

from __future__ import annotations

import math

from attrs import define, frozen

from .packing_time import PackingTimeModel

__all__ = ["Bottleneck", "CallRate", "packing_bound"]

EVEN = 0.7
"""Mean number of packages still packing at which P(none) = e^-0.7 = 1/2 (Poisson)."""
SURE = 0.05
"""Smallest such mean that is asked for: P(none) = e^-0.05 = 95 %."""
SPARE = 0.02
"""Share of the call rate below which no call counts as left over for first requests."""
SMOOTH = 0.05
"""Weight of the newest interval in the exponential moving average of intervals between requests."""


@frozen
class Bottleneck:
    """Seconds until all is streamed, packed and asked, each as if the others did not bind."""

    streaming: float
    packing: float
    asking: float

    @property
    def streams_are_last(self) -> bool:
        """Whether streaming is the bottleneck, so that streams have to be fed; until then packing has the calls."""
        return not self.streaming or self.streaming >= max(self.packing, self.asking)

    def calls_bind(self, share: float) -> bool:
        """Return whether the calls needed take more than `share` of the time left."""
        return self.asking > share * max(self.streaming, self.packing, self.asking)


@define
class CallRate:
    """Calls per second: the rate limit, and the rate reached while there was always something to send.

    Args:
        limit: calls per second that are allowed; infinite when unknown.
    """

    limit: float
    _last_sent: float | None = None
    _interval: float = 0.0

    def record_sent(self, now: float) -> None:
        """Record that a request goes out at `now` (seconds)."""
        if self._last_sent is not None:
            self._interval += SMOOTH * (now - self._last_sent - self._interval)
        self._last_sent = now

    def record_idle(self) -> None:
        """Record that there is nothing to send: the interval until the next request is not measured."""
        self._last_sent = None

    @property
    def now(self) -> float:
        """Calls per second, the smaller of limit and measurement."""
        return min(self.limit, 1.0 / self._interval if self._interval else math.inf, 1e6)


def packing_bound(model: PackingTimeModel, *, to_come: int, rate: float, seconds_per_body: float) -> float:
    """Return the seconds until all is packed, if first requests get the calls that feeding all streams leaves.

    That is to_come / r + t, where r = rate - 1 / seconds_per_body and t solves r E[(T - t)+] = ln(rate e); see 4b
    of the page in `__init__`.

    Args:
        to_come: packages that have not been requested yet.
        rate: calls per second.
        seconds_per_body: with all streams busy; 0 while unknown.
    """
    spare = rate - 1.0 / seconds_per_body if seconds_per_body else rate
    if spare <= SPARE * rate:
        return math.inf
    mean_left = max(math.log(rate * seconds_per_body), SURE) if seconds_per_body else EVEN
    return to_come / spare + model.tail_length(spare, mean_left)
