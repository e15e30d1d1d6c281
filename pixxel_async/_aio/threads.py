"""Thread pool for blocking work: files, checksums, archives."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """Run calls in at most `count` threads; a call that has started is always awaited, also after a cancellation.

    Args:
        count: most threads.
        niceness: by how much the threads are nicer than the process, on Linux, where a thread has a niceness of its
            own: the event loop's thread then gets the core that both of them want.
    """

    def __init__(self, count: int = 4, *, niceness: int = 0) -> None:
        self._pool = ThreadPoolExecutor(
            count, thread_name_prefix="pixxel-disk", initializer=_lower_priority, initargs=(niceness,)
        )

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the result of `call`. A cancellation is raised once the thread has left the call."""
        return await self.result(self.start(call, *args, **kwargs))

    async def run_until(self, stop: threading.Event, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a long call that returns early when `stop` is set; a cancellation sets it."""
        return await self.result(self.start(call, *args, **kwargs), stop)

    def start(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start a call; await `result` before closing anything that the call uses."""
        return self._pool.submit(call, *args, **kwargs)

    async def result(self, running: Future[T], stop: threading.Event | None = None) -> T:
        """Return the result of a started call. A cancellation is raised once the thread has left the call."""
        try:
            return await asyncio.wrap_future(running)
        except asyncio.CancelledError:
            if stop is not None:
                stop.set()
            await self.drain(running)
            raise

    async def drain(self, running: Future[T]) -> None:
        """Wait until the thread has left the call, even if cancelled in between, and drop its result."""
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
        """Accept no further calls; idle threads end on their own."""
        self._pool.shutdown(wait=False)


def _lower_priority(niceness: int) -> None:
    """Lower the priority of the calling thread only; do nothing where that is not permitted."""
    if niceness and sys.platform == "linux":
        thread = threading.get_native_id()
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, min(os.getpriority(os.PRIO_PROCESS, thread) + niceness, 19))
