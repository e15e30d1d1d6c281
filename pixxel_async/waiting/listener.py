"""One waiter: the newest news that it has not taken, and its deadline."""

from __future__ import annotations

import asyncio
from typing import Any, Generic, TypeVar

from attrs import evolve, frozen

from .rules.words import Verdict

T = TypeVar("T")


@frozen
class Told(Generic[T]):
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


class Listener(Generic[T]):
    """A letter box for one: newer news replace what was not taken, so a slow reader costs no memory.

    Args:
        deadline: the client's time at which the waiter gives up.
        alarm: the task that ends then.
        changes: whether it wants every change, or only the end.

    Attributes:
        last: what was told last, wanted or not.
    """

    def __init__(self, deadline: float, alarm: asyncio.Task[None], *, changes: bool) -> None:
        self.deadline = deadline
        self._alarm = alarm
        self._changes = changes
        self._letter: asyncio.Future[Told[T]] = asyncio.get_running_loop().create_future()
        self.last: Told[T] = Told(None)

    def tell(self, told: Told[T]) -> None:
        """Put the news in; never waits."""
        self.last = told
        if not (told.ends or self._changes):
            return
        if self._letter.done():
            self._letter = asyncio.get_running_loop().create_future()
        self._letter.set_result(told)

    def note(self, trouble: Exception | None) -> None:
        """Asking fails in a way that may pass, or works again: no news, but worth a word at the deadline."""
        self.last = evolve(self.last, trouble=trouble)

    async def take(self) -> Told[T] | None:
        """The newest news, once there are some; None at the deadline. Raises the error told."""
        either: set[asyncio.Future[Any]] = {self._letter, self._alarm}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not self._letter.done():
            return None
        told, self._letter = self._letter.result(), asyncio.get_running_loop().create_future()
        if told.error is not None:
            raise told.error
        return told

    def close(self) -> None:
        """Stop the alarm."""
        self._alarm.cancel()
