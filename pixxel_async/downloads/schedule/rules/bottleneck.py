"""What would be the last to end: streaming, packing or asking."""

from __future__ import annotations

import math

from attrs import define, frozen

from .packing_time import PackingTimeModel

__all__ = ["Bottleneck", "CallRate", "packed"]

EVEN = 0.7
"""Packages that may be expected to pack still when half of the time none does (Poisson: e ** -0.7 = 1/2)."""
SURE = 0.05
"""The same where next to nothing is risked."""
SPARE = 0.02
"""Share of all calls below which none is to spare."""
SMOOTH = 0.05
"""Share of the newest pause between two requests in what is believed."""


@frozen
class Bottleneck:
    """Seconds until all is streamed, packed and asked, each as if the others did not hold it up."""

    streaming: float
    packing: float
    asking: float

    @property
    def streams_are_last(self) -> bool:
        """Whether streams must be fed from now on; while they need not, packing has the calls."""
        return not self.streaming or self.streaming >= max(self.packing, self.asking)

    def scarce(self, share: float) -> bool:
        """Whether calls take that share of all the time that is left."""
        return self.asking > share * max(self.streaming, self.packing, self.asking)


@define
class CallRate:
    """Calls a second: what is allowed, and what was reached while there was always something to send.

    Args:
        limit: calls a second that are allowed; infinite when that is not known.
    """

    limit: float
    _sent: float | None = None
    _pause: float = 0.0

    def sent(self, now: float) -> None:
        """A request goes out."""
        if self._sent is not None:
            self._pause += SMOOTH * (now - self._sent - self._pause)
        self._sent = now

    def idle(self) -> None:
        """There is nothing to send: the time to the next request says nothing."""
        self._sent = None

    @property
    def now(self) -> float:
        """Calls a second."""
        return min(self.limit, 1.0 / self._pause if self._pause else math.inf, 1e6)


def packed(delays: PackingTimeModel, *, to_come: int, rate: float, each: float) -> float:
    """Seconds until all is packed, if first requests get the calls that feeding all streams leaves.

    How long after the last first request one waits is a bet. A second more of first requests now costs the streams a
    second, and brings the end of packing forward by 1 / (rate * each - 1): the chance that packing is last is to be
    1 - 1 / (rate * each).

    Args:
        to_come: packages that were never asked for.
        rate: calls a second.
        each: seconds for one body when all streams are busy; 0 while nothing is known.
    """
    spare = rate - 1.0 / each if each else rate
    if spare <= SPARE * rate:
        return math.inf
    level = max(math.log(rate * each), SURE) if each else EVEN
    return to_come / spare + delays.lasts(spare, level)
