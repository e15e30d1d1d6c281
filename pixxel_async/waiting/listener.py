"""One waiter, and what it was told last: one that awaits its news, or one that is called at the end."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar

from attrs import evolve, frozen

from .._http.resource import Verdict

T = TypeVar("T")


@frozen
class Update(Generic[T]):
    """What a waiter is told.

    Attributes:
        value: the thing as last read; None when no answer has come.
        verdict: how it stands; `going` in the last news means that the deadline has come.
        asked: answers that have come.
        error: why there is no value, for this waiter alone.
        trouble: the error that came instead of the last answer, when it may pass and one goes on asking.
    """

    value: T | None
    verdict: Verdict = "going"
    asked: int = 0
    error: Exception | None = None
    trouble: Exception | None = None

    @property
    def ends(self) -> bool:
        """Whether nothing more will come."""
        return self.error is not None or self.verdict != "going"


class Listener(ABC, Generic[T]):
    """A waiter, as a poller knows it; none of these methods waits.

    Args:
        deadline: the client's time at which the waiter gives up.

    Attributes:
        last: what was told last, wanted or not.
    """

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.last: Update[T] = Update(None)

    @abstractmethod
    def tell(self, told: Update[T]) -> None:
        """There is news."""

    @abstractmethod
    def give_up(self) -> None:
        """The deadline has come."""

    def note(self, trouble: Exception | None) -> None:
        """Asking fails in a way that may pass, or works again: no news, but worth a word at the deadline."""
        self.last = evolve(self.last, trouble=trouble)


class LatestValue(Listener[T]):
    """For one who awaits news: newer ones replace what was not taken, so a slow reader costs no memory.

    Args:
        changes: whether it wants every change, or only the end.
    """

    def __init__(self, deadline: float, *, changes: bool) -> None:
        super().__init__(deadline)
        self._changes = changes
        self._letter: Update[T] | None = None
        self._late = False
        self._news = asyncio.Event()

    def tell(self, told: Update[T]) -> None:
        self.last = told
        if told.ends or self._changes:
            self._letter = told
            self._news.set()

    def give_up(self) -> None:
        self._late = True
        self._news.set()

    async def take(self) -> Update[T] | None:
        """The newest news, once there are some; None at the deadline. Raises the error told."""
        await self._news.wait()
        told, self._letter = self._letter, None
        if not self._late:
            self._news.clear()
        if told is not None and told.error is not None:
            raise told.error
        return told


class EndCallback(Listener[T]):
    """For one who awaits nothing, since there may be thousands: makes a call, once, at the end or the deadline."""

    def __init__(self, deadline: float, call: Callable[[Update[T]], object]) -> None:
        super().__init__(deadline)
        self._call = call

    def tell(self, told: Update[T]) -> None:
        self.last = told
        if told.ends:
            self._call(told)

    def give_up(self) -> None:
        self._call(self.last)
