"""When to ask again, and in which way."""

from __future__ import annotations

import math
from collections.abc import Sequence

from attrs import frozen

from ...settings import PollSettings
from ...settings.constants import AGE_SHARE

DAY = 86_400.0

REQUEST_BYTES = 1_000
"""What a request moves beside its body: the headers of both sides."""

A_FEW = 5
"""Gets a tick that nobody minds."""

CROWD_BYTES = 50_000
"""What a request counts for beside its body once there are more than a few: round trips and rate limits, too."""

WORTH_A_TICK = 20
"""One in so many of a group must be due before all are asked about."""

MOST_SETBACKS = 16
"""Doublings that count; beyond, the deadline has come anyway."""


def jittered(wait: float, share: float, roll: float) -> float:
    """The wait moved up or down by at most `share` of it; `roll` is in [0, 1)."""
    return wait * (1 + share * (2 * roll - 1))


def grown(asked: int, settings: PollSettings) -> float:
    """Seconds before asking again when `asked` answers have come, without a ceiling but a day."""
    steps = max(asked, 1) - 1
    growth = min(steps * math.log(settings.multiplier), math.log(max(DAY / settings.initial_interval, 1.0)))
    return settings.initial_interval * math.exp(growth)


def next_wait(
    age: float, asked: int, settings: PollSettings, roll: float, setbacks: int = 0, *, restarts: bool = True
) -> float:
    """Seconds before asking again.

    Args:
        age: seconds since the first request.
        asked: answers that have come since.
        roll: chance, in [0, 1).
        setbacks: how often the status went backwards; each doubles the wait.
        restarts: whether asking may start the work anew, as with a package's PUT. Then the wait has no ceiling and
            is never shorter than `AGE_SHARE` of the age, so that one wait becomes longer than the work.
    """
    if not restarts:
        return jittered(min(grown(asked, settings), settings.max_interval), settings.jitter, roll)
    doubled = 2.0 ** min(setbacks, MOST_SETBACKS)
    wait = jittered(grown(asked, settings), settings.jitter, roll)
    return doubled * max(wait, AGE_SHARE * age)


def group_wait(waits: Sequence[float]) -> float:
    """Seconds before the next request for a whole group: until enough of them are due.

    A small group follows its most urgent member; in one of thousands there is always somebody about to end, and
    following that one would ask for all of them all the time.
    """
    return sorted(waits)[len(waits) // WORTH_A_TICK]


def last_look(wait: float, left: float, margin: float) -> float:
    """The wait, shortened so that one request comes `margin` seconds before the deadline instead of after it.

    Args:
        wait: seconds until the next request would be sent.
        left: seconds until the last waiter's deadline.
        margin: seconds that the request may take; with hardly more left than that, there is no further look.
    """
    return left - margin if wait >= left > 2 * margin else wait


@frozen
class Weights:
    """What the two ways of asking were seen to cost; at first, what is likely.

    Attributes:
        rows: rows that the listing brought.
        pages: requests that it took.
        row: bytes of one row.
        whole: bytes of one thing that was got by itself.
    """

    rows: int = 50
    pages: int = 1
    row: int = 600
    whole: int = 3_000


def lists(wanted: int, weights: Weights) -> bool:
    """Whether a listing moves fewer bytes than getting `wanted` things one by one; one thing is always got."""
    request = REQUEST_BYTES if wanted <= A_FEW else CROWD_BYTES
    listing = weights.pages * request + weights.rows * weights.row
    return wanted > 1 and listing < wanted * (request + weights.whole)
