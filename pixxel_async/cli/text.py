"""Texts and numbers as people read them, harmless to a terminal."""

from __future__ import annotations

import re
from datetime import datetime

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_UNITS = ("kB", "MB", "GB", "TB", "PB")


def printable(text: str) -> str:
    """The text with every control, direction and line character written as an escape.

    A name or a message comes from a server: printed raw, it could move the cursor, recolour or retitle the terminal, or
    fake a line of ours.
    """
    return _UNSAFE.sub(lambda found: ascii(found.group())[1:-1], text)


def size(count: float) -> str:
    """Bytes as people say them, in decimal units: `999 B`, `1.2 MB`."""
    if count < 1000:
        return f"{int(count)} B"
    for unit in _UNITS:
        count /= 1000
        if count < 999.95 or unit == _UNITS[-1]:
            break
    return f"{count:.1f} {unit}"


def seconds(count: float) -> str:
    """Seconds as people say them: `3.2 s`, `4m05s`, `2h03m`."""
    if count < 60:
        return f"{count:.1f} s"
    minutes, rest = divmod(round(count), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    return f"{minutes // 60}h{minutes % 60:02d}m"


def moment(when: datetime) -> str:
    """A time to the second, as ISO 8601 text."""
    return when.isoformat(timespec="seconds").replace("+00:00", "Z")


def many(count: int, thing: str) -> str:
    """`1 package`, `2 packages`."""
    return f"{count:,} {thing}" + ("" if count == 1 else "s")
