"""Estimated ends of jobs."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async.waiting.rules.estimates import estimated_wait, percent, remaining


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        ("45", 45),
        (" 45.5 % ", 45.5),
        (45, 45),
        (0, 0),
        (120, 100),
        (-3, 0),
        ("", None),
        ("half", None),
        ("nan", None),
        (math.inf, None),
        (10**400, None),
        (None, None),
        (True, None),
        ([45], None),
    ],
)
def test_progress_in_all_its_forms(progress: object, expected: float | None) -> None:
    """Progress is a number or text with or without %; anything else counts as unknown."""
    assert percent(progress) == expected


@pytest.mark.parametrize(
    ("progress", "estimated", "watched", "expected"),
    [
        (75, 400, 0, 100),
        ("75%", "400", 0, 100),
        (None, 400, 100, 300),
        (None, 400, 500, None),
        (100, 400, 0, None),
        (50, None, 0, None),
        (50, 0, 0, None),
        (50, -10, 0, None),
        (50, 10**400, 0, None),
    ],
)
def test_remaining_time(progress: object, estimated: object, watched: float, expected: float | None) -> None:
    """The remaining time follows from progress, or else from the time watched."""
    assert remaining(progress, estimated, watched) == expected


@pytest.mark.slow
@given(st.floats(0, 1e9), st.floats(0.1, 30))
def test_floor_and_ceiling(likely: float, still: float) -> None:
    """A wait lies between floor and ceiling, whatever the estimate."""
    assert still <= estimated_wait(likely, still, 30) <= 30
