"""Decide whether the rest of a body is fetched over several connections.

It helps where the storage, or the path to it, limits the rate of each connection: the rate is constant and connections
are free. Each range costs a request, so that the rest must take some seconds.
"""

from __future__ import annotations

from attrs import define

from ...._protocol.ranges import is_strong
from .resume import Kept

__all__ = ["RateGauge", "connections_for", "splittable"]

WINDOW = 0.1
"""Seconds over which a rate is taken, at least: while it is not known, all goes over one connection. Longer ways need
no longer window, since it ends when bytes arrive, after one or more ways there and back."""
RISING = 1.3
"""A window with so many times the bytes of the one before says that the rate still rises."""
WORTH = 3.0
"""Seconds that the rest must need at the present rate."""


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
        """Return whether the rate is known and no longer rises."""
        return 0 < self.rate <= self.before * RISING


def splittable(kept: Kept) -> bool:
    """Return whether ranges of this body can be joined: of known length, and with a strong ETag."""
    return kept.total is not None and is_strong(kept.etag)


def connections_for(kept: Kept, gauge: RateGauge, *, allowed: int, spare: int, piece: int) -> int:
    """Return the number of connections for the rest of a body; 1 leaves it on its connection.

    Args:
        allowed: most connections for one body.
        spare: connections that are free.
        piece: bytes of one range.
    """
    rest = (kept.total or 0) - kept.size
    if not splittable(kept) or not gauge.flat or rest < max(2 * piece, WORTH * gauge.rate):
        return 1
    return max(1, min(allowed, 1 + spare, rest // piece))
