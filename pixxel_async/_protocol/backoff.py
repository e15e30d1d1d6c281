"""Exponential backoff with full jitter."""

from __future__ import annotations

__all__ = ["backoff"]


def backoff(attempt: int, roll: float, *, base: float, cap: float) -> float:
    """Return the seconds to wait before the next attempt: `roll * min(cap, base * 2 ** (attempt - 1))`.

    Full jitter spreads the clients of one outage evenly over the whole interval.

    Args:
        attempt: attempts so far, from 1.
        roll: a random number in [0, 1).
        base, cap: seconds; the first bound, and the largest.
    """
    return roll * min(cap, base * 2.0 ** min(attempt - 1, 60))
