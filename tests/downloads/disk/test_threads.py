"""Threads for blocking work: results and errors, how many run, cancellation, and their end."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest

from pixxel_async._aio.threads import Threads
from tests.support.ground_truth import until


async def test_results_and_errors_come_back() -> None:
    """A call returns its result or raises its error, whose traceback names the call."""
    threads = Threads(2)

    def fail() -> None:
        raise OSError("broken")

    assert await threads.run(divmod, 7, 2) == (3, 1)
    with pytest.raises(OSError, match="broken") as caught:
        await threads.run(fail)
    assert [entry.name for entry in caught.traceback][-1] == "fail"
    threads.close()


async def test_no_more_threads_than_allowed_and_needed() -> None:
    """Calls in turn share one thread; of many calls at once as many run as are allowed."""
    threads, go, inside = Threads(3), threading.Event(), []

    def call() -> str:
        name = threading.current_thread().name
        inside.append(name)
        go.wait(20)
        return name

    go.set()
    assert {await threads.run(call) for _ in range(5)} == {"pixxel-disk_0"}
    inside.clear()
    go.clear()
    calls = [asyncio.create_task(threads.run(call)) for _ in range(7)]
    await until(lambda: len(inside) == 3)
    await asyncio.sleep(0.02)
    assert len(inside) == 3
    go.set()

    assert set(await asyncio.gather(*calls)) == {f"pixxel-disk_{number}" for number in range(3)}
    threads.close()


async def test_a_cancelled_call_is_left_before_the_cancellation_is_raised() -> None:
    """A cancellation, and a second one, wait until the thread has left the call; a long call is stopped."""
    threads, stop, go = Threads(1), threading.Event(), threading.Event()

    def call() -> None:
        stop.wait(20)
        go.wait(20)

    task = asyncio.create_task(threads.run_until(stop, call))
    await asyncio.sleep(0)
    for _ in range(2):
        task.cancel()
        await until(stop.is_set)
        assert not task.done()
    go.set()
    await asyncio.wait([task])

    assert task.cancelled()
    threads.close()


@pytest.mark.slow
async def test_threads_end_with_their_pool() -> None:
    """Threads end once their pool is closed or collected; calls that were started are made before."""
    closed, dropped = Threads(1), Threads(1)
    workers = [await pool.run(threading.current_thread) for pool in (closed, dropped)]
    last = closed.start(threading.current_thread)
    closed.close()
    assert await closed.result(last) is workers[0]
    with pytest.raises(RuntimeError, match="closed"):
        closed.start(int)
    gone = weakref.ref(dropped)
    del dropped
    gc.collect()

    assert gone() is None
    await until(lambda: not any(worker.is_alive() for worker in workers))
