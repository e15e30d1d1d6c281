"""LoopBudget bounds the work of all streams in one iteration of the event loop."""

from __future__ import annotations

import asyncio

import pytest

from pixxel_async._aio.loop_budget import IDLE_CHECKS, OPENING, OPENINGS, ROUND, LoopBudget


async def rounds_of(rounds: LoopBudget, weights: list[int]) -> list[int]:
    """Return in which iteration of the loop each of several simultaneous requests was granted."""
    count, got_in = 0, [-1] * len(weights)

    def next_round() -> None:
        nonlocal count
        count += 1
        if -1 in got_in:
            asyncio.get_running_loop().call_soon(next_round)

    async def one(index: int, pieces: int) -> None:
        await rounds.acquire(pieces)
        got_in[index] = count

    asyncio.get_running_loop().call_soon(next_round)
    await asyncio.gather(*(one(index, pieces) for index, pieces in enumerate(weights)))
    return got_in


async def test_an_iteration_grants_a_bounded_number() -> None:
    """Each iteration grants as many requests as it has room for, in order of arrival."""
    got_in = await rounds_of(LoopBudget(), [1] * 5 * ROUND)
    assert got_in == sorted(got_in)
    assert max(got_in.count(number) for number in set(got_in)) == ROUND
    assert len(set(got_in)) == 5


async def test_an_opening_costs_more() -> None:
    """An opening costs more, and a request above the budget is paid for in later iterations."""
    got_in = await rounds_of(LoopBudget(), [OPENING] * 10)
    assert max(got_in.count(number) for number in set(got_in)) == ROUND // OPENING
    rounds = LoopBudget()
    got_in = await rounds_of(rounds, [2 * ROUND, 1, 1])
    assert got_in[1] - got_in[0] >= 2


async def test_a_single_task_yields() -> None:
    """A task whose bytes are always ready still yields to the loop, so that it can be cancelled."""
    rounds, others = LoopBudget(), 0

    async def other() -> None:
        nonlocal others
        while True:
            others += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    for _ in range(10 * ROUND):
        await rounds.acquire()
    task.cancel()
    assert 5 <= others <= 25


@pytest.mark.parametrize("given", [False, True])
async def test_cancelled_waiters_use_no_budget(given: bool) -> None:
    """Cancelled waiters use no budget, whether cancelled in the queue or just when granted."""
    rounds = LoopBudget()
    await rounds.acquire(ROUND)
    waiting = [asyncio.create_task(rounds.acquire()) for _ in range(4 * ROUND)]
    for _ in range(2 if given else 1):
        await asyncio.sleep(0)
    cancelled = [task for task in waiting[: 3 * ROUND] if task.cancel()]
    last = asyncio.create_task(rounds.acquire())
    async with asyncio.timeout(30):
        await asyncio.gather(*waiting[3 * ROUND :], last)
    assert len(cancelled) >= ROUND and all(task.cancelled() for task in cancelled)


class Openings:
    """Openings that end when the test says so."""

    def __init__(self, rounds: LoopBudget, count: int) -> None:
        self.under_way = self.begun = 0
        self.end = asyncio.Semaphore(0)
        self.all_begun = asyncio.Event()
        self.tasks = [asyncio.create_task(self._one(rounds)) for _ in range(count)]

    async def _one(self, rounds: LoopBudget) -> None:
        async with rounds.hold_opening():
            self.begun += 1
            self.under_way += 1
            if self.begun == len(self.tasks):
                self.all_begun.set()
            try:
                await self.end.acquire()
            finally:
                self.under_way -= 1

    async def settle(self) -> None:
        for _ in range(4 * len(self.tasks)):
            await asyncio.sleep(0)


async def test_concurrent_openings_are_bounded() -> None:
    """A bounded number of openings is in progress; the next begins when one ends, by success or error."""
    openings = Openings(LoopBudget(interval=60), 4 * OPENINGS)
    await openings.settle()
    assert openings.begun == OPENINGS
    openings.end.release()
    await openings.settle()
    assert (openings.begun, openings.under_way) == (OPENINGS + 1, OPENINGS)
    for task in openings.tasks[: 2 * OPENINGS]:
        task.cancel()  # one has ended, others run, the last ones wait
    await openings.settle()
    assert openings.under_way == OPENINGS
    for _ in openings.tasks:
        openings.end.release()
    await asyncio.gather(*openings.tasks, return_exceptions=True)
    assert openings.begun == 3 * OPENINGS + 1


async def test_openings_that_wait_for_the_network_do_not_count() -> None:
    """An opening that waits for the network stops counting after a moment."""
    openings = Openings(LoopBudget(interval=0.001), 6 * OPENINGS)
    async with asyncio.timeout(30):
        await openings.all_begun.wait()
    for _ in openings.tasks:
        openings.end.release()
    await asyncio.gather(*openings.tasks)


class Jumping(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps, as if something had blocked the loop."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


def test_no_openings_start_while_the_loop_is_late() -> None:
    """While the loop is late no further opening starts, for a bounded time."""

    async def main() -> list[int]:
        loop, begun = asyncio.get_running_loop(), []
        assert isinstance(loop, Jumping)
        openings = Openings(LoopBudget(interval=60), 6 * OPENINGS)
        for _ in range(IDLE_CHECKS):
            await openings.settle()
            begun.append(openings.begun)
            loop.ahead += 61.0
        await openings.settle()
        begun.append(openings.begun)
        for _ in openings.tasks:
            openings.end.release()
        await asyncio.gather(*openings.tasks)
        return begun

    with asyncio.Runner(loop_factory=Jumping) as runner:
        begun = runner.run(main())

    assert begun == [*[OPENINGS] * IDLE_CHECKS, 2 * OPENINGS]
