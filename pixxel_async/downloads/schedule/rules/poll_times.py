"""Age at which one pending package is polled again."""

from __future__ import annotations

from typing import Protocol

from .packing_time import PackingTimeModel
from .restart_test import RestartTest

__all__ = ["CALM", "FEW", "SHORTEST", "Pollable", "next_scout", "poll_age"]

CALM, AGAIN = 0.9, 0.8
"""Probability of being ready that is waited for: before the first poll, and after one in vain."""
FEW = 0.015
"""Among the last k packages the wait is at most 0.015 x age x k: a delay of at most 1.5 % each."""
SHORTER = 0.95
"""Every second wait is at most 0.95 x the longest one in vain: ready after it proves that nothing restarts."""
GROWTH = 1.6
"""Every other wait is at least 1.6 x the longest one in vain, while polling may restart the packing."""
ALMOST = 0.95
"""Probability that is waited for at a service that restarts, where each poll in vain costs the whole packing."""
LEAST, MOST = 1.3, 3.0
"""Next wait at such a service, in terms of the longest one in vain; the upper bound cuts long tails."""
FARTHEST = 2.0
"""Longest wait elsewhere, in terms of the age, however little is known."""
SHORTEST = 0.1
"""Seconds between two polls of one package at least."""
SCOUTS, CLOSE = 0.02, 0.03
"""Scouts: 2 % of all packages while the age grows e-fold, each at least 3 % older than the last."""


class Pollable(Protocol):
    """A requested package; times are seconds of one clock.

    Attributes:
        restarts: whether a repeated request may restart its packing.
        asked_at, sent_at: when the first and the latest request were sent.
        pending_at: the latest request that found it pending, at first the same as `asked_at`.
        gap: the longest wait between two requests that was in vain.
        asks: requests so far.
        until: when it is polled at the latest.
    """

    asked_at: float
    sent_at: float
    pending_at: float
    gap: float
    asks: int

    @property
    def restarts(self) -> bool: ...

    @property
    def until(self) -> float: ...


def poll_age(item: Pollable, model: PackingTimeModel, restarts: RestartTest, *, first: float, remaining: int) -> float:
    """Return the age, in seconds since its first request, at which a package is polled again.

    Args:
        first: seconds to wait while nothing is known.
        remaining: packages that are pending, this one included.
    """
    age = item.pending_at - item.asked_at
    # Case 1: no package was found ready yet: exponential backoff.
    if not model.known:
        return age + max(age, first)
    likely = min(max(model.quantile(AGAIN, age) - age, age * FEW), FARTHEST * max(age, first))
    # Case 2: polling is harmless: at the quantile, sooner among the last few.
    if restarts.steady or not item.restarts:
        return age + max(min(likely, age * FEW * remaining), SHORTEST)
    # Case 3: polling seems to restart the packing: each wait is a fresh trial, so waits grow.
    if restarts.likely and (item.asks % 2 or item.gap > model.quantile(0.5)):
        return age + min(max(model.quantile(ALMOST, item.gap), LEAST * item.gap), MOST * item.gap)
    # Case 4: undecided: a short wait that can prove steadiness, then a longer one that succeeds either way.
    if item.asks % 2 == 0:
        return age + min(likely, SHORTER * item.gap)
    return age + max(likely, GROWTH * item.gap)


def next_scout(age: float, count: int) -> float:
    """Return the age in seconds of the next package polled while none was found ready: age (1 + max(1/(0.02 n), 0.03)).

    Args:
        age: age of the one polled last.
        count: packages n of the whole run.
    """
    return age * (1.0 + max(1.0 / (SCOUTS * count), CLOSE))
