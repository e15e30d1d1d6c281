"""Poller of one kind and group: one task that polls for all of its waiters."""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import evolve

from .._http.resource import Wait
from .._redact import mask
from ..errors import DecodeError, IncompleteListing, NotFound, PixxelError
from ..settings import PollSettings, Timing
from .listener import Listener, Update
from .polled import Polled
from .rules import polling
from .rules.words import is_known

if TYPE_CHECKING:
    from .._http.pages import Pages

T = TypeVar("T")
Spawn = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]

YIELD_EVERY = 250
"""Objects handled before yielding to the event loop: one or two milliseconds."""

BLANK_ANSWERS = 3
"""Answers in a row without a status after which a wait ends with an error."""

log = logging.getLogger("pixxel_async.waiting")


class Poller(Generic[T]):
    """Poll while anybody waits, and deliver updates to each waiter.

    Args:
        spawn: starts a task that the broker cancels when it closes.
        over: called when the last waiter has left.
        is_new: whether an id was created so recently that "not found" may mean "not visible yet".
    """

    def __init__(
        self,
        timing: Timing,
        settings: PollSettings,
        spawn: Spawn,
        over: Callable[[Poller[T]], None],
        is_new: Callable[[str], bool] = lambda id: False,
    ) -> None:
        self._timing = timing
        self._settings = settings
        self._spawn = spawn
        self._over = over
        self._is_new = is_new
        self._subjects: dict[str, Polled[T]] = {}
        self._weights = polling.Weights()
        self._nap: asyncio.Task[Any] | None = None
        self._task = spawn(self._run())

    def join(self, wait: Wait[T], listener: Listener[T]) -> None:
        """Add a waiter; a known state is delivered at once, a new object is polled soon."""
        subject = self._subjects.get(wait.id)
        if subject is None:
            subject = self._subjects[wait.id] = Polled(wait, self._timing.clock())
            if self._nap is not None:
                self._nap.cancel()
        elif subject.last is not None:
            listener.update(Update(subject.last, polls=subject.polls))
        if subject.trouble is not None:
            listener.note(subject.trouble)
        subject.listeners[listener] = None

    def leave(self, wait: Wait[T], listener: Listener[T]) -> None:
        """Remove a waiter; without any, polling ends."""
        subject = self._subjects.get(wait.id)
        if subject is None or listener not in subject.listeners:
            return
        del subject.listeners[listener]
        if not subject.listeners:
            del self._subjects[wait.id]
        if not self._subjects:
            self._over(self)
            self._task.cancel()

    def stop(self, error: Exception) -> None:
        """End all waits with a copy of this error each."""
        for subject in list(self._subjects.values()):
            self._end(subject, error)
        self._task.cancel()

    async def _run(self) -> None:
        try:
            while self._subjects:
                await self._poll_all()
                if self._subjects:
                    await self._sleep_until_next()
        except Exception as error:  # handler of last resort: no waiter may be left behind
            self.stop(error)
        finally:
            self._over(self)

    async def _poll_all(self) -> None:
        due = list(self._subjects.values())
        answers = await self._request_all(due)
        for number, subject in enumerate(due, 1):
            if subject.listeners:
                self._deliver(subject, answers[subject.wait.id])
            if number % YIELD_EVERY == 0:
                await asyncio.sleep(0)

    async def _request_all(self, subjects: list[Polled[T]]) -> dict[str, T | Exception]:
        answers: dict[str, T | Exception] = {}
        listing = subjects[0].wait.list
        if listing is not None and polling.prefers_listing(len(subjects), self._weights):
            try:
                answers.update(await self._read_listing(listing(), {subject.wait.id: subject for subject in subjects}))
            except PixxelError as error:  # a GET for each would fail as well
                return {subject.wait.id: error for subject in subjects}
        missing = [subject for subject in subjects if subject.wait.id not in answers]
        single = await asyncio.gather(*(self._read_one(subject.wait) for subject in missing))
        return answers | {subject.wait.id: answer for subject, answer in zip(missing, single, strict=True)}

    async def _read_listing(self, listing: Pages[T], subjects: dict[str, Polled[T]]) -> dict[str, T]:
        member = next(iter(subjects.values())).wait.id_member
        listed: dict[str, T] = {}
        rows = pages = size = 0
        try:
            async for page in listing.by_page(once=True):
                pages += 1
                for row in page:
                    rows += 1
                    size = size or len(repr(row))
                    if (id := str(getattr(row, member, ""))) in subjects:
                        listed[id] = row
                    if rows % YIELD_EVERY == 0:
                        await asyncio.sleep(0)
                if len(listed) == len(subjects):
                    break
        except IncompleteListing:  # those that did not come are read one by one
            pass
        self._weights = evolve(self._weights, rows=rows, pages=pages, row=size or self._weights.row)
        return listed

    async def _read_one(self, wait: Wait[T]) -> T | Exception:
        try:
            value = await wait.get()
        except Exception as error:  # delivered to the waiters of this one
            return error
        self._weights = evolve(self._weights, single=len(repr(value)))
        return value

    def _deliver(self, subject: Polled[T], answer: T | Exception) -> None:
        subject.record_pause(answer, self._timing.clock())
        if isinstance(answer, Exception):
            self._fail(subject, answer)
            return
        recovered, changed, verdict = subject.trouble is not None, subject.record(answer), subject.verdict
        if changed and not is_known(subject.status):
            word = mask(repr(subject.status))
            log.info("status.unknown kind=%s id=%s status=%.80s", subject.wait.kind, subject.wait.id, word)
        if subject.without_status >= BLANK_ANSWERS:
            text = f"{subject.without_status} answers held no {subject.wait.status!r}: is this the API?"
            self._end(subject, DecodeError(text))
            return
        if verdict != "going":
            del self._subjects[subject.wait.id]
        for listener in subject.listeners if changed or verdict != "going" else ():
            listener.update(Update(answer, verdict, subject.polls))
        for listener in subject.listeners if recovered and not changed else ():
            listener.note(None)

    def _fail(self, subject: Polled[T], error: Exception) -> None:
        """Wait out a transient error; end the wait with any other."""
        hidden = isinstance(error, NotFound) and subject.last is None and self._is_new(subject.wait.id)
        if not subject.record_error(error, hidden=hidden):
            self._end(subject, error)
            return
        log.warning("poll.failed kind=%s id=%s error=%s", subject.wait.kind, subject.wait.id, type(error).__name__)
        for listener in subject.listeners:
            listener.note(error)

    def _end(self, subject: Polled[T], error: Exception) -> None:
        del self._subjects[subject.wait.id]
        for listener in subject.listeners:
            listener.update(Update(subject.last, polls=subject.polls, error=_copy_error(error)))

    async def _sleep_until_next(self) -> None:
        ticked, roll = self._timing.clock(), self._timing.random()
        while True:
            remaining = ticked + self._until_next(roll) - self._timing.clock()
            self._nap = nap = self._spawn(self._sleep(remaining))
            try:
                await asyncio.wait({nap})
            finally:
                self._nap = None
                nap.cancel()
            if not nap.cancelled():
                nap.result()
                return

    async def _sleep(self, seconds: float) -> None:
        await self._timing.sleep(max(seconds, 0.0))

    def _until_next(self, roll: float) -> float:
        now, subjects = self._timing.clock(), self._subjects.values()
        if any(subject.unasked for subject in subjects):
            return self._settings.initial_interval
        wait = polling.group_wait([subject.seconds_until_next(now, self._settings, roll) for subject in subjects])
        last = max(listener.deadline for subject in subjects for listener in subject.listeners)
        return polling.shorten_to_deadline(wait, last - now, self._settings.initial_interval)


def _copy_error(error: Exception) -> Exception:
    """Copy an error of ours for one waiter, so that no traceback is shared."""
    return copy.copy(error) if isinstance(error, PixxelError) else error
