"""One thing that is waited for: who waits, what was read last, and when to look again."""

from __future__ import annotations

from typing import Generic, TypeVar

from attrs import define, field

from .._http.call import Wait
from ..settings import WaitSettings
from .listener import Listener
from .rules.estimates import estimated_wait, numeric, remaining
from .rules.polling import next_wait
from .rules.words import Verdict, verdict, went_back

T = TypeVar("T")

# ASSUMPTION: these members, where a thing has them, hold its progress and the time that it is expected to take; the
# numbers are the seconds of the latter's unit.
PROGRESS = "progress"
ESTIMATES = {"estimated_duration": 1.0, "estimated_time_in_min": 60.0}


@define(eq=False)
class Subject(Generic[T]):
    """One thing that is waited for, by one or by thousands.

    Attributes:
        since: the client's time at which it was first waited for.
        listeners: in the order of their coming.
        last: what was read last.
        asked: answers that have come.
        still: answers in a row that brought no news.
        setbacks: how often the status went backwards.
    """

    wait: Wait[T]
    since: float
    listeners: dict[Listener[T], None] = field(factory=dict)
    last: T | None = None
    asked: int = 0
    still: int = 0
    setbacks: int = 0

    def see(self, value: T) -> bool:
        """Take note of an answer; whether it brings news."""
        news = value != self.last
        if self.last is not None:
            self.setbacks += went_back(self.status, getattr(value, self.wait.status, None))
        self.asked += 1
        self.still = 0 if news else self.still + 1
        self.last = value
        return news

    @property
    def status(self) -> object:
        """The status word of the last answer."""
        return getattr(self.last, self.wait.status, None)

    @property
    def verdict(self) -> Verdict:
        """How it stands by the last answer."""
        if self.last is None:
            return "going"
        if self.wait.judge is not None:
            return self.wait.judge(self.last)
        return verdict(self.status, self.wait.good, self.wait.bad)

    def pause(self, now: float, settings: WaitSettings, roll: float) -> float:
        """Seconds before it should be asked about again."""
        age, restarts = now - self.since, self.wait.restarts
        likely = remaining(getattr(self.last, PROGRESS, None), _expected(self.last), age)
        if likely is None or restarts:
            return next_wait(age, self.asked, settings, roll, self.setbacks, restarts=restarts)
        floor = next_wait(age, self.still, settings, roll, restarts=False)
        return estimated_wait(likely, floor, settings.longest)


def _expected(value: object) -> float | None:
    for member, unit in ESTIMATES.items():
        number = numeric(getattr(value, member, None))
        if number is not None:
            return number * unit
    return None
