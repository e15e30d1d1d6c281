"""How many connections a host is given: `limits/rules/growth.py` against a modelled line, in virtual time."""

from __future__ import annotations

import random

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.downloads.limits.rules.growth import FAR, Growth, Sample, after_refusal, after_sample, at_head, shares

MB = 1e6
FLOOR, CEILING = 8, 64


@define
class Line:
    """A line of so many bytes a second, over which each connection gives so many at most.

    Attributes:
        demand: connections for which there is work.
        noise: share by which the rate moves up and down.
        used: connections that deliver; new ones do two round trips after they were allowed.
        history: connections in use and rate, step by step of a third of a round trip.
    """

    rtt: float
    each: float
    capacity: float
    demand: int = 1000
    noise: float = 0.0
    growth: Growth = field(factory=Growth)
    now: float = 0.0
    moved: float = 0.0
    used: int = FLOOR
    history: list[tuple[int, float]] = field(factory=list)
    _opening: list[tuple[float, int]] = field(factory=list)
    _dice: random.Random = field(factory=lambda: random.Random(3))

    @property
    def sample(self) -> Sample:
        return Sample(self.now, int(self.moved), self.used, self.demand, FLOOR, CEILING, self.rtt, self.rtt >= FAR)

    @property
    def allowed(self) -> int:
        return self.growth.limit(FLOOR, CEILING)

    def run(self, seconds: float) -> None:
        """Let time pass; whoever may have more connections opens them, whoever has too many closes them."""
        step, end = max(self.rtt / 3, 0.002), self.now + seconds
        while self.now < end:
            wanted = min(self.allowed, self.demand)
            open_soon = self.used + sum(count for _, count in self._opening)
            if wanted > open_soon:
                self._opening.append((self.now + 2 * self.rtt, wanted - open_soon))
            self.used = min(self.used, wanted) + sum(count for due, count in self._opening if due <= self.now)
            self._opening = [(due, count) for due, count in self._opening if due > self.now]
            rate = min(self.used * self.each, self.capacity) * (1 + self._dice.uniform(-self.noise, self.noise))
            self.now, self.moved = self.now + step, self.moved + rate * step
            self.history.append((self.used, rate))
            self.growth = after_sample(at_head(self.growth, self.sample), self.sample)

    def mean(self, last: float) -> tuple[float, float]:
        """Return mean connections and mean rate of the last seconds."""
        steps = self.history[-int(last / max(self.rtt / 3, 0.002)) :]
        return sum(used for used, _ in steps) / len(steps), sum(rate for _, rate in steps) / len(steps)


WAYS = pytest.mark.parametrize("rtt", [0.05, 0.15, 0.4])
NOISE = pytest.mark.parametrize("noise", [0.0, 0.2])


@pytest.mark.slow
@WAYS
@NOISE
def test_connections_held_by_their_windows_get_more(rtt: float, noise: float) -> None:
    """As many as there may be after four round trips, and kept: what trying costs is a few per cent of the bytes."""
    line = Line(rtt, each=MB / rtt, capacity=1e12, noise=noise)
    line.run(4 * rtt)
    assert line.used == CEILING
    line.run(300)
    assert line.mean(300)[1] >= 0.95 * CEILING * line.each


@pytest.mark.slow
@WAYS
@NOISE
def test_a_line_that_is_full_gets_no_more_than_before(rtt: float, noise: float) -> None:
    """The first step is taken back after one trial; over five minutes there are hardly more than bodies may stream."""
    line = Line(rtt, each=MB / rtt, capacity=4 * MB / rtt, noise=noise)
    line.run(max(12 * rtt, 7 * rtt + 0.2) + 0.05)
    assert line.allowed == FLOOR
    line.run(300)
    assert line.mean(300)[0] <= 1.15 * FLOOR


@pytest.mark.slow
@WAYS
@pytest.mark.parametrize("knee", [12, 20, 50])
def test_the_knee_is_found(rtt: float, knee: int) -> None:
    """Between the two: all but a tenth of what the line gives, with at most twice the connections that this takes."""
    line = Line(rtt, each=MB / rtt, capacity=knee * MB / rtt, noise=0.03)
    line.run(300)
    used, rate = line.mean(150)
    assert rate >= 0.85 * line.capacity and used <= 2 * knee


