"""The broker: everything that is waited for through one client, with as few requests as can be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from .._http.resource import Wait
from .._redact import masked
from ..errors import ConfigError, TimedOut, WaitFailed
from ..settings import PollSettings, Timing
from .alarms import Timers
from .listener import EndCallback, LatestValue, Listener, Update
from .poller import Poller

T = TypeVar("T")


class Broker:
    """Serves all waiters of one client; implements `Waiter`.

    Waiters of one kind and group share a poller, which lives as long as one of them.

    Args:
        timing: the client's clock, sleep and random numbers.
        settings: intervals and the deadline of a wait that names none.
    """

    def __init__(self, timing: Timing, settings: PollSettings) -> None:
        self._timing = timing
        self._settings = settings
        self._pollers: dict[tuple[str, tuple[str, ...]], Poller[Any]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._alarms = Timers(timing, self._spawn)

    async def wait(self, wait: Wait[T], deadline: float | None = None) -> T:
        """The thing once it has ended well or in part.

        A row that came with a listing may lack members that only `get` fills.

        Args:
            deadline: seconds; None for `PollSettings.timeout`.

        Raises:
            WaitFailed: it ended badly; the error holds the last value.
            TimedOut: it had not ended at the deadline; the text says where it stood.
        """
        told = await self.outcome(wait, deadline)
        if (error := self._failure(wait, told, deadline)) is not None:
            raise error
        return cast("T", told.value)

    def follow(
        self, wait: Wait[T], ended: Callable[[Exception | None], object], deadline: float | None = None
    ) -> Callable[[], None]:
        """Have a call made once the thing has ended, however it did, without a task that waits.

        Args:
            ended: gets the error that `wait` would raise; None when it has ended well or in part.
            deadline: as of `wait`.

        Returns:
            what ends the following; harmless when it is over.
        """

        def call(told: Update[T]) -> None:
            leave()
            ended(self._failure(wait, told, deadline))

        listener = EndCallback(self._timing.clock() + self._limit(deadline), call)
        leave = self._join(wait, listener)
        return leave

    async def outcome(self, wait: Wait[T], deadline: float | None = None) -> Update[T]:
        """How it ended, or how it stood at the deadline (verdict `going`); raises only what asking raised."""
        with self._listening(wait, deadline, changes=False) as listener:
            return await listener.take() or listener.last

    async def watch(self, wait: Wait[T], deadline: float | None = None) -> AsyncIterator[T]:
        """Each change of the thing, its end included, whichever that is; a slow reader gets the newest alone.

        Args:
            deadline: seconds; None for `PollSettings.timeout`.

        Raises:
            TimedOut: it had not ended at the deadline.
        """
        with self._listening(wait, deadline, changes=True) as listener:
            while (told := await listener.take()) is not None:
                if told.value is not None:
                    yield told.value
                if told.ends:
                    return
            raise self._timed_out(wait, listener.last, deadline)

    async def close(self) -> None:
        """End every wait with an error, and leave no task behind; harmless when repeated."""
        for poller in list(self._pollers.values()):
            poller.stop(ConfigError("the client was closed while something was waited for"))
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @contextmanager
    def _listening(self, wait: Wait[T], deadline: float | None, *, changes: bool) -> Iterator[LatestValue[T]]:
        listener: LatestValue[T] = LatestValue(self._timing.clock() + self._limit(deadline), changes=changes)
        leave = self._join(wait, listener)
        try:
            yield listener
        finally:
            leave()

    def _join(self, wait: Wait[T], listener: Listener[T]) -> Callable[[], None]:
        """Let a waiter be told; what is returned takes it away again."""
        alarm = self._alarms.set(listener.deadline, listener.give_up)
        poller = self._poller((wait.kind, wait.group))
        poller.join(wait, listener)

        def leave() -> None:
            poller.leave(wait, listener)
            self._alarms.take_back(alarm)

        return leave

    def _limit(self, deadline: float | None) -> float:
        limit = self._settings.timeout if deadline is None else deadline
        if not limit > 0:
            raise ConfigError(f"a deadline is a number of seconds above 0, not {deadline}")
        return limit

    def _poller(self, key: tuple[str, tuple[str, ...]]) -> Poller[Any]:
        def over(poller: Poller[Any]) -> None:
            if self._pollers.get(key) is poller:
                del self._pollers[key]

        if key not in self._pollers:
            self._pollers[key] = Poller(self._timing, self._settings, self._spawn, over)
        return self._pollers[key]

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _failure(self, wait: Wait[T], told: Update[T], deadline: float | None) -> Exception | None:
        """Why this is no good end; None when it is one."""
        if told.error is not None:
            return told.error
        if told.value is None or told.verdict == "going":
            return self._timed_out(wait, told, deadline)
        if told.verdict == "bad":
            return WaitFailed(f"{_what(wait)} ended badly: {stand(told, wait.status)}", value=told.value)
        return None

    def _timed_out(self, wait: Wait[T], told: Update[T], deadline: float | None) -> TimedOut:
        return TimedOut(f"{_what(wait)} had not ended within {self._limit(deadline):g} s: {stand(told, wait.status)}")


def stand(told: Update[Any], member: str = "status") -> str:
    """Where a thing stands, for people: its word as last read, how often it was asked about, and the last error."""
    error = "" if told.trouble is None else f"; the last error: {told.trouble}"
    if told.value is None:
        return f"no answer yet{error}"
    progress = getattr(told.value, "progress", None)
    at = "" if progress in (None, "") else f" at {progress!r}"
    return f"status {masked(repr(getattr(told.value, member, None)))[:80]}{at:.40}, asked {told.asked} times{error}"


def _what(wait: Wait[Any]) -> str:
    return f"{wait.kind} {wait.id}"
