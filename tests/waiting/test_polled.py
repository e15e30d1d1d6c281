"""One polled object: its responses set the next poll."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import frozen

from pixxel_async._http.resource import Wait
from pixxel_async.settings import PollSettings
from pixxel_async.waiting.polled import Polled
from tests.waiting.polled_server import PolledServer, Row

SETTINGS = PollSettings()


def subject(**facts: Any) -> Polled[Any]:
    return Polled(PolledServer().wait("j", **facts), since=0.0)


def test_intervals_grow_without_news() -> None:
    """If the estimate is used up and nothing changes, the intervals grow; a change resets them."""
    one, waits = subject(), []
    for _ in range(6):
        one.record(Row("j", progress=99, estimated_duration=100))
        waits.append(one.seconds_until_next(10.0, SETTINGS, 0.5))
    assert waits == pytest.approx([2, 2, 2.5, 3.125, 3.90625, 4.8828125])
    one.record(Row("j", progress=99.5, estimated_duration=100))
    assert one.seconds_until_next(10.0, SETTINGS, 0.5) == 2


def test_estimates_do_not_count_for_packages() -> None:
    """If a request may restart packing, no estimate shortens the interval."""
    one = subject(restarts=True)
    one.record(Row("j", progress=99, estimated_duration=100))
    assert one.seconds_until_next(1000.0, SETTINGS, 0.5) == 250


def test_minutes_are_minutes() -> None:
    """The estimate of insights is in minutes."""

    @frozen
    class Insight:
        status: str = "running"
        progress: float = 95
        estimated_time_in_min: float = 5

    one = subject()
    one.record(Insight())
    assert one.seconds_until_next(0.0, SETTINGS, 0.5) == pytest.approx(15)


def test_an_estimate_beyond_the_ceiling() -> None:
    """However far the estimated end, the interval is at most 30 s."""
    one = subject()
    one.record(Row("j", progress=1, estimated_duration=36_000))
    assert one.seconds_until_next(0.0, SETTINGS, 0.5) == 30


def test_setbacks_are_counted() -> None:
    """Each step back counts once, unknown words never."""
    one = subject(restarts=True)
    for word in ("pending", "in_progress", "pending", "marinating", "in_progress", "created"):
        one.record(Row("j", word))
    assert one.setbacks == 2


@pytest.mark.parametrize(
    ("facts", "status", "expected"),
    [
        ({}, "running", "going"),
        ({}, "completed", "good"),
        ({"bad": frozenset({"Lost"})}, "lost", "bad"),
        ({"good": frozenset({"marinated"})}, "MARINATED", "good"),
        ({"judge": lambda thing: "good"}, "running", "good"),
    ],
)
def test_verdicts(facts: dict[str, Any], status: str, expected: str) -> None:
    """Words of the description and the judge of the wait decide first, then the known words."""
    one = subject(**facts)
    assert one.verdict == "going"
    one.record(Row("j", status))
    assert one.verdict == expected


def test_the_word_may_be_another_member() -> None:
    """The wait names the member that holds the status."""
    one: Polled[Row] = Polled(Wait("x", (), "j", PolledServer().get, status="progress"), 0.0)  # type: ignore[arg-type]
    one.record(Row("j", status="running", progress="completed"))
    assert one.verdict == "good"
