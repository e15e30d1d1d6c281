"""Broker of all waits of one client: waiters of the same kind share polling requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from attrs import evolve

from .._aio.active_clock import ActiveClock
from .._aio.event_loop import running_loop
from .._http.resource import Wait
from .._redact import mask
from ..errors import ClientClosed, ConfigError, TimedOut, WaitFailed
from ..settings import PollSettings, Timing
from .listener import EndCallback, LatestValue, Listener, Update
from .poller import Poller
from .timers import Timers

T = TypeVar("T")

CREATED_GRACE = 30.0
"""Seconds after a create in which "not found" means "not visible yet"."""


class Broker:
    """Serve all waiters of one client; implements `Waiter`.

    Waiters of one kind and group share a poller, which lives as long as one of them.

    Args:
        timing: the client's clock, sleep and random numbers.
        settings: polling intervals, and the deadline of a wait without its own.
    """

    def __init__(self, timing: Timing, settings: PollSettings) -> None:
        self._clock = ActiveClock(timing.clock)
        self._timing = evolve(timing, clock=self._clock)
        self._settings = settings
        self._pollers: dict[tuple[str, tuple[str, ...]], Poller[Any]] = {}
        self._created: dict[str, float] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._timers = Timers(self._timing, self._spawn)

    async def wait(self, wait: Wait[T], timeout: float | None = None) -> T:
        """Return the value once it has ended well or in part.

        A row that came with a listing may lack members that only `get` fills.

        Args:
            timeout: seconds; None for `PollSettings.timeout`.

        Raises:
            WaitFailed: it ended badly; the error has the last value.
            TimedOut: it had not ended at the deadline; the text has its last status.
        """
        update = await self.outcome(wait, timeout)
        if (error := self._failure(wait, update, timeout)) is not None:
            raise error
        return cast("T", update.value)

    def follow(
        self, wait: Wait[T], on_end: Callable[[Exception | None], object], timeout: float | None = None
    ) -> Callable[[], None]:
        """Call back once the object has ended, well or badly, without a task that waits.

        Args:
            on_end: called with the error that `wait` would raise, or None if it ended well or in part.
            timeout: as of `wait`.

        Returns:
            a function that ends the wait; harmless if it is over.
        """

        def call(update: Update[T]) -> None:
            leave()
            on_end(self._failure(wait, update, timeout))

        listener = EndCallback(self._timing.clock() + self._limit(timeout), call)
        leave = self._join(wait, listener)
        return leave

    async def outcome(self, wait: Wait[T], timeout: float | None = None) -> Update[T]:
        """Return the last update: the end, or the state at the deadline (`going`); raises only if polling did."""
        with self._listening(wait, timeout, changes=False) as listener:
            return await listener.take() or listener.last

    async def watch(self, wait: Wait[T], timeout: float | None = None) -> AsyncIterator[T]:
        """Iterate over the changes of a value, its end included; a slow reader gets only the newest.

        Args:
            timeout: seconds; None for `PollSettings.timeout`.

        Raises:
            TimedOut: it had not ended at the deadline.
        """
        with self._listening(wait, timeout, changes=True) as listener:
            while (update := await listener.take()) is not None:
                if update.value is not None:
                    yield update.value
                if update.ends:
                    return
            raise self._timeout_error(wait, listener.last, timeout)

    def note_created(self, id: str) -> None:
        """Remember an id that a create has returned: reads may not find it for some seconds (eventual consistency)."""
        now = self._timing.clock()
        self._created = {each: at for each, at in self._created.items() if now - at < CREATED_GRACE}
        self._created[id] = now

    def _is_new(self, id: str) -> bool:
        return self._timing.clock() - self._created.get(id, -CREATED_GRACE) < CREATED_GRACE

    async def close(self) -> None:
        """End every wait with `ClientClosed`, and cancel all tasks; harmless if repeated."""
        for poller in list(self._pollers.values()):
            poller.stop(ClientClosed("the client was closed during a wait; keep it open until the wait has ended"))
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @contextmanager
    def _listening(self, wait: Wait[T], timeout: float | None, *, changes: bool) -> Iterator[LatestValue[T]]:
        listener: LatestValue[T] = LatestValue(self._timing.clock() + self._limit(timeout), changes=changes)
        leave = self._join(wait, listener)
        try:
            yield listener
        finally:
            leave()

    def _join(self, wait: Wait[T], listener: Listener[T]) -> Callable[[], None]:
        """Register a waiter; returns the function that removes it."""
        timer = self._timers.set(listener.deadline, listener.give_up)
        poller = self._poller_of((wait.kind, wait.group))
        poller.join(wait, listener)

        def leave() -> None:
            poller.leave(wait, listener)
            self._timers.cancel(timer)

        return leave

    def _limit(self, timeout: float | None) -> float:
        limit = self._settings.timeout if timeout is None else timeout
        if not limit > 0:
            raise ConfigError(f"timeout is a number of seconds above 0, not {timeout}")
        return limit

    def _poller_of(self, key: tuple[str, tuple[str, ...]]) -> Poller[Any]:
        def over(poller: Poller[Any]) -> None:
            if self._pollers.get(key) is poller:
                del self._pollers[key]

        if key not in self._pollers:
            self._pollers[key] = Poller(self._timing, self._settings, self._spawn, over, self._is_new)
        return self._pollers[key]

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        try:
            loop = running_loop()
        except ClientClosed:
            work.close()
            raise
        if not self._tasks:
            self._clock.start()
        task = loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_end)
        return task

    def _on_task_end(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not self._tasks:
            self._clock.stop()

    def _failure(self, wait: Wait[T], update: Update[T], timeout: float | None) -> Exception | None:
        """Return the error of an update; None if it ended well or in part."""
        if update.error is not None:
            return update.error
        if update.value is None or update.verdict == "going":
            return self._timeout_error(wait, update, timeout)
        if update.verdict == "bad":
            return WaitFailed(f"{_name(wait)} ended badly: {describe(update, wait.status)}", value=update.value)
        return None

    def _timeout_error(self, wait: Wait[T], update: Update[T], timeout: float | None) -> TimedOut:
        return TimedOut(
            f"{_name(wait)} had not ended within {self._limit(timeout):g} s: {describe(update, wait.status)}"
        )


def describe(update: Update[Any], member: str = "status") -> str:
    """Describe the state of an object: its last status, how often it was polled, and the last error."""
    error = "" if update.trouble is None else f"; the last error: {update.trouble}"
    if update.value is None:
        return f"no answer yet{error}"
    progress = getattr(update.value, "progress", None)
    at = "" if progress in (None, "") else f" at {progress!r}"
    return f"status {mask(repr(getattr(update.value, member, None)))[:80]}{at:.40}, asked {update.polls} times{error}"


def _name(wait: Wait[Any]) -> str:
    return f"{wait.kind} {wait.id}"
