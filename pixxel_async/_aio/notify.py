"""A bell that wakes one of those who wait for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any


class Notifier:
    """Wakes one waiter a ring; who is woken and finds more than it can take rings again."""

    def __init__(self, sleep: Callable[[float], Awaitable[Any]]) -> None:
        self._sleep = sleep
        self._waiting: deque[asyncio.Future[None]] = deque()

    def ring(self) -> None:
        """Wake one."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    async def heard(self, seconds: float | None = None) -> None:
        """Returns at a ring, or after `seconds`."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await (waiter if seconds is None else self._first(waiter, seconds))
        finally:
            waiter.cancel()

    async def _first(self, waiter: asyncio.Future[None], seconds: float) -> None:
        alarm = asyncio.ensure_future(self._sleep(seconds))
        try:
            await asyncio.wait([waiter, alarm], return_when=asyncio.FIRST_COMPLETED)
            if alarm.done():
                alarm.result()  # a sleep that fails is told
        finally:
            alarm.cancel()
