"""Decide how many connections a body has work for, and how long its ranges are.

Each further connection costs its opening, about two round trips r, and each range one round trip for its request, in
which the connection is idle. A connection that gives c bytes a second is worth opening for OPENING round trips of work
at least, and a range is RANGE seconds of work, so that its request costs r / RANGE of the time:

    shortest range = max(least, c * OPENING * r),    longest range = max(shortest range, c * RANGE).

n connections divide the missing bytes evenly between these bounds. As long as c is not known, ranges are FIRST_RANGE at
most: seconds on a usual line, and little to wait for where it is slow.

Near the storage a body stays on its connection while its rate rises, or when the rest takes less than WORTH seconds: a
connection that fills the line leaves nothing to others. Far from it the window decides, and nothing is waited for.
"""

from __future__ import annotations

from attrs import define, frozen

from ...._protocol.ranges import is_strong
from .resume import Kept

__all__ = ["RangeSizes", "RateGauge", "may_split", "range_sizes", "useful_connections"]

WINDOW = 0.1
"""Seconds over which a rate is taken, at least: while it is not known, all goes over one connection. Longer ways need
no longer window, since it ends when bytes arrive, after one or more ways there and back."""
RISING = 1.3
"""Ratio of bytes in consecutive windows above which the rate still rises."""
WORTH = 3.0
"""Seconds that the rest must need at the present rate, near the storage. Chosen."""
OPENING = 4.0
"""Round trips of work for which a connection is opened: twice what opening it takes. Chosen."""
RANGE = 2.0
"""Seconds of work of one range: a request costs less than a tenth of it up to a round trip of 200 ms, and a connection
that another body needs is free within that time. Chosen."""
FIRST_RANGE = 8 << 20
"""Longest range in bytes while the rate is not known. Chosen: a second at 8 MB/s."""


@define
class RateGauge:
    """The rate of one connection, window by window; times are seconds of the client's clock.

    Attributes:
        since, mark: when the present window began, and at which byte.
        before, rate: bytes a second in the last two full windows; 0 while there was none.
    """

    since: float
    mark: int
    before: float = 0.0
    rate: float = 0.0

    def record_bytes(self, now: float, size: int) -> None:
        """Record that `size` bytes have arrived by `now`."""
        if now - self.since >= WINDOW:
            self.before, self.rate = self.rate, (size - self.mark) / (now - self.since)
            self.since, self.mark = now, size

    @property
    def flat(self) -> bool:
        """Whether the rate is known and no longer rises."""
        return 0 < self.rate <= self.before * RISING


@frozen
class RangeSizes:
    """Bytes of the shortest and of the longest range of a body."""

    shortest: int
    longest: int


def range_sizes(rate: float, rtt: float, least: int) -> RangeSizes:
    """Return how long ranges are.

    Args:
        rate: bytes per second of one connection; 0 while unknown.
        rtt: seconds of a round trip; 0 while unknown.
        least: bytes of a range in any case.
    """
    shortest = max(least, int(rate * OPENING * rtt))
    return RangeSizes(shortest, max(shortest, int(rate * RANGE) if rate else FIRST_RANGE))


def may_split(kept: Kept) -> bool:
    """Return whether ranges of this body can be joined: of known length, and with a strong ETag."""
    return kept.total is not None and is_strong(kept.etag)


def useful_connections(kept: Kept, gauge: RateGauge, *, far: bool, rtt: float, least: int) -> int:
    """Return for how many connections there is work in the rest of a body; 1 leaves it on its connection.

    Args:
        far: whether the storage is far.
        rtt, least: as of `range_sizes`.
    """
    rest = (kept.total or 0) - kept.size
    if not may_split(kept) or not (far or (gauge.flat and rest >= WORTH * gauge.rate)):
        return 1
    return max(1, rest // range_sizes(gauge.rate if gauge.flat else 0.0, rtt, least).shortest)
