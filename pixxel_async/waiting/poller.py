"""One task for all that wait for things of one kind and group: a request a tick, a tick no more often than sensible."""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import evolve

from .._http.resource import Wait
from .._redact import masked
from ..errors import PixxelError
from ..settings import PollSettings, Timing
from .listener import Listener, Update
from .rules import polling
from .rules.words import known
from .subject import Polled

if TYPE_CHECKING:
    from .._http.pages import Pages

T = TypeVar("T")
Spawn = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]

BREATH = 250
"""Things that are read or told about before others get their turn on the event loop: a millisecond or two."""

log = logging.getLogger("pixxel_async.waiting")


class Poller(Generic[T]):
    """Asks as long as anybody waits, and tells each waiter what concerns it.

    Args:
        spawn: starts a task that the broker looks after.
        over: called when the last waiter has gone.
    """

    def __init__(self, timing: Timing, settings: PollSettings, spawn: Spawn, over: Callable[[Poller[T]], None]) -> None:
        self._timing = timing
        self._settings = settings
        self._spawn = spawn
        self._over = over
        self._subjects: dict[str, Polled[T]] = {}
        self._weights = polling.Weights()
        self._nap: asyncio.Task[Any] | None = None
        self._task = spawn(self._run())

    def join(self, wait: Wait[T], listener: Listener[T]) -> None:
        """One more waiter; what is known is told at once, a thing that is new here is asked about soon."""
        subject = self._subjects.get(wait.id)
        if subject is None:
            subject = self._subjects[wait.id] = Polled(wait, self._timing.clock())
            if self._nap is not None:
                self._nap.cancel()
        elif subject.last is not None:
            listener.tell(Update(subject.last, asked=subject.asked))
        if subject.trouble is not None:
            listener.note(subject.trouble)
        subject.listeners[listener] = None

    def leave(self, wait: Wait[T], listener: Listener[T]) -> None:
        """One waiter less; without any, the polling ends."""
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
        """Send everybody away with this error, each with an object of its own."""
        for subject in list(self._subjects.values()):
            self._end(subject, error)
        self._task.cancel()

    async def _run(self) -> None:
        try:
            while self._subjects:
                await self._tick()
                if self._subjects:
                    await self._pause()
        except Exception as error:  # whatever it is, nobody may be left waiting
            self.stop(error)
        finally:
            self._over(self)

    async def _tick(self) -> None:
        asked = list(self._subjects.values())
        answers = await self._ask(asked)
        for number, subject in enumerate(asked, 1):
            if subject.listeners:
                self._tell(subject, answers[subject.wait.id])
            if number % BREATH == 0:
                await asyncio.sleep(0)

    async def _ask(self, subjects: list[Polled[T]]) -> dict[str, T | Exception]:
        found: dict[str, T | Exception] = {}
        listing = subjects[0].wait.list
        if listing is not None and polling.lists(len(subjects), self._weights):
            try:
                found.update(await self._list(listing(), {subject.wait.id: subject for subject in subjects}))
            except PixxelError as error:  # told to all: getting each by itself would fare no better
                return {subject.wait.id: error for subject in subjects}
        missing = [subject for subject in subjects if subject.wait.id not in found]
        got = await asyncio.gather(*(self._get(subject.wait) for subject in missing))
        return found | {subject.wait.id: answer for subject, answer in zip(missing, got, strict=True)}

    async def _list(self, listing: Pages[T], wanted: dict[str, Polled[T]]) -> dict[str, T]:
        member = next(iter(wanted.values())).wait.id_member
        found: dict[str, T] = {}
        rows = pages = size = 0
        async for page in listing.by_page(once=True):
            pages += 1
            for row in page:
                rows += 1
                size = size or len(repr(row))
                if (id := str(getattr(row, member, ""))) in wanted:
                    found[id] = row
                if rows % BREATH == 0:
                    await asyncio.sleep(0)
            if len(found) == len(wanted):
                break
        self._weights = evolve(self._weights, rows=rows, pages=pages, row=size or self._weights.row)
        return found

    async def _get(self, wait: Wait[T]) -> T | Exception:
        try:
            value = await wait.get()
        except Exception as error:  # told to those who wait for this one
            return error
        self._weights = evolve(self._weights, whole=len(repr(value)))
        return value

    def _tell(self, subject: Polled[T], answer: T | Exception) -> None:
        subject.rest(answer, self._timing.clock())
        if isinstance(answer, Exception):
            self._fail(subject, answer)
            return
        recovered, news, verdict = subject.trouble is not None, subject.see(answer), subject.verdict
        if news and not known(subject.status):
            told = masked(repr(subject.status))
            log.info("status.unknown kind=%s id=%s status=%.80s", subject.wait.kind, subject.wait.id, told)
        if verdict != "going":
            del self._subjects[subject.wait.id]
        for listener in subject.listeners if news or verdict != "going" else ():
            listener.tell(Update(answer, verdict, subject.asked))
        for listener in subject.listeners if recovered and not news else ():
            listener.note(None)

    def _fail(self, subject: Polled[T], error: Exception) -> None:
        """An error that may pass is waited out; another one ends it."""
        if not subject.fail(error):
            self._end(subject, error)
            return
        log.warning("poll.failed kind=%s id=%s error=%s", subject.wait.kind, subject.wait.id, type(error).__name__)
        for listener in subject.listeners:
            listener.note(error)

    def _end(self, subject: Polled[T], error: Exception) -> None:
        del self._subjects[subject.wait.id]
        for listener in subject.listeners:
            listener.tell(Update(subject.last, asked=subject.asked, error=_own(error)))

    async def _pause(self) -> None:
        ticked, roll = self._timing.clock(), self._timing.random()
        while True:
            left = ticked + self._until_next(roll) - self._timing.clock()
            self._nap = nap = self._spawn(self._sleep(left))
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
        wait = polling.group_wait([subject.pause(now, self._settings, roll) for subject in subjects])
        last = max(listener.deadline for subject in subjects for listener in subject.listeners)
        return polling.last_look(wait, last - now, self._settings.initial_interval)


def _own(error: Exception) -> Exception:
    """The error as an object of one waiter alone, so that no traceback is shared; a foreign one stays as it is."""
    return copy.copy(error) if isinstance(error, PixxelError) else error
