"""Decide when to poll, and whether by a listing or one by one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from attrs import frozen

from ...settings import PollSettings
from ...settings.constants import AGE_SHARE, POLL_JITTER, POLL_MULTIPLIER

DAY = 86_400.0

REQUEST_BYTES = 1_000
"""Bytes of a request beside its body: the headers of both sides."""

A_FEW = 5
"""Single requests a tick that need no further justification."""

CROWD_BYTES = 50_000
"""Bytes that a request counts for beside its body once there are more than a few: round trips and rate limits."""

WORTH_A_TICK = 20
"""One in this many of a group must be due before the group is polled."""

MOST_SETBACKS = 16
"""Doublings that count; beyond, the deadline has passed anyway."""


def jitter(wait: float, share: float, roll: float) -> float:
    """Move a wait up or down by at most `share` of it; `roll` is in [0, 1)."""
    return wait * (1 + share * (2 * roll - 1))


def grow_interval(polls: int, settings: PollSettings) -> float:
    """Return the interval after `polls` responses: exponential, with a day as its only ceiling."""
    steps = max(polls, 1) - 1
    growth = min(steps * math.log(POLL_MULTIPLIER), math.log(max(DAY / settings.initial_interval, 1.0)))
    return settings.initial_interval * math.exp(growth)


def next_wait(
    age: float, polls: int, settings: PollSettings, roll: float, setbacks: int = 0, *, restarts: bool = True
) -> float:
    """Return the seconds before the next poll.

    Args:
        age: seconds since the first request.
        polls: responses since then.
        roll: random number in [0, 1).
        setbacks: number of times that the status regressed; each doubles the wait.
        restarts: whether polling may restart the work, as a package's PUT may. Then the wait has no ceiling and is
            never
            shorter than `AGE_SHARE` of the age, so that one wait becomes longer than the work.
    """
    if not restarts:
        return jitter(min(grow_interval(polls, settings), settings.max_interval), POLL_JITTER, roll)
    doubled = 2.0 ** min(setbacks, MOST_SETBACKS)
    wait = jitter(grow_interval(polls, settings), POLL_JITTER, roll)
    return doubled * max(wait, AGE_SHARE * age)


def group_wait(waits: Sequence[float]) -> float:
    """Return the seconds before the next poll of a whole group: until enough of it is due.

    A small group follows its most urgent member; in one of thousands some member is always about to end, and following
    it would poll all of them all the time.
    """
    return sorted(waits)[len(waits) // WORTH_A_TICK]


def shorten_to_deadline(wait: float, remaining: float, margin: float) -> float:
    """Shorten a wait so that one request comes `margin` seconds before the deadline instead of after it.

    Args:
        wait: seconds until the next request.
        remaining: seconds until the last waiter's deadline.
        margin: seconds that the request may take; with hardly more than that left, there is no further request.
    """
    return remaining - margin if wait >= remaining > 2 * margin else wait


@frozen
class Weights:
    """Observed cost of both ways of polling; at first, estimates.

    Attributes:
        rows: rows of the listing.
        pages: requests that it took.
        row: bytes of one row.
        single: bytes of one object fetched by GET.
    """

    rows: int = 50
    pages: int = 1
    row: int = 600
    single: int = 3_000


def prefers_listing(count: int, weights: Weights) -> bool:
    """Return whether a listing moves fewer bytes than `count` single requests; a single object is never listed."""
    request = REQUEST_BYTES if count <= A_FEW else CROWD_BYTES
    listing = weights.pages * request + weights.rows * weights.row
    return count > 1 and listing < count * (request + weights.single)
