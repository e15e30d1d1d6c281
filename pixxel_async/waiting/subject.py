"""One thing that is waited for: who waits, what was read last, and when to look again."""

from __future__ import annotations

import math
from typing import Generic, TypeVar

from attrs import define, field

from .._http.resource import Verdict, Wait
from ..errors import ConnectionFailed, RateLimited, ServerError, TimedOut
from ..settings import PollSettings
from .listener import Listener
from .rules.estimates import estimated_wait, numeric, remaining
from .rules.polling import next_wait
from .rules.words import verdict, went_back

T = TypeVar("T")

# ASSUMPTION: these members, where a thing has them, hold its progress and the time that it is expected to take; the
# numbers are the seconds of the latter's unit.
PROGRESS = "progress"
ESTIMATES = {"estimated_duration": 1.0, "estimated_time_in_min": 60.0}
RETRY_AFTER = "retry_after"
"""The member of answers and of errors with the seconds for which the service wants to be left alone."""

_PASSING = (ServerError, ConnectionFailed, TimedOut, RateLimited)


@define(eq=False)
class Polled(Generic[T]):
    """One thing that is waited for, by one or by thousands.

    Attributes:
        since: the client's time at which it was first waited for.
        listeners: in the order of their coming.
        last: what was read last.
        asked: answers that have come.
        still: answers in a row that brought no news.
        setbacks: how often the status went backwards.
        trouble: the error that came instead of the last answer, if one that may pass did.
        failures: such errors in a row.
        quiet_until: the client's time before which the service does not want to be asked again.
    """

    wait: Wait[T]
    since: float
    listeners: dict[Listener[T], None] = field(factory=dict)
    last: T | None = None
    asked: int = 0
    still: int = 0
    setbacks: int = 0
    trouble: Exception | None = None
    failures: int = 0
    quiet_until: float = -math.inf

    def see(self, value: T) -> bool:
        """Take note of an answer; whether it brings news."""
        self.trouble, self.failures = None, 0
        news = value != self.last
        if self.last is not None:
            self.setbacks += went_back(self.status, getattr(value, self.wait.status, None))
        self.asked += 1
        self.still = 0 if news else self.still + 1
        self.last = value
        return news

    def fail(self, error: Exception) -> bool:
        """Take note of an error; whether it may pass, so that one goes on asking."""
        if not (self.wait.patient and isinstance(error, _PASSING)):
            return False
        self.trouble, self.failures = error, self.failures + 1
        return True

    def rest(self, answer: T | Exception, now: float) -> None:
        """Take note of the pause that an answer or an error asks for, if it does."""
        told = numeric(getattr(answer, RETRY_AFTER, None))
        self.quiet_until = now + told if told is not None else -math.inf

    @property
    def unasked(self) -> bool:
        """Whether nothing is known of it yet, not even that asking fails."""
        return not self.asked and not self.failures

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

    def pause(self, now: float, settings: PollSettings, roll: float) -> float:
        """Seconds before it should be asked about again."""
        return max(self._pause(now, settings, roll), self.quiet_until - now)

    def _pause(self, now: float, settings: PollSettings, roll: float) -> float:
        if self.failures:
            return next_wait(now - self.since, self.failures, settings, roll, restarts=False)
        age, restarts = now - self.since, self.wait.restarts
        likely = remaining(getattr(self.last, PROGRESS, None), _expected(self.last), age)
        if likely is None or restarts:
            return next_wait(age, self.asked, settings, roll, self.setbacks, restarts=restarts)
        floor = next_wait(age, self.still, settings, roll, restarts=False)
        return estimated_wait(likely, floor, settings.max_interval)


def _expected(value: object) -> float | None:
    for member, unit in ESTIMATES.items():
        number = numeric(getattr(value, member, None))
        if number is not None:
            return number * unit
    return None
