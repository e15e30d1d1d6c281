"""State of one polled object: its waiters, last value and next poll."""

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

# ASSUMPTION: these members hold the progress of an object and the time that it is expected to take; the numbers are
# the seconds per unit of the latter.
PROGRESS = "progress"
ESTIMATES = {"estimated_duration": 1.0, "estimated_time_in_min": 60.0}
RETRY_AFTER = "retry_after"
"""Attribute of responses and errors with the service's requested seconds until the next poll."""

MAX_PAUSE = 900.0
"""Longest Retry-After in seconds that a poll waits for: a longer pause is polled earlier."""

_TRANSIENT = (ServerError, ConnectionFailed, TimedOut, RateLimited)


@define(eq=False)
class Polled(Generic[T]):
    """One polled object, with any number of waiters.

    Attributes:
        since: time of the client's clock at which the first wait started.
        listeners: waiters, first come first.
        last: last value read.
        polls: answers so far.
        unchanged: consecutive answers without a change.
        setbacks: number of times that the status regressed.
        trouble: transient error in place of the last answer.
        without_status: consecutive answers without a status.
        failures: consecutive transient errors.
        quiet_until: time of the client's clock before which the service asked not to be polled.
    """

    wait: Wait[T]
    since: float
    listeners: dict[Listener[T], None] = field(factory=dict)
    last: T | None = None
    polls: int = 0
    unchanged: int = 0
    setbacks: int = 0
    trouble: Exception | None = None
    failures: int = 0
    without_status: int = 0
    quiet_until: float = -math.inf

    def record(self, value: T) -> bool:
        """Record an answer; returns whether it is a change."""
        self.trouble, self.failures = None, 0
        changed = value != self.last
        if self.last is not None:
            self.setbacks += went_back(self.status, getattr(value, self.wait.status, None))
        self.polls += 1
        self.unchanged = 0 if changed else self.unchanged + 1
        self.last = value
        self.without_status = self.without_status + 1 if self.wait.judge is None and self.status is None else 0
        return changed

    def record_error(self, error: Exception, *, hidden: bool = False) -> bool:
        """Record an error; return whether it is transient, so that polling continues.

        Args:
            hidden: whether the error only means that a new object is not visible yet.
        """
        if not hidden and not (self.wait.patient and isinstance(error, _TRANSIENT)):
            return False
        self.trouble, self.failures = error, self.failures + 1
        return True

    def record_pause(self, answer: T | Exception, now: float) -> None:
        """Record the pause requested by a response or an error, at most `MAX_PAUSE` seconds."""
        requested = numeric(getattr(answer, RETRY_AFTER, None))
        self.quiet_until = now + min(requested, MAX_PAUSE) if requested is not None else -math.inf

    @property
    def unasked(self) -> bool:
        """Whether it was never polled."""
        return not self.polls and not self.failures

    @property
    def status(self) -> object:
        """Status word of the last answer."""
        return getattr(self.last, self.wait.status, None)

    @property
    def verdict(self) -> Verdict:
        """Verdict of the last answer."""
        if self.last is None:
            return "going"
        if self.wait.judge is not None:
            return self.wait.judge(self.last)
        return verdict(self.status, self.wait.good, self.wait.bad)

    def seconds_until_next(self, now: float, settings: PollSettings, roll: float) -> float:
        """Return the seconds until the next poll."""
        return max(self._scheduled_wait(now, settings, roll), self.quiet_until - now)

    def _scheduled_wait(self, now: float, settings: PollSettings, roll: float) -> float:
        if self.failures:
            return next_wait(now - self.since, self.failures, settings, roll, restarts=False)
        age, restarts = now - self.since, self.wait.restarts
        likely = remaining(getattr(self.last, PROGRESS, None), _read_estimate(self.last), age)
        if likely is None or restarts:
            return next_wait(age, self.polls, settings, roll, self.setbacks, restarts=restarts)
        floor = next_wait(age, self.unchanged, settings, roll, restarts=False)
        return estimated_wait(likely, floor, settings.max_interval)


def _read_estimate(value: object) -> float | None:
    for member, unit in ESTIMATES.items():
        number = numeric(getattr(value, member, None))
        if number is not None:
            return number * unit
    return None
