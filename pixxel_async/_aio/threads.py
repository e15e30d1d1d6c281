"""A few threads of our own for what blocks: files, digests, archives."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """Runs calls in at most `count` threads; a call that has begun is always waited for, also by who is cancelled."""

    def __init__(self, count: int = 4) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="pixxel-disk")

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `call` returns. A cancellation goes through once the thread is out of the call."""
        return await self.result(self.begin(call, *args, **kwargs))

    async def run_until(self, stop: threading.Event, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `run`, for a long call that ends early when `stop` is set, which a cancellation does."""
        return await self.result(self.begin(call, *args, **kwargs), stop)

    def begin(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Begin a call; `result` must be awaited before anything that it uses is closed."""
        return self._pool.submit(call, *args, **kwargs)

    async def result(self, running: Future[T], stop: threading.Event | None = None) -> T:
        """What a call that was begun returns; a cancellation goes through once the thread is out of it."""
        try:
            return await asyncio.wrap_future(running)
        except asyncio.CancelledError:
            if stop is not None:
                stop.set()
            await self.settled(running)
            raise

    async def settled(self, running: Future[T]) -> None:
        """Waits until the thread is out of the call, however often the waiting is cancelled; its result is dropped."""
        cancelled = False
        while not running.done():
            ended = asyncio.wrap_future(running)
            ended.add_done_callback(lambda future: future.cancelled() or future.exception())
            try:
                await asyncio.wait([ended])
            except asyncio.CancelledError:
                cancelled = True
        if cancelled:
            raise asyncio.CancelledError

    def close(self) -> None:
        """No further calls; idle threads end by themselves."""
        self._pool.shutdown(wait=False)
