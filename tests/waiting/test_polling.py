"""Poll intervals: growth, groups, the last poll before a deadline, listing or single GET."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.settings import PollSettings
from pixxel_async.waiting.rules.polling import Weights, group_wait, next_wait, prefers_listing, shorten_to_deadline

SETTINGS = PollSettings()
rolls = st.floats(0, 1, exclude_max=True)
ages = st.floats(0, 1e7)
counts = st.integers(0, 10_000)


@pytest.mark.parametrize(
    ("asked", "expected"), [(0, 2), (1, 2), (2, 2.5), (3, 3.125), (12, 23.283), (13, 29.104), (14, 30), (500, 30)]
)
def test_waits_grow_to_the_ceiling(asked: int, expected: float) -> None:
    """The first interval is 2 s; each later one is a quarter longer, up to 30 s."""
    assert next_wait(0, asked, SETTINGS, 0.5, restarts=False) == pytest.approx(expected, abs=0.001)


@pytest.mark.slow
@pytest.mark.fault("C-01")
@given(ages, counts, rolls)
def test_jitter_stays_in_its_share(age: float, asked: int, roll: float) -> None:
    """Jitter is at most 20 % of the interval, so intervals lie between 1.6 and 36 s."""
    middle = next_wait(age, asked, SETTINGS, 0.5, restarts=False)
    wait = next_wait(age, asked, SETTINGS, roll, restarts=False)
    assert 0.8 * middle <= wait * 1.000001
    assert wait <= 1.2 * middle * 1.000001
    assert 1.59 < wait < 36.01


@pytest.mark.slow
@given(ages, counts, rolls, st.integers(0, 40))
def test_put_kinds_wait_a_quarter_of_their_age(age: float, asked: int, roll: float, setbacks: int) -> None:
    """For packages an interval is at least a quarter of the age, doubled after each setback."""
    wait = next_wait(age, asked, SETTINGS, roll, setbacks)
    assert wait >= 0.25 * age
    assert wait == pytest.approx(2.0 ** min(setbacks, 16) * next_wait(age, asked, SETTINGS, roll))


def test_put_kinds_have_no_ceiling() -> None:
    """For packages the interval has no ceiling: after an hour it is a quarter of an hour."""
    assert next_wait(3600, 10, SETTINGS, 0.5) == 900


@pytest.mark.slow
@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=200))
def test_a_group_waits_for_enough_of_its_members(waits: list[float]) -> None:
    """Small groups follow their most urgent member; in large ones at most a twentieth is delayed."""
    wait = group_wait(waits)
    assert wait in waits
    assert sum(each < wait for each in waits) <= len(waits) / 20
    assert len(waits) >= 20 or wait == min(waits)


@pytest.mark.parametrize(
    ("wait", "left", "expected"),
    [(10, 100, 10), (100, 100, 98), (1000, 100, 98), (1000, 3, 1000), (5, -1, 5), (98, 100, 98)],
)
def test_last_look(wait: float, left: float, expected: float) -> None:
    """A poll that would come after the deadline is moved to shortly before it, once."""
    assert shorten_to_deadline(wait, left, 2.0) == expected


@pytest.mark.parametrize(
    ("wanted", "weights", "expected"),
    [
        (1, Weights(rows=1, row=1, single=1_000_000), False),
        (2, Weights(rows=1_000), False),
        (2, Weights(rows=2, row=500, single=5_000), True),
        (2_000, Weights(rows=2_000), True),
        (2_000, Weights(rows=100_000, pages=10_000, row=1_000, single=1_000), False),
        (20, Weights(), True),
        (3, Weights(), False),
    ],
)
def test_list_or_get(wanted: int, weights: Weights, expected: bool) -> None:
    """Listing or GET is chosen by bytes; a single object is polled by GET, so that its waiter sees all members."""
    assert prefers_listing(wanted, weights) is expected


@pytest.mark.slow
@given(st.integers(2, 5_000), st.integers(1, 10**6), st.integers(1, 10**4), st.integers(1, 10**5))
def test_more_waiters_never_turn_a_listing_into_gets(wanted: int, rows: int, row: int, single: int) -> None:
    """If listing pays for some waiters, it pays for more."""
    weights = Weights(rows=rows, row=row, single=single)
    assert not prefers_listing(wanted, weights) or prefers_listing(wanted + 1, weights)
