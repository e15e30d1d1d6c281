"""The budget of connections to a storage host: how bodies and clients share it."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack

import pytest

from pixxel_async.downloads.limits.connections import BodyConnections, ConnectionBudget
from pixxel_async.packages import Link
from pixxel_async.settings import Timing

LINK = Link("https://storage.example/package.zip?signature=1")
FLOOR, CEILING = 8, 64


@pytest.fixture
def opened() -> ExitStack:
    """Return the bodies under way."""
    return ExitStack()


@pytest.fixture
def budget() -> ConnectionBudget:
    return ConnectionBudget(Timing())


def shares(bodies: list[BodyConnections], wanted: int) -> list[int]:
    """Return what each body may have, once all of them have said what they want."""
    for body in bodies:
        body.demand = wanted
    return [body.share(wanted) for body in bodies]


def test_clients_get_equal_shares(budget: ConnectionBudget, opened: ExitStack) -> None:
    """A client with many bodies gets no more than one with a single body; its bodies divide that evenly."""
    with opened:
        many = [opened.enter_context(budget.body(LINK, "a", floor=FLOOR, ceiling=CEILING)) for _ in range(3)]
        single = opened.enter_context(budget.body(LINK, "b", floor=FLOOR, ceiling=CEILING))
        assert shares([*many, single], 100) == [1, 1, 2, 4]


def test_hosts_have_budgets_of_their_own(budget: ConnectionBudget, opened: ExitStack) -> None:
    """Bodies of one host take nothing from another host."""
    other = Link("https://elsewhere.example/package.zip")
    with opened:
        bodies = [opened.enter_context(budget.body(link, "a", floor=FLOOR, ceiling=CEILING)) for link in (LINK, other)]
        assert shares(bodies, 100) == [FLOOR, FLOOR]


async def test_the_ceiling_holds_for_first_connections(budget: ConnectionBudget) -> None:
    """A connection beyond `max_connections` waits until one is free; a cancelled wait passes its turn on."""
    with (
        budget.body(LINK, "a", floor=FLOOR, ceiling=1) as first,
        budget.body(LINK, "a", floor=FLOOR, ceiling=1) as next_,
    ):
        order: list[str] = []

        async def hold(name: str) -> None:
            async with next_.open():
                order.append(name)

        async with first.open():
            waiting = [asyncio.create_task(hold(name)) for name in ("cancelled", "second", "third")]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not order
        waiting[0].cancel()  # its turn has come, but it has not run
        async with asyncio.timeout(20):
            await asyncio.wait(waiting)
    assert order == ["second", "third"]


@pytest.mark.slow
async def test_a_busy_loop_makes_no_storage_far(budget: ConnectionBudget) -> None:
    """A head that was late because the event loop was busy says nothing about the way."""
    with budget.body(LINK, "a", floor=FLOOR, ceiling=CEILING) as body:
        async with body.open():
            busy_until = time.perf_counter() + 0.1
            while time.perf_counter() < busy_until:
                pass
            body.record_head(0.1)
            assert not body.far
            await asyncio.sleep(0.5)
            body.record_head(0.5)
            assert body.far and body.rtt == 0.1
            body.record_head(0.001)
            assert not body.far
