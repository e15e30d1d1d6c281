"""Thread pool for blocking work: files, checksums, archives.

A call costs one wake-up of a thread and one of the event loop, and no more for calls that end together: the standard
library's pool and `asyncio.wrap_future` take two locks, two futures and three turns of the loop for each of them.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Generic, ParamSpec, TypeVar

__all__ = ["Running", "Threads"]

P = ParamSpec("P")
T = TypeVar("T")


class Running(Generic[T]):
    """A call that was given to a thread.

    Attributes:
        done: whether the thread has left the call; set in the event loop.
        error: what the call raised; None while it runs.
    """

    __slots__ = ("_call", "_results", "_value", "_waiter", "done", "error")

    def __init__(self, call: Callable[[], T], results: _Results) -> None:
        self.done = False
        self.error: BaseException | None = None
        self._call: Callable[[], T] | None = call
        self._results = results
        self._value: Any = None
        self._waiter: asyncio.Future[None] | None = None

    def run(self) -> None:
        """Make the call, in a thread."""
        call, self._call = self._call, None
        assert call is not None  # noqa: S101 - a call runs once
        try:
            self._value = call()
        except BaseException as error:
            traceback = error.__traceback__
            self.error = error.with_traceback(traceback.tb_next if traceback else None)  # no cycle through this frame
        self._results.put(self)

    def end(self) -> None:
        """Wake the waiting task, in the event loop."""
        self.done = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def result(self) -> T:
        """Return the result of a call that is done, or raise its error."""
        if self.error is not None:
            raise self.error
        value: T = self._value
        return value

    async def wait(self) -> None:
        """Wait until the thread has left the call; a cancellation leaves it running. One task at a time may wait."""
        if not self.done:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter


class _Results:
    """Results on their way from threads to one event loop; those that are ready together share one wake-up.

    Attributes:
        under_way: calls that were started and have not ended.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.under_way = 0
        self._ended: deque[Running[Any]] = deque()
        self._scheduled = False

    def put(self, running: Running[Any]) -> None:
        """Hand over a call that has ended, from a thread."""
        self._ended.append(running)
        if not self._scheduled:  # else `_deliver` has yet to begin, and will find it
            self._scheduled = True
            with suppress(RuntimeError):  # the loop is closed
                self.loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._scheduled = False
        while self._ended:
            self.under_way -= 1
            self._ended.popleft().end()


class Threads:
    """Run calls in at most `count` threads; a call that has started is always awaited, also after a cancellation.

    Args:
        count: most threads.
        niceness: by how much the threads are nicer than the process, on Linux, where a thread has a niceness of its
            own: the event loop's thread then gets the core that both of them want.
    """

    def __init__(self, count: int = 4, *, niceness: int = 0) -> None:
        self._count = count
        self._niceness = niceness
        self._calls: queue.SimpleQueue[Running[Any] | None] = queue.SimpleQueue()
        self._results: _Results | None = None
        self._started = 0
        self._closed = False

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the result of `call`. A cancellation is raised once the thread has left the call."""
        return await self.result(self.start(call, *args, **kwargs))

    async def run_until(self, stop: threading.Event, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a long call that returns early when `stop` is set; a cancellation sets it."""
        return await self.result(self.start(call, *args, **kwargs), stop)

    def start(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Running[T]:
        """Start a call in the running event loop; await `result` before closing anything that the call uses."""
        if self._closed:
            raise RuntimeError("these threads are closed")
        loop = asyncio.get_running_loop()
        if self._results is None or self._results.loop is not loop:
            self._results = _Results(loop)
        self._results.under_way += 1
        if self._started < min(self._results.under_way, self._count):
            self._started += 1
            name = f"pixxel-disk_{self._started - 1}"
            threading.Thread(target=_work, args=(self._calls, self._niceness), name=name, daemon=True).start()
        running = Running(partial(call, *args, **kwargs), self._results)
        self._calls.put(running)
        return running

    async def result(self, running: Running[T], stop: threading.Event | None = None) -> T:
        """Return the result of a started call. A cancellation is raised once the thread has left the call."""
        try:
            await running.wait()
        except asyncio.CancelledError:
            if stop is not None:
                stop.set()
            await self.drain(running)
            raise
        return running.result()

    async def drain(self, running: Running[T]) -> None:
        """Wait until the thread has left the call, even if cancelled in between, and drop its result."""
        cancelled = False
        while not running.done:
            try:
                await running.wait()
            except asyncio.CancelledError:
                cancelled = True
        if cancelled:
            raise asyncio.CancelledError

    def close(self) -> None:
        """Accept no further calls; the threads end after those that were started."""
        self._closed = True
        for _ in range(self._started):
            self._calls.put(None)
        self._started = 0

    def __del__(self) -> None:
        self.close()


def _work(calls: queue.SimpleQueue[Running[Any] | None], niceness: int) -> None:
    """Make calls until None comes; knows nothing of its `Threads`, which end when they are collected."""
    _lower_priority(niceness)
    while (running := calls.get()) is not None:
        running.run()
        del running


def _lower_priority(niceness: int) -> None:
    """Lower the priority of the calling thread only; do nothing where that is not permitted."""
    if niceness and sys.platform == "linux":
        thread = threading.get_native_id()
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, min(os.getpriority(os.PRIO_PROCESS, thread) + niceness, 19))
