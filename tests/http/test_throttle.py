"""The throttle spaces calls to one origin after refusals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async._http.rules.throttle import Throttle, after_refusal, after_start, after_success, wait_before


def run(throttle: Throttle, now: float, calls: int, limit: float | None = None) -> tuple[Throttle, list[float]]:
    times = []
    for _ in range(calls):
        now += max(0.0, wait_before(throttle, now))
        throttle = after_start(throttle, now, limit)
        times.append(now)
    return throttle, times


def test_nothing_is_slowed_without_a_reason() -> None:
    """Without refusals and without a limit calls start at once."""
    _, times = run(Throttle(), 100.0, 50)
    assert times == [100.0] * 50


def test_the_limit_of_the_client() -> None:
    """With a limit calls start at even intervals."""
    _, times = run(Throttle(), 0.0, 5, limit=10.0)
    assert [round(time, 6) for time in times] == [0.0, 0.1, 0.2, 0.3, 0.4]


@pytest.mark.fault("B-04")
def test_a_refusal_pauses_and_slows() -> None:
    """After a refusal all calls pause for the requested time and then continue at 0.7 of the rate."""
    throttle, _ = run(Throttle(), 0.0, 20)
    throttle = after_refusal(throttle, sent_at=0.0, now=0.5, pause=3.0)
    _, times = run(throttle, 0.5, 3)
    assert times[0] == 3.5
    assert throttle.rate == 20 * 0.7
    assert times[1] - times[0] >= 1 / 14 - 1e-9


def test_refusals_of_calls_sent_together_count_once() -> None:
    """Refusals of calls sent together reduce the rate once."""
    throttle, _ = run(Throttle(), 0.0, 8)
    for now in (0.50, 0.51, 0.52):
        throttle = after_refusal(throttle, sent_at=0.0, now=now, pause=1.0)
    assert throttle.rate == 8 * 0.7
    assert throttle.paused_until == 1.52


def test_successes_bring_the_pace_back() -> None:
    """Successes raise the rate by about two calls a second per second, until the throttle is off."""
    throttle = Throttle(rate=10.0)
    for _ in range(10):
        throttle = after_success(throttle)
    assert throttle.rate is not None
    assert 11.5 < throttle.rate < 12.5
    for _ in range(20_000):
        throttle = after_success(throttle)
    assert throttle.rate is None


@pytest.mark.slow
@given(st.lists(st.tuples(st.booleans(), st.floats(0, 5), st.floats(0, 100)), max_size=60))
def test_the_wait_is_bounded(steps: list[tuple[bool, float, float]]) -> None:
    """The next call may start within the longest pause plus two seconds per refusal, whatever was refused."""
    throttle, now, longest = Throttle(), 0.0, 0.0
    for refusal, passed, pause in steps:
        now += passed
        throttle = after_start(throttle, now, None)
        longest = max(longest, now + pause) if refusal else longest
        throttle = after_refusal(throttle, now, now, pause) if refusal else after_success(throttle)
    assert wait_before(throttle, now) <= max(0.0, longest - now) + 2.0 * (len(steps) + 1)
