"""Format texts, sizes, durations and times for people; escape control characters."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from difflib import get_close_matches
from unicodedata import combining, east_asian_width

from .._redact import printable

__all__ = [
    "did_you_mean",
    "display_width",
    "format_count",
    "format_seconds",
    "format_size",
    "format_time",
    "printable",
    "shorten",
]

_UNITS = ("kB", "MB", "GB", "TB", "PB")


def format_size(count: float) -> str:
    """Format a number of bytes in decimal units: `999 B`, `1.2 MB`."""
    if count < 1000:
        return f"{int(count)} B"
    for unit in _UNITS:
        count /= 1000
        if count < 999.95 or unit == _UNITS[-1]:
            break
    return f"{count:.1f} {unit}"


def format_seconds(count: float) -> str:
    """Format a duration in seconds: `3.2 s`, `4m05s`, `2h03m`."""
    if count < 60:
        return f"{count:.1f} s"
    minutes, rest = divmod(round(count), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    return f"{minutes // 60}h{minutes % 60:02d}m"


def format_time(when: datetime) -> str:
    """Format a time as ISO 8601 to the second, UTC as `Z`."""
    return when.isoformat(timespec="seconds").replace("+00:00", "Z")


def format_count(count: int, noun: str) -> str:
    """Format a count with its noun: `1 package`, `2 packages`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def did_you_mean(text: str, words: Iterable[str]) -> str:
    """Format the most similar known words as `; did you mean X or Y?`; empty if none is similar."""
    by_lower = {word.lower(): word for word in words if word}
    close = [by_lower[each] for each in get_close_matches(text.lower(), by_lower, n=2)]
    return f"; did you mean {' or '.join(map(printable, close))}?" if close else ""


def display_width(text: str) -> int:
    """Return the cells that a text takes on a terminal: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def shorten(text: str, width: int) -> str:
    """Replace the middle of a text by an ellipsis, so that it takes at most `width` cells; ids differ at their ends."""
    if display_width(text) <= width:
        return text
    head = (width - 1) - (width - 1) // 2
    tail = (width - 1) // 2
    while display_width(short := text[:head] + "…" + text[len(text) - tail :]) > width and head + tail:
        head, tail = (head - 1, tail) if head >= tail else (head, tail - 1)
    return short
