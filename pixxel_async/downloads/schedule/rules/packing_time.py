"""How long packing takes, learned from looks at packages that were ready or not.

A look says only that the time lies before or after it, and a late look says hardly anything. So each is taken as a
bet: the more its outcome was unlikely by what is believed, the more it moves the belief, and the better the belief is
founded, the less. Times are taken for lognormal, as sums of chance delays mostly are.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from attrs import define, field

__all__ = ["PackingTimeModel"]

GUESS, SPREAD = 10.0, 0.7
"""Median seconds, and deviation of the logarithm, that are believed before the first look."""
DOUBT = 4.0, 0.16
"""Variances of that belief: of the logarithm of the median, and of the logarithm of the deviation."""
KEPT = 256
"""Close looks that the belief counts for at most, so that a service which changes is followed."""
FIRST = 64
"""Looks that are judged all together, and again with each new one, until the belief is founded."""
ROUNDS = 2
NARROWEST, WIDEST = 0.03, 3.0
STEP = 1.0
"""Most by which a single look moves either logarithm."""
EARLIEST, LATEST = -6.0, 30.0
"""Deviations from the mean beyond which all is the same: slopes have to stay larger than nothing."""
HALVINGS = 20
NORMAL = NormalDist()


@define
class PackingTimeModel:
    """The distribution of packing times, in seconds from the first request.

    Attributes:
        known: whether at least one package was seen to get ready.
    """

    known: bool = False
    _mean: float = math.log(GUESS)
    _spread: float = SPREAD
    _doubt: tuple[float, float, float] = (DOUBT[0], 0.0, DOUBT[1])
    _first: list[tuple[float, float, bool]] = field(factory=list)

    @property
    def belief(self) -> tuple[float, float]:
        """Logarithms of the median and of the deviation, as they are believed now."""
        return self._mean, math.log(self._spread)

    def apart(self, belief: tuple[float, float]) -> float:
        """How far an earlier belief is from the present one, in the logarithm that changed most."""
        return max(abs(self._mean - belief[0]), abs(math.log(self._spread) - belief[1]))

    def looked(self, seen: float, age: float, ready: bool) -> None:
        """A package that was not ready when `seen` seconds old was looked at again.

        Args:
            age: how old it was then.
            ready: whether it was ready.
        """
        self.known = self.known or ready
        if age <= seen:
            return
        if len(self._first) < FIRST:
            self._first.append((seen, age, ready))
            for _ in range(ROUNDS):
                self._begin()
        else:
            self._follow(*self._news(seen, age, ready))

    def _news(self, seen: float, age: float, ready: bool) -> tuple[float, float, float, float]:
        """The slope of what was to be expected, what a look at it weighs, and how far it went the other way."""
        if ready and self._point(age) <= EARLIEST:
            seen = 0.0  # far below all that is believed it only matters that it was ready
        missing = min(max(self._unready(age) / self._unready(seen), 1e-12), 1.0 - 1e-12)
        before, after = self._slope(seen), self._slope(age)
        share = missing / (1.0 - missing)
        return after[0] - before[0], after[1] - before[1], share, -share if ready else 1.0

    def _begin(self) -> None:
        """One step from the first looks, all of them together."""
        a, b, c = 1 / DOUBT[0], 0.0, 1 / DOUBT[1]
        up, wide = a * (math.log(GUESS) - self._mean), c * math.log(SPREAD / self._spread)
        for look in self._first:
            shift, growth, weight, surprise = self._news(*look)
            a, b, c = a + weight * shift * shift, b + weight * shift * growth, c + weight * growth * growth
            up, wide = up + surprise * shift, wide + surprise * growth
        all_of_it = a * c - b * b
        self._doubt = c / all_of_it, -b / all_of_it, a / all_of_it
        self._move(up, wide)

    def _follow(self, shift: float, growth: float, weight: float, surprise: float) -> None:
        """One step from a single look; what was believed before counts as so many looks."""
        a, b, c = self._doubt
        first, second = a * shift + b * growth, b * shift + c * growth
        gain = weight / (1.0 + weight * (shift * first + growth * second))
        a, b, c = a - gain * first * first, b - gain * first * second, c - gain * second * second
        kept = max(self._spread**2 / (KEPT * a), 1.0)
        self._doubt = a * kept, b * kept, c * kept
        self._move(surprise * shift, surprise * growth)

    def _move(self, up: float, wide: float) -> None:
        """Go uphill, as far as the doubt allows."""
        a, b, c = self._doubt
        self._mean += min(max(a * up + b * wide, -STEP), STEP)
        growth = min(max(b * up + c * wide, -STEP), STEP)
        self._spread = min(max(self._spread * math.exp(growth), NARROWEST), WIDEST)

    def _slope(self, age: float) -> tuple[float, float]:
        """How the logarithm of the share that is still packing moves with the mean, and with the spread's logarithm."""
        if age <= 0:
            return 0.0, 0.0
        point = self._point(age)
        hazard = math.exp(-point * point / 2.0) / math.sqrt(2.0 * math.pi) / _above(point)
        return hazard / self._spread, hazard * point

    def odds(self, seen: float, age: float) -> float:
        """How likely a package is ready at this age, given that it was not when `seen` old."""
        return min(max(1.0 - self._unready(age) / self._unready(seen), 0.0), 1.0)

    def age_of(self, odds: float, seen: float = 0.0) -> float:
        """The age at which a package is ready with these odds, given that it was not when `seen` old."""
        left = max(self._unready(seen) * (1.0 - odds), 1e-14)
        return max(math.exp(self._mean - self._spread * NORMAL.inv_cdf(min(left, 1.0 - 1e-9))), seen)

    def lasts(self, rate: float, level: float) -> float:
        """Seconds after the last of many first requests until no more than `level` are likely to be packing.

        Args:
            rate: first requests a second.
        """
        low, high = 0.0, math.exp(self._mean + 6.0 * self._spread)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if rate * self._beyond(middle) > level else (low, middle)
        return high

    def _beyond(self, age: float) -> float:
        """Expected seconds of packing beyond an age."""
        all_of_it = math.exp(self._mean + self._spread**2 / 2)
        if age <= 0:
            return all_of_it
        point = self._point(age)
        return all_of_it * _above(point - self._spread) - age * _above(point)

    def _unready(self, age: float) -> float:
        return 1.0 if age <= 0 else _above(self._point(age))

    def _point(self, age: float) -> float:
        return min(max((math.log(age) - self._mean) / self._spread, EARLIEST), LATEST)


def _above(point: float) -> float:
    return 0.5 * math.erfc(point / math.sqrt(2.0))
