"""How long packing takes, learned from looks at packages that were ready or not.

A look says only that the time lies before or after it, and late looks say hardly anything. So the times are taken for
lognormal, as sums of chance delays mostly are, and the likeliest such distribution is fitted to all looks at once.
"""

from __future__ import annotations

import math
from collections import deque
from statistics import NormalDist

from attrs import define, field

__all__ = ["Delays", "Look"]

KEPT = 256
"""Looks that count; older ones are forgotten, for a service changes."""
SPREAD = 0.7
"""The deviation of the logarithm that is believed while little is known."""
BELIEF = 3.0
"""How many looks that belief counts for."""
NARROWEST = 0.03
FIRST_ROUNDS, ROUNDS = 8, 3
"""Steps of the fit: the first time, and later from where it stood."""
REFIT = 6
"""A fit is due when so manieth a part of the looks is new."""
CERTAIN = 0.98
"""What was that likely to be ready and was teaches nothing."""
NORMAL = NormalDist()


@define(eq=False)
class Look:
    """What is known of one package's packing time: longer than `low` seconds, at most `high`."""

    low: float = 0.0
    high: float = math.inf


@define
class Delays:
    """The distribution of packing times, in seconds from the first request."""

    _looks: deque[Look] = field(factory=lambda: deque(maxlen=KEPT))
    _mean: float | None = None
    _spread: float = SPREAD
    _news: int = 0

    @property
    def known(self) -> bool:
        """Whether at least one package was seen to get ready."""
        return self._mean is not None

    def packing(self, look: Look | None, age: float) -> Look:
        """A package was not ready at this age."""
        look = self._look() if look is None else look
        look.low = age
        self._learn()
        return look

    def ready(self, look: Look | None, age: float) -> None:
        """A package was ready at this age."""
        if look is None:
            if self.known and self.odds(0.0, age) > CERTAIN:
                return
            look = self._look()
        look.high = age
        self._learn()

    def _look(self) -> Look:
        look = Look()
        self._looks.append(look)
        return look

    def _learn(self) -> None:
        self._news += 1
        if self._news * REFIT >= len(self._looks) or not self.known:
            self._news = 0
            self._fit()

    def odds(self, seen: float, age: float) -> float:
        """How likely a package is ready at this age, given that it was not when `seen` old."""
        return min(max(1.0 - self._unready(age) / max(self._unready(seen), 1e-12), 0.0), 1.0)

    def age_of(self, odds: float, seen: float = 0.0) -> float:
        """The age at which a package is ready with these odds, given that it was not when `seen` old."""
        if self._mean is None:
            return 0.0
        left = max(self._unready(seen) * (1.0 - odds), 1e-14)
        return max(math.exp(self._mean - self._spread * NORMAL.inv_cdf(min(left, 1.0 - 1e-9))), seen)

    def _unready(self, age: float) -> float:
        if age <= 0 or self._mean is None:
            return 1.0
        return _below((self._mean - math.log(age)) / self._spread)

    def _fit(self) -> None:
        """The likeliest mean and spread, by expectation and maximization."""
        found = [math.log(max(look.high, 0.001)) for look in self._looks if look.high < math.inf]
        if not found:
            return
        rounds = ROUNDS
        if self._mean is None:
            self._mean, rounds = sum(found) / len(found), FIRST_ROUNDS
        for _ in range(rounds):
            self._step(self._mean)

    def _step(self, mean: float) -> None:
        first = second = 0.0
        for look in self._looks:
            low = (math.log(look.low) - mean) / self._spread if look.low > 0 else -math.inf
            high = (math.log(max(look.high, 0.001)) - mean) / self._spread if look.high < math.inf else math.inf
            centre, variance = _between(low, high)
            first += centre
            second += variance + centre * centre
        count = len(self._looks)
        shift = first / count
        variance = max(second / count - shift * shift, 0.0)
        self._mean = mean + self._spread * shift
        weighed = (variance * self._spread**2 * count + SPREAD**2 * BELIEF) / (count + BELIEF)
        self._spread = max(math.sqrt(weighed), NARROWEST)


def _between(low: float, high: float) -> tuple[float, float]:
    """Mean and variance of a standard normal that is known to lie between two bounds."""
    share = _below(high) - _below(low) if low < 0 else _below(-low) - _below(-high)
    if share < 1e-12:
        return min(max(0.0, low), high), 0.0
    at_low, at_high = _density(low), _density(high)
    mean = (at_low - at_high) / share
    edge = (low * at_low if at_low else 0.0) - (high * at_high if at_high else 0.0)
    return mean, max(1.0 + edge / share - mean * mean, 0.0)


def _below(point: float) -> float:
    return 0.5 * math.erfc(-point / math.sqrt(2.0))


def _density(point: float) -> float:
    return math.exp(-point * point / 2.0) / math.sqrt(2.0 * math.pi) if abs(point) < 38 else 0.0
