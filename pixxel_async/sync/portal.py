"""A thread with an event loop of its own, in which calls of plain code run."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import anyio
from anyio.from_thread import BlockingPortal

from ..errors import ClientClosed

__all__ = ["Portal"]

T = TypeVar("T")


class Portal:
    """Run coroutines in the event loop of a daemon thread, from any other thread.

    The loops of the host, such as that of a notebook, are neither used nor changed. The thread is a daemon, so that a
    program that forgets to close its client still ends.
    """

    def __init__(self) -> None:
        self._ready: Future[BlockingPortal] = Future()
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._run, name="pixxel sync", daemon=True)
        self._thread.start()
        self._portal: BlockingPortal | None = self._ready.result()

    def _run(self) -> None:
        async def main() -> None:
            async with BlockingPortal() as portal:
                self._loop, self._halt = asyncio.get_running_loop(), asyncio.Event()
                self._ready.set_result(portal)
                await self._halt.wait()

        anyio.run(main, backend="asyncio")

    def call(self, function: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Await `function(*args)` in the loop and return its result.

        An exception in the waiting thread, as Ctrl-C raises it, cancels the call, and waits until it has cleaned up.

        Raises:
            ClientClosed: the portal was stopped, belongs to another process, or this is its own thread.
        """
        if self._portal is None:
            raise ClientClosed("this client is closed; create a new one, or make the call inside its `with`")
        if self._pid != os.getpid():
            raise ClientClosed("this client was created before a fork; create one in each process")
        if threading.current_thread() is self._thread:
            raise ClientClosed(
                "a callback of the client may not call it: hand the work to a thread, or to your own code"
            )
        began, ended = threading.Event(), threading.Event()

        async def work() -> T:
            began.set()
            try:
                return await function(*args)
            finally:
                ended.set()

        future = self._portal.start_task_soon(work)
        try:
            return future.result()
        except BaseException:
            if not future.done():
                future.cancel()
                if began.is_set():
                    ended.wait()
            raise

    @property
    def stopped(self) -> bool:
        """Whether no call can be made any more."""
        return self._portal is None

    def stop(self, *, wait: bool = True) -> None:
        """End the loop and its thread; harmless if it has ended.

        Args:
            wait: return once the thread has ended; False where that could block, as in the finalizer of an object.
        """
        portal, self._portal = self._portal, None
        if portal is None or self._pid != os.getpid() or sys.is_finalizing():
            return
        self._loop.call_soon_threadsafe(self._halt.set)
        if wait and threading.current_thread() is not self._thread:
            self._thread.join()