@pytest.mark.slow
@NOISE
def test_a_storage_nearby_is_not_tried(noise: float) -> None:
    """Not even where each connection is given so much and no more."""
    line = Line(0.005, each=MB, capacity=1e12, noise=noise)
    line.run(60)
    assert {used for used, _ in line.history} == {FLOOR}


@pytest.mark.slow
def test_a_line_that_others_fill_is_given_back() -> None:
    """When another user comes, half of the connections bring as much, and half of these again."""
    line = Line(0.05, each=20 * MB, capacity=1e12)
    line.run(30)
    assert line.used == CEILING
    line.capacity = 8 * line.each
    line.run(200)
    assert line.mean(60)[0] <= 1.2 * FLOOR
    line.capacity = 1e12
    line.run(200)
    assert line.mean(30)[0] >= 0.9 * CEILING, "and is taken again when it is free"


def test_a_slow_start_does_not_keep_connections() -> None:
    """A first step that was measured while rates still rose is found out by the trial of half as many."""
    line = Line(0.05, each=MB, capacity=16 * MB)
    line.run(0.1)
    line.each = 20 * MB
    line.run(0.5)
    assert line.allowed == CEILING
    line.run(60)
    assert line.mean(40)[0] <= 1.2 * FLOOR


def test_ends_of_bodies_are_no_sign() -> None:
    """While there is work for fewer connections than a trial measures, nothing is decided."""
    line = Line(0.05, each=20 * MB, capacity=1e12)
    line.run(0.1)
    line.demand = 4
    line.run(20)
    assert line.allowed == CEILING and line.growth.other == FLOOR
    line.demand = 1000
    line.run(1)
    assert line.allowed == CEILING and not line.growth.other


def test_few_bodies_are_no_reason() -> None:
    """No step without work for more connections than there are."""
    line = Line(0.15, each=20 * MB, capacity=1e12, demand=FLOOR)
    line.run(60)
    assert line.growth.allowed == 0 and line.used == FLOOR


def test_a_refusal_halves_what_is_used() -> None:
    """At once, and for as long as after a vain trial nothing is tried."""
    line = Line(0.05, each=20 * MB, capacity=1e12)
    line.run(3)
    line.growth = after_refusal(line.growth, line.sample)
    line.run(5)
    assert line.used == CEILING // 2
    for _ in range(9):
        line.growth = after_refusal(line.growth, line.sample)
        line.run(0.3)
    assert line.used == FLOOR
    line.run(60)
    assert line.used > FLOOR


def test_a_host_that_proves_near_is_left_alone() -> None:
    """A head that came late once, by a busy machine, is corrected by the next one."""
    line = Line(0.05, each=MB, capacity=1e12)
    line.run(0.3)
    assert line.allowed == CEILING
    line.rtt = 0.001
    line.run(0.3)
    assert line.allowed == line.used == FLOOR


@pytest.mark.slow
@given(st.integers(1, 64), st.lists(st.integers(1, 100), min_size=1, max_size=40))
def test_shares_are_fair(allowed: int, wants: list[int]) -> None:
    """Each body gets one, all of them what is allowed; whoever gets less than it wants gets no less than others."""
    given_out = shares(allowed, wants)
    assert sum(given_out) == max(min(allowed, sum(wants)), len(wants))
    assert all(1 <= share <= want for share, want in zip(given_out, wants, strict=True))
    hungry = [share for share, want in zip(given_out, wants, strict=True) if share < want]
    assert not hungry or max(given_out) - min(hungry) <= 1


@pytest.mark.parametrize(
    ("allowed", "wants", "expected"),
    [
        (64, [100] * 8, [8] * 8),
        (64, [100, 1, 1], [62, 1, 1]),
        (8, [100, 100, 100], [2, 3, 3]),
        (8, [100] * 12, [1] * 12),
        (10, [2, 100, 4], [2, 4, 4]),
    ],
)
def test_shares(allowed: int, wants: list[int], expected: list[int]) -> None:
    """Some divisions, in numbers."""
    assert shares(allowed, wants) == expected
