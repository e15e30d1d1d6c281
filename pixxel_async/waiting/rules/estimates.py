"""When a thing is likely to end, by what its answers say."""

from __future__ import annotations

import math


def percent(progress: object) -> float | None:
    """Progress as a number from 0 to 100, from a number or a text with or without a % sign; None if it is neither.

    Source: the vendor's document has it as text for jobs and as a number elsewhere.
    """
    number = numeric(progress.strip().removesuffix("%") if isinstance(progress, str) else progress)
    return None if number is None else min(max(number, 0.0), 100.0)


def numeric(value: object) -> float | None:
    """A finite number, from a number or a text; None if it is neither."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def remaining(progress: object, estimated: object, watched: float) -> float | None:
    """Seconds until the likely end; None when the answers do not tell.

    Args:
        progress: as it came.
        estimated: seconds that the whole work is expected to take, as it came.
        watched: seconds that we have seen it going; it has lasted at least as long.
    """
    whole, done = numeric(estimated), percent(progress)
    if whole is None:
        return None
    left = whole - watched if done is None else whole * (100 - done) / 100
    return left if left > 0 else None


def estimated_wait(likely: float, still: float, longest: float) -> float:
    """Seconds before asking again when the likely end is known.

    Args:
        likely: seconds until the likely end.
        still: the floor: the wait that has grown with the answers that brought no news, so that a thing stuck
            shortly before its end is not asked about all the time.
        longest: the ceiling.
    """
    return min(max(likely, still), longest)
