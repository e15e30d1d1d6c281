"""The sandbox's clock: running, or stepped by hand."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

HISTORY = datetime(2025, 3, 3, 6, 30, tzinfo=UTC).timestamp()
"""Start of the seeded history; fixed, so that finished objects look the same in every process."""


class Clock:
    """A clock that counts seconds since 1970.

    Args:
        running: whether the clock runs in real time.
        start: initial time; None for the machine's time, in whole seconds if the clock does not run.
    """

    def __init__(self, *, running: bool = True, start: float | None = None) -> None:
        self.running = running
        now = time.time()
        self._offset = (
            (0.0 if start is None else start - now) if running else (math.floor(now) if start is None else start)
        )

    def now(self) -> float:
        """Return the current time in seconds since 1970."""
        return self._offset + (time.time() if self.running else 0.0)

    def advance(self, seconds: float) -> None:
        """Step forward by that many seconds; back if negative."""
        self._offset += seconds


def at(seconds: float) -> datetime:
    """Convert seconds since 1970 to a datetime in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


@lru_cache(maxsize=8192)
def zulu(seconds: float) -> str:
    """Format a time as `2024-05-27T06:50:20.056549Z`, as orders and jobs do."""
    return at(seconds).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def spaced(seconds: float) -> str:
    """Format a time as `2022-11-14 12:55:49.125928+00:00`, as assets, indices and visualizations do."""
    return at(seconds).strftime("%Y-%m-%d %H:%M:%S.%f+00:00")


def offset(seconds: float) -> str:
    """Format a time as `2022-11-14T12:55:49.125928+00:00`, as AOIs do."""
    return at(seconds).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")


def http_date(seconds: float) -> str:
    """Format a time as an HTTP date."""
    return _http_date(math.floor(seconds))


@lru_cache(maxsize=64)
def _http_date(seconds: int) -> str:
    return format_datetime(at(seconds), usegmt=True)
