"""Notification of one waiter at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any


class Notifier:
    """Wake one waiter per call, as `Condition.notify(1)` does; a waiter that leaves work behind notifies the next.

    Args:
        sleep: of the client's clock, for waits with a timeout.
    """

    def __init__(self, sleep: Callable[[float], Awaitable[Any]]) -> None:
        self._sleep = sleep
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._woken: asyncio.Future[None] | None = None

    def notify(self) -> None:
        """Wake the waiter that has waited longest, unless another one was woken and has not run yet."""
        while self._waiting and self._woken is None:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                self._woken = waiter

    async def wait(self, seconds: float | None = None) -> None:
        """Return after a notification, or after `seconds`."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await (waiter if seconds is None else self._wait_at_most(waiter, seconds))
        except BaseException:  # cancelled: the next one takes over
            self._resume(waiter)
            self.notify()
            raise
        self._resume(waiter)

    def _resume(self, waiter: asyncio.Future[None]) -> None:
        """Note that a waiter runs or has left."""
        waiter.cancel()
        if self._woken is waiter:
            self._woken = None

    async def _wait_at_most(self, waiter: asyncio.Future[None], seconds: float) -> None:
        timer = asyncio.ensure_future(self._sleep(seconds))
        try:
            await asyncio.wait([waiter, timer], return_when=asyncio.FIRST_COMPLETED)
            if timer.done():
                timer.result()  # raise the error of a sleep that failed
        finally:
            timer.cancel()
