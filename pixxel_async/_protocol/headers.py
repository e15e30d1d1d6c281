"""HTTP headers that hold a time: Retry-After and Date."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

__all__ = ["http_date", "retry_after"]

_SECONDS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Read the Retry-After header as seconds from now; None if it is missing or unreadable, 0 if it is past.

    Args:
        headers: of the response, names in lower case.
        now: seconds since 1970; compared with a date in the header when the response has no Date of its own.
    """
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    until = http_date(text)
    if until is None:
        return None
    date = http_date(headers.get("date"))
    return max(0.0, until.timestamp() - (now if date is None else date.timestamp()))


def http_date(text: str | None) -> dt.datetime | None:
    """Read an HTTP date in any of its three forms (RFC 9110, section 5.6.7); None if it is none."""
    if not text:
        return None
    try:
        read = parsedate_to_datetime(text)
        date = read if read.tzinfo is not None else read.replace(tzinfo=dt.UTC)
        date.timestamp()  # a date that no clock can show overflows here
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date
