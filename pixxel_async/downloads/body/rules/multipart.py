"""Whether the rest of a body is fetched over several connections.

That helps where the storage, or the way to it, gives each connection so much and no more: the rate has stopped to
rise, and connections are free. It costs a new request for each piece, so that it has to be worth some seconds.
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

    def arrived(self, now: float, size: int) -> None:
        """So many bytes are here now."""
        if now - self.since >= WINDOW:
            self.before, self.rate = self.rate, (size - self.mark) / (now - self.since)
            self.since, self.mark = now, size

    @property
    def flat(self) -> bool:
        """Whether the rate is known, and rises no more."""
        return 0 < self.rate <= self.before * RISING


def splittable(kept: Kept) -> bool:
    """Whether pieces of this body can be put together: a strong ETag says that all are of one object, of one size."""
    return kept.total is not None and is_strong(kept.etag)


def connections_for(kept: Kept, gauge: RateGauge, *, allowed: int, spare: int, piece: int) -> int:
    """Connections that the rest of a body deserves; 1 leaves it as it is.

    Args:
        allowed: as the settings allow.
        spare: connections that nobody else uses.
        piece: bytes that one of them fetches at a time.
    """
    rest = (kept.total or 0) - kept.size
    if not splittable(kept) or not gauge.flat or rest < max(2 * piece, WORTH * gauge.rate):
        return 1
    return max(1, min(allowed, 1 + spare, rest // piece))
