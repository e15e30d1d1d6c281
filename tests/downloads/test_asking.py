"""Which package is asked about next: the policy alone, in virtual time."""

from __future__ import annotations

import heapq
import math
import random

import pytest

from pixxel_async.downloads.rules.asking import Asking, Delays, demand


def test_first_requests_go_before_asking_again() -> None:
    """While there is something new to ask for, asking again gets at most about a fifth of the requests."""
    asking: Asking[int] = Asking()
    for key in range(500):
        asking.push(key, 0.0)
    sent = {"fresh": 0, "again": 0}
    for _ in range(500):
        choice = asking.choose(1.0, fresh=True, wanted=1)
        assert choice is not None
        sent[choice] += 1
        asking.sent_first() if choice == "fresh" else asking.pop()

    assert 80 <= sent["again"] <= 110


def test_nobody_is_asked_about_without_a_use_for_it() -> None:
    """A package that lies ready costs nothing: without demand it is left, however long it is due."""
    asking: Asking[str] = Asking()
    asking.push("a", 0.0)

    assert asking.choose(1000.0, fresh=False, wanted=0) is None
    assert asking.choose(1000.0, fresh=False, wanted=1) == "again"


def test_nobody_is_asked_about_too_early() -> None:
    """Demand alone is no reason: each has its time, and the one that is due for longest goes first."""
    asking: Asking[str] = Asking()
    asking.push("late", 20.0)
    asking.push("soon", 10.0)

    assert asking.choose(9.9, fresh=False, wanted=5) is None
    assert asking.due() == 10.0
    assert asking.choose(10.0, fresh=False, wanted=5) == "again"
    assert asking.pop() == "soon"


def test_packages_that_are_ready_at_once_are_asked_for_when_wanted() -> None:
    """Where the first answer brings the link, asking ahead would only let links grow old."""
    asking: Asking[str] = Asking()
    for _ in range(20):
        asking.answered_first(ready=True)

    assert asking.choose(0.0, fresh=True, wanted=0) is None
    assert asking.choose(0.0, fresh=True, wanted=1) == "fresh"
    for _ in range(20):
        asking.answered_first(ready=False)
    assert asking.choose(0.0, fresh=True, wanted=0) == "fresh"


def test_the_usual_delay_is_learned_from_close_looks_only() -> None:
    """The second asking waits for what most packages took; one that was found late teaches nothing."""
    asking: Asking[str] = Asking()
    assert asking.first_wait(1000, 2.0) == 2.0
    for _ in range(40):
        asking.found_ready(age=10.0, since_last=2.0)
        asking.found_ready(age=1000.0, since_last=900.0)

    assert asking.first_wait(1001, 2.0) == pytest.approx(9.0)
    assert asking.first_wait(1000, 2.0) == 2.0, "one in fifty goes on being watched closely"
    assert asking.first_wait(3, 2.0) == 2.0, "and so do the first"


def test_old_delays_are_forgotten() -> None:
    """A service that got faster is believed after a while, and memory stays bounded."""
    delays = Delays()
    for _ in range(600):
        delays.learn(100.0)
    for _ in range(600):
        delays.learn(1.0)

    assert delays.usual() == 1.0


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, 8),
        ({"ready": 3, "asking": 2}, 3),
        ({"ready": 9}, -1),
        ({"body_time": 100.0, "link_life": 60.0}, 2),
        ({"body_time": 1000.0, "link_life": 60.0}, 0),
        ({"body_time": 1000.0, "link_life": 60.0, "idle": 3}, 3),
        ({"body_time": 1000.0}, 8),
    ],
)
def test_demand_is_bounded_by_streams_and_by_the_life_of_links(facts: dict[str, float], expected: int) -> None:
    """One package waits for each stream, and fewer where they would wait longer than half a link's life."""
    told = {"streams": 8, "idle": 0, "ready": 0, "asking": 0, "body_time": 0.0, "link_life": math.inf}

    assert demand(**(told | facts)) == expected  # type: ignore[arg-type]


def replay(count: int, *, rate: float, streams: int, body: float, delay: float, seed: int) -> tuple[float, float, int]:
    """One export in virtual time: its length, the bound below it, and the requests that it took."""
    dice, asking, now, requests = random.Random(seed), Asking[int](), 0.0, 0
    delays = [dice.lognormvariate(math.log(delay), 0.8) for _ in range(count)]
    began, seen, numbers = [0.0] * count, [0.0] * count, [0] * count
    fresh, ready, busy, done = list(range(count)), [], [], 0
    while done < count:
        while busy and busy[0] <= now:
            heapq.heappop(busy)
            done += 1
        while ready and len(busy) < streams:
            ready.pop()
            heapq.heappush(busy, now + body)
        wanted = demand(
            streams=streams, idle=streams - len(busy), ready=len(ready), asking=0, body_time=body, link_life=600.0
        )
        match asking.choose(now, fresh=bool(fresh), wanted=wanted):
            case "fresh":
                key, requests = fresh.pop(), requests + 1
                began[key] = seen[key] = now
                numbers[key] = asking.sent_first()
                asking.answered_first(ready=False)
                asking.push(key, now + asking.first_wait(numbers[key], 2.0))
            case "again":
                key, requests = asking.pop(), requests + 1
                age = now - began[key]
                if age >= delays[key]:
                    asking.found_ready(age, now - seen[key])
                    ready.append(key)
                else:
                    seen[key] = now
                    asking.push(key, now + max(2.0, 0.25 * age))
        now += 1.0 / rate
    return now, max(2 * count / rate, count * body / streams, max(delays) + body), requests


@pytest.mark.parametrize(
    ("rate", "body"), [(10.0, 0.1), (50.0, 3.0), (20.0, 1.0)], ids=["calls are scarce", "the net is", "neither"]
)
def test_an_export_takes_little_longer_than_it_must(rate: float, body: float) -> None:
    """Replayed in virtual time: near the bound that calls, bandwidth or the slowest set, with few calls."""
    length, bound, requests = replay(400, rate=rate, streams=8, body=body, delay=20.0, seed=7)

    assert length <= 1.45 * bound
    assert requests <= 3 * 400
