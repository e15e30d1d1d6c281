"""Giving up: which failures count against a package, and how often.

Rule 1: only the API counts, and only in its own error form about this one package. Whatever a gateway, a proxy, a
    portal page or a storage says may be an outage, and an outage gives no package up.
Rule 2: a package is counted once in `DAY` seconds, however many runs fail in it.
"""

from __future__ import annotations

from ...errors import APIError, KeyRefused, PackageFailed, PixxelError, UnexpectedRedirect

__all__ = ["DAY", "counts_against", "counts_today"]

DAY = 20 * 3600.0
"""Seconds between two failures that count; chosen below 24 h, so that a nightly run may start a little earlier."""


def counts_against(error: PixxelError) -> bool:
    """Return whether a failure is the API's own word about this package, which another run will not change."""
    if isinstance(error, APIError):
        about_all = isinstance(error, KeyRefused | UnexpectedRedirect)
        return error.from_api and not error.retryable and not about_all
    return isinstance(error, PackageFailed)


def counts_today(counted_at: float | None, now: float) -> bool:
    """Return whether a failure at `now` counts in addition to the last one.

    Args:
        counted_at: when the last one was counted, in seconds since 1970; a time to come counts as none.
        now: seconds since 1970.
    """
    return counted_at is None or not 0 <= now - counted_at < DAY
