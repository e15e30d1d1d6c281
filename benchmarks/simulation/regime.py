"""Input of a run: a random regime, its packages, and lower bounds of its duration."""

from __future__ import annotations

import math
from random import Random

from attrs import frozen

__all__ = ["Package", "Regime", "ideal", "in_order", "packages"]


@frozen
class Package:
    """A package: packing seconds, and size in MB."""

    packing: float
    size: float


@frozen(kw_only=True)
class Regime:
    """A service and a network; in MB, MB/s, calls per second, seconds."""

    rate: float
    bandwidth: float
    streams: int
    size: float
    link_life: float
    packing: float
    packing_spread: float
    size_spread: float
    cap: float
    latency: float

    @classmethod
    def draw(cls, dice: Random) -> Regime:
        """Draw a random regime."""
        return cls(
            rate=dice.choice([3, 8, 15, 30, 80]),
            bandwidth=dice.choice([50, 150, 400, 1200]),
            streams=dice.choice([4, 8, 16, 32]),
            size=dice.choice([30, 100, 400, 1500]),
            link_life=dice.choice([60, 300, 3600]),
            packing=dice.choice([3, 10, 20, 60, 200]),
            packing_spread=dice.choice([0.4, 0.8, 1.2]),
            size_spread=dice.choice([0.3, 1.0]),
            cap=dice.choice([100, 500]),
            latency=dice.choice([0.05, 0.2, 0.5]),
        )

    @property
    def alone(self) -> float:
        """The MB/s of a single body over as many connections as one body gets."""
        return min(self.bandwidth, self.streams * self.cap)

    @property
    def asks(self) -> int:
        """The requests in flight that use up the allowed rate."""
        return max(4, math.ceil(2 * self.rate * self.latency))


def packages(regime: Regime, count: int, dice: Random) -> list[Package]:
    """Return the packages of one run; times and sizes are lognormal around their medians."""
    packing, size = math.log(regime.packing), math.log(regime.size)
    return [
        Package(dice.lognormvariate(packing, regime.packing_spread), dice.lognormvariate(size, regime.size_spread))
        for _ in range(count)
    ]


def ideal(regime: Regime, items: list[Package]) -> float:
    """Return the lower bound: the maximum of two calls per package, all bytes, and the best end of any package."""
    calls = 2 * len(items) / regime.rate
    net = sum(item.size for item in items) / min(regime.bandwidth, regime.streams * regime.cap)
    return max(calls, net, *(_alone(regime, item) for item in items))


def in_order(regime: Regime, items: list[Package]) -> float:
    """Return the best end if packages are requested in order, the k-th not before k calls are allowed.

    From the moment at which a package may be ready at the earliest, it and all that get ready later still need a poll
    each, all their bytes have to pass the line, and its own bytes the connections that one body is given.
    """
    line = min(regime.bandwidth, regime.streams * regime.cap)
    soonest = [(place / regime.rate + regime.latency / 2 + item.packing, item.size) for place, item in enumerate(items)]
    best = later = 0.0
    for polls, (ready, size) in enumerate(sorted(soonest, reverse=True)):
        later += size
        best = max(best, ready + regime.latency / 2 + max(later / line, polls / regime.rate, size / regime.alone))
    return best


def _alone(regime: Regime, item: Package) -> float:
    return regime.latency + item.packing + item.size / regime.alone
