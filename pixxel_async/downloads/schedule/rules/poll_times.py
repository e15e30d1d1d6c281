"""When one package that was not ready is asked about again."""

from __future__ import annotations

from typing import Protocol

from .packing_time import PackingTimeModel
from .restart_test import RestartTest

__all__ = ["CALM", "FEW", "SHORTEST", "Pollable", "age_to_ask", "next_scout"]

CALM, AGAIN = 0.9, 0.8
"""Odds of being ready that are waited for: at first, and after a look in vain."""
FEW = 0.015
"""Of the age, for each that is still out: the wait among the last few."""
SHORTER = 0.95
"""Of the longest wait: each second one. Whoever is ready after it was packed without a restart."""
GROWTH = 1.6
"""How much longer each other wait is while asking again may restart the packing."""
ALMOST = 0.95
"""Odds that are waited for at a service that restarts: each look in vain costs all of the packing."""
LEAST, MOST = 1.3, 3.0
"""Of the longest wait in vain: the next one there. More would wait too long for what has a long tail."""
FARTHEST = 2.0
"""Of the age: the longest wait elsewhere, however little is known."""
SHORTEST = 0.1
"""Seconds between two looks at what may have become worth asking."""

SCOUTS, CLOSE = 0.02, 0.03
"""Of all packages: scouts until their age is e times what it was; and by how much each is older at least."""


class Pollable(Protocol):
    """A package that was asked for; times are seconds of one clock.

    Attributes:
        restarts: whether asking again may begin its packing anew.
        asked, sent: when the first and the latest request were sent.
        seen: the latest request that found it not ready, at first the same as `asked`.
        gap: the longest wait between two requests that was in vain.
        asks: requests so far.
        until: when it is asked about at the latest.
    """

    asked: float
    sent: float
    seen: float
    gap: float
    asks: int

    @property
    def restarts(self) -> bool: ...

    @property
    def until(self) -> float: ...


def age_to_ask(item: Pollable, delays: PackingTimeModel, restarts: RestartTest, *, first: float, left: int) -> float:
    """The age, in seconds since its first request, at which a package is asked about again.

    Args:
        first: seconds to wait while nothing is known.
        left: packages that are not ready, this one among them.
    """
    age = item.seen - item.asked
    if not delays.known:
        return age + max(age, first)
    likely = min(max(delays.age_of(AGAIN, age) - age, age * FEW), FARTHEST * max(age, first))
    if restarts.steady or not item.restarts:
        return age + max(min(likely, age * FEW * left), SHORTEST)
    if restarts.likely and (item.asks % 2 or item.gap > delays.age_of(0.5)):
        return age + min(max(delays.age_of(ALMOST, item.gap), LEAST * item.gap), MOST * item.gap)
    if item.asks % 2 == 0:
        return age + min(likely, SHORTER * item.gap)
    return age + max(likely, GROWTH * item.gap)


def next_scout(age: float, count: int) -> float:
    """The age at which a package is looked at next while none was found ready.

    Args:
        age: of the one that was looked at last, in seconds.
        count: packages of the whole run.
    """
    return age * (1.0 + max(1.0 / (SCOUTS * count), CLOSE))
