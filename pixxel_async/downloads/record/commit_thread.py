"""Commit thread of the record: owns the database, groups jobs into commits, and renews the leases' heartbeat."""

from __future__ import annotations

import asyncio
import os
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from typing import Any, Protocol, TypeVar, cast

from attrs import define

from ...errors import ConfigError

__all__ = ["CommitThread", "RecordStore"]

_GROUP = 512
"""Most jobs in one commit; chosen."""

T = TypeVar("T")
S = TypeVar("S", bound="RecordStore")


class RecordStore(Protocol):
    """Interface of the database that the thread uses."""

    def group(self, jobs: list[Callable[[Any], Any]], *, durable: bool) -> list[Any]:
        """Run all jobs in one commit; one that raises has its exception as its result, and changes nothing."""
        ...

    def renew_heartbeat(self) -> None:
        """Renew the heartbeat of this owner's leases."""
        ...

    def close(self) -> None:
        """Release all leases and close."""
        ...


@define(eq=False)
class _Jobs:
    """Jobs that share one commit; `future` gets the list of their results."""

    jobs: list[Callable[[Any], Any]]
    durable: bool
    future: asyncio.Future[Any] | None


class CommitThread:
    """Runs jobs on a database in a thread of its own, in the order of their submission.

    Args:
        open: opens the database, in the thread; its argument is set once the record is being closed.
        beat: seconds between two signs of life.
    """

    def __init__(self, open: Callable[[threading.Event], RecordStore], *, beat: float) -> None:
        self._open = open
        self._beat = beat
        self._pid = os.getpid()
        self._queue: queue.SimpleQueue[_Jobs | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="pixxel-record", daemon=True)
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[Any] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._closing = False
        self._closed = threading.Event()

    async def start(self) -> Any:
        """Start the thread and open the database; return it, or raise the error of `open`."""
        self._thread.start()
        try:
            return await asyncio.shield(self._opened)
        except asyncio.CancelledError:
            self._stop()
            self._opened.add_done_callback(lambda opened: opened.cancelled() or opened.exception())
            raise
        except BaseException:  # the thread has ended
            self._closing = True
            self._thread.join()
            raise

    async def do(self, job: Callable[[Any], T], *, durable: bool) -> T:
        """Run one job and wait for its commit; the job runs also if the waiting is cancelled.

        Raises:
            ConfigError: the record is closed, or of another event loop or process.
        """
        [result] = await self.do_all([job], durable=durable)
        if isinstance(result, BaseException):
            raise result
        return cast(T, result)

    async def do_all(self, jobs: list[Callable[[Any], Any]], *, durable: bool) -> list[Any]:
        """Run jobs in one commit, as `do`; return their results, an exception for each that raised one of our errors.

        Raises:
            DownloadError: the commit failed, and none of the jobs happened.
        """
        self._check()
        future: asyncio.Future[list[Any]] = self._loop.create_future()
        self._queue.put(_Jobs(jobs, durable, future))
        return await future

    def post(self, job: Callable[[Any], Any]) -> None:
        """Queue one job without waiting for it."""
        if not self._closing:
            self._queue.put(_Jobs([job], False, None))

    async def close(self) -> None:
        """Finish queued jobs, close the database, end the thread."""
        if os.getpid() != self._pid:
            return
        self._stop()
        await asyncio.shield(self._ended)
        self._thread.join()

    def _stop(self) -> None:
        if not self._closing:
            self._closing = True
            self._closed.set()
            self._queue.put(None)

    def _check(self) -> None:
        if self._closing:
            raise ConfigError("the record is closed")
        if os.getpid() != self._pid or asyncio.get_running_loop() is not self._loop:
            raise ConfigError("a record belongs to the event loop and the process that opened it")

    def _run(self) -> None:
        try:
            store = self._open(self._closed)
        except BaseException as error:  # raised by `start`
            self._later([(self._opened, error), (self._ended, None)])
            return
        self._later([(self._opened, store)])
        try:
            while self._serve(store):
                pass
        finally:
            with suppress(Exception):
                store.close()
            self._later([(self._ended, None)])

    def _serve(self, store: RecordStore) -> bool:
        """Run the queued jobs as one group; return False once the thread is to end."""
        gathered, more = self._gather()
        if not gathered:
            if more:
                with suppress(Exception):
                    store.renew_heartbeat()
            return more
        try:
            jobs = [job for each in gathered for job in each.jobs]
            results = iter(store.group(jobs, durable=any(each.durable for each in gathered)))
            self._later([(each.future, list(islice(results, len(each.jobs)))) for each in gathered])
        except Exception as error:  # the commit failed: every job of the group did
            self._later([(each.future, error) for each in gathered])
        return more

    def _gather(self) -> tuple[list[_Jobs], bool]:
        gathered: list[_Jobs] = []
        try:
            while sum(len(each.jobs) for each in gathered) < _GROUP:
                jobs = self._queue.get(timeout=self._beat) if not gathered else self._queue.get_nowait()
                if jobs is None:
                    return gathered, False
                gathered.append(jobs)
        except queue.Empty:
            pass
        return gathered, True

    def _later(self, results: list[tuple[asyncio.Future[Any] | None, Any]]) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(_settle, results)


def _settle(results: list[tuple[asyncio.Future[Any] | None, Any]]) -> None:
    for future, result in results:
        if future is None or future.done():
            continue
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
