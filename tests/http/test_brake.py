"""The pace of calls to one origin."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async._http.rules.throttle import Throttle, answered, refused, started, wait_before


def run(brake: Throttle, now: float, calls: int, limit: float | None = None) -> tuple[Throttle, list[float]]:
    times = []
    for _ in range(calls):
        now += max(0.0, wait_before(brake, now))
        brake = started(brake, now, limit)
        times.append(now)
    return brake, times


def test_nothing_is_slowed_without_a_reason() -> None:
    """Without refusals and without a limit calls start at once."""
    _, times = run(Throttle(), 100.0, 50)
    assert times == [100.0] * 50


def test_the_limit_of_the_client() -> None:
    """With a limit calls start at even distances."""
    _, times = run(Throttle(), 0.0, 5, limit=10.0)
    assert [round(time, 6) for time in times] == [0.0, 0.1, 0.2, 0.3, 0.4]


def test_a_refusal_pauses_and_slows() -> None:
    """All calls wait as long as the server says, and then go slower than before."""
    brake, _ = run(Throttle(), 0.0, 20)
    brake = refused(brake, sent_at=0.0, now=0.5, pause=3.0)
    _, times = run(brake, 0.5, 3)
    assert times[0] == 3.5
    assert brake.rate == 20 * 0.7
    assert times[1] - times[0] >= 1 / 14 - 1e-9


def test_refusals_of_one_volley_count_once() -> None:
    """Eight calls that were under way together and are all refused slow the pace once."""
    brake, _ = run(Throttle(), 0.0, 8)
    for now in (0.50, 0.51, 0.52):
        brake = refused(brake, sent_at=0.0, now=now, pause=1.0)
    assert brake.rate == 8 * 0.7
    assert brake.paused_until == 1.52


def test_successes_bring_the_pace_back() -> None:
    """The rate rises by about two calls a second in each second, and the brake lets go in the end."""
    brake = Throttle(rate=10.0)
    for _ in range(10):
        brake = answered(brake)
    assert brake.rate is not None
    assert 11.5 < brake.rate < 12.5
    for _ in range(20_000):
        brake = answered(brake)
    assert brake.rate is None


@pytest.mark.slow
@given(st.lists(st.tuples(st.booleans(), st.floats(0, 5), st.floats(0, 100)), max_size=60))
def test_it_always_lets_go_on(steps: list[tuple[bool, float, float]]) -> None:
    """Whatever is refused, the next call may start within the longest pause asked for and two seconds a call."""
    brake, now, longest = Throttle(), 0.0, 0.0
    for refusal, passed, pause in steps:
        now += passed
        brake = started(brake, now, None)
        longest = max(longest, now + pause) if refusal else longest
        brake = refused(brake, now, now, pause) if refusal else answered(brake)
    assert wait_before(brake, now) <= max(0.0, longest - now) + 2.0 * (len(steps) + 1)
