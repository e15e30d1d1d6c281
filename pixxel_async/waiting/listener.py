"""Waiters: one that awaits updates, and one that is called back at the end."""

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
    """State of a polled value, as given to its waiters.

    Attributes:
        value: the value as last read; None before the first answer.
        verdict: state of the value; `going` in the last update means that the deadline has passed.
        polls: answers so far.
        error: why the wait failed; an object of its own per waiter.
        trouble: transient error in place of the last response; polling continues.
    """

    value: T | None
    verdict: Verdict = "going"
    polls: int = 0
    error: Exception | None = None
    trouble: Exception | None = None

    @property
    def ends(self) -> bool:
        """Whether no further update will come."""
        return self.error is not None or self.verdict != "going"


class Listener(ABC, Generic[T]):
    """A waiter, as a poller uses it; no method blocks.

    Args:
        deadline: time of the client's clock at which the wait ends.

    Attributes:
        last: the last update, delivered or not.
    """

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.last: Update[T] = Update(None)

    @abstractmethod
    def update(self, update: Update[T]) -> None:
        """Take a new state."""

    @abstractmethod
    def give_up(self) -> None:
        """End the wait at its deadline."""

    def note(self, trouble: Exception | None) -> None:
        """Note a transient error, or that it has passed: no update, but part of the message at the deadline."""
        self.last = evolve(self.last, trouble=trouble)


class LatestValue(Listener[T]):
    """Hold the latest update for a waiter that awaits it; an update not taken is replaced by the next.

    Args:
        changes: whether to deliver every change, or only the end.
    """

    def __init__(self, deadline: float, *, changes: bool) -> None:
        super().__init__(deadline)
        self._changes = changes
        self._latest: Update[T] | None = None
        self._late = False
        self._ready = asyncio.Event()

    def update(self, update: Update[T]) -> None:
        self.last = update
        if update.ends or self._changes:
            self._latest = update
            self._ready.set()

    def give_up(self) -> None:
        self._late = True
        self._ready.set()

    async def take(self) -> Update[T] | None:
        """Wait for an update and return the newest; None at the deadline. Raises the update's error."""
        await self._ready.wait()
        update, self._latest = self._latest, None
        if not self._late:
            self._ready.clear()
        if update is not None and update.error is not None:
            raise update.error
        return update


class EndCallback(Listener[T]):
    """Call back once, at the end or the deadline; for thousands of waits without a task each."""

    def __init__(self, deadline: float, call: Callable[[Update[T]], object]) -> None:
        super().__init__(deadline)
        self._call = call

    def update(self, update: Update[T]) -> None:
        self.last = update
        if update.ends:
            self._call(update)

    def give_up(self) -> None:
        self._call(self.last)
