"""Estimate when an object ends, from the progress in its responses."""

from __future__ import annotations

import math


def percent(progress: object) -> float | None:
    """Parse progress as a number from 0 to 100, from a number or a text with or without a % sign; None if it is
    neither.

    Source: the vendor's document has it as text for jobs and as a number elsewhere.
    """
    number = numeric(progress.strip().removesuffix("%") if isinstance(progress, str) else progress)
    return None if number is None else min(max(number, 0.0), 100.0)


def numeric(value: object) -> float | None:
    """Parse a finite number from a number or a text; None if it is neither."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def remaining(progress: object, estimated: object, watched: float) -> float | None:
    """Estimate the seconds until the end; None if the responses hold no figures.

    Args:
        progress: as received.
        estimated: expected duration of the whole work in seconds, as received.
        watched: seconds since its first sighting, a lower bound of its age.
    """
    expected, done = numeric(estimated), percent(progress)
    if expected is None:
        return None
    seconds = expected - watched if done is None else expected * (100 - done) / 100
    return seconds if seconds > 0 else None


def estimated_wait(likely: float, still: float, longest: float) -> float:
    """Return the seconds before the next poll when the end can be estimated.

    Args:
        likely: estimated seconds until the end.
        still: lower bound: the interval grown by responses without news, so that an object stuck shortly before its end
            is not polled all the time.
        longest: upper bound.
    """
    return min(max(likely, still), longest)
