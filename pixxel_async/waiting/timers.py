"""Timers of any number of waiters, in one task."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any

from ..settings import Timing

Spawn = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]
Callback = Callable[[], object]


class Timers:
    """Call back at given times; one task serves all timers.

    Args:
        spawn: starts a task that the broker cancels when it closes.
    """

    def __init__(self, timing: Timing, spawn: Spawn) -> None:
        self._timing = timing
        self._spawn = spawn
        self._calls: dict[int, Callback] = {}
        self._times: list[tuple[float, int]] = []
        self._numbers = count()
        self._task: asyncio.Task[Any] | None = None
        self._until = 0.0

    def set(self, at: float, call: Callback) -> int:
        """Schedule `call` at a time of the client's clock; returns a number for `cancel`."""
        number = next(self._numbers)
        self._calls[number] = call
        heapq.heappush(self._times, (at, number))
        if self._task is None or self._task.done() or at < self._until:
            self._start()
        return number

    def cancel(self, number: int) -> None:
        """Cancel a timer; harmless if it has fired. Without any timer left, the task ends."""
        self._calls.pop(number, None)
        if not self._calls:
            self._times.clear()
            self._end()
        elif len(self._times) > 2 * len(self._calls):
            self._times = [each for each in self._times if each[1] in self._calls]
            heapq.heapify(self._times)

    def _start(self) -> None:
        self._end()
        self._until = self._times[0][0]
        self._task = self._spawn(self._run())

    def _end(self) -> None:
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    async def _run(self) -> None:
        me = asyncio.current_task()
        while self._times and self._task is me:
            self._until = self._times[0][0]
            await self._timing.sleep(max(self._until - self._timing.clock(), 0.0))
            while self._times and self._times[0][0] <= self._timing.clock():
                call = self._calls.pop(heapq.heappop(self._times)[1], None)
                if call is not None:
                    call()
        if self._task is me:
            self._task = None
