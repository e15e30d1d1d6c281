"""Fair share of event loop iterations among many streams."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["LoopBudget"]

ROUND = 2
"""Chunks of 64 KiB handed on per loop iteration: about 1 ms of work."""

OPENING = 2
"""Cost of opening a connection, in chunks: a connect and the start of its TLS handshake."""

OPENINGS = 2
"""Connections opened concurrently: at most so many handshakes complete in one loop iteration."""

OPENING_HOLD = 0.003
"""Seconds after which an opening frees its place although no response has arrived, if the loop is idle: the opening is
waiting for the network then, and its remaining work will not coincide with that of others."""

LATE = 0.002
"""Seconds by which a timer may be late in an idle loop; a selector's timers have a resolution of milliseconds."""

IDLE_CHECKS = 6
"""Checks for an idle loop before the place is freed in any case."""


class LoopBudget:
    """Limit the chunks processed per event loop iteration, first come, first served.

    Without it, 500 streams with data ready would all run in one iteration, and a timer or a small request beside them
    would wait for all of them. It also makes a stream whose data is always ready suspend now and then: anyio's cancel
    scopes cancel only suspended tasks.

    Args:
        interval: seconds between checks whether an opening still occupies its place.
    """

    def __init__(self, interval: float = OPENING_HOLD) -> None:
        self._interval = interval
        self._left = ROUND
        self._queue: deque[tuple[asyncio.Future[None], int]] = deque()
        self._renewing: asyncio.Handle | None = None
        self._openings = asyncio.Semaphore(OPENINGS)
        self._active: dict[object, asyncio.TimerHandle] = {}

    async def acquire(self, chunks: int = 1) -> None:
        """Wait for a loop iteration with room for `chunks`."""
        loop = asyncio.get_running_loop()
        if self._renewing is None:
            self._renewing = loop.call_soon(self._renew)
        if self._left > 0 and not self._queue:
            self._left -= chunks
            return
        self._queue.append((turn := loop.create_future(), chunks))
        await turn

    @asynccontextmanager
    async def hold_opening(self) -> AsyncIterator[None]:
        """Hold one of the `OPENINGS` places for the block, but not for long (see `OPENING_HOLD`).

        A storage faster than this loop would otherwise have more responses ready after each iteration, and each
        iteration would take longer than the one before.
        """
        await self._openings.acquire()
        token = object()
        self._schedule_check(token, IDLE_CHECKS)
        try:
            await self.acquire(OPENING)
            yield
        finally:
            self._free(token)

    def _schedule_check(self, token: object, checks: int) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._interval
        self._active[token] = loop.call_at(due, self._check, token, due, checks - 1)

    def _check(self, token: object, due: float, checks: int) -> None:
        """Free the place if this timer came on time, which means that the loop is idle; else check again."""
        if checks and asyncio.get_running_loop().time() - due > LATE:
            self._schedule_check(token, checks)
        else:
            self._free(token)

    def _free(self, token: object) -> None:
        if (timer := self._active.pop(token, None)) is not None:
            timer.cancel()
            self._openings.release()

    def _renew(self) -> None:
        """Start an iteration: a debt left by an opening is paid off, unused budget is not saved up."""
        self._renewing = None
        self._left = min(self._left + ROUND, ROUND)
        while self._queue and self._left > 0:
            turn, chunks = self._queue.popleft()
            if not turn.done():  # done means that the waiter was cancelled
                turn.set_result(None)
                self._left -= chunks
        if self._queue:
            self._renewing = asyncio.get_running_loop().call_soon(self._renew)
