"""How single values of an answer are read: what fits becomes the announced type, everything else is a `Misfit`.

The signatures are those of cattrs' hooks; the second argument, the type, is not needed here.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Any

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_MOST_DIGITS = 400


class Misfit(Exception):
    """A value is not of the type that its member announces; never leaves the reader."""


def read_text(value: Any, _: object = None) -> str:
    """A text; numbers and objects are not turned into one."""
    if isinstance(value, str):
        return value
    raise Misfit


def read_flag(value: Any, _: object = None) -> bool:
    """True or false, and nothing that merely looks like it."""
    if isinstance(value, bool):
        return value
    raise Misfit


def read_number(value: Any, _: object = None) -> float:
    """A finite number, or a text that spells one as JSON would; whole numbers stay whole."""
    if type(value) is int:
        return value
    if type(value) is float and math.isfinite(value):
        return value
    if isinstance(value, str) and len(value) <= _MOST_DIGITS and (spelt := _NUMBER.fullmatch(value)):
        return read_number(int(value) if spelt[2] is spelt[3] is None else float(value))
    raise Misfit


def read_whole(value: Any, _: object = None) -> int:
    """A whole number; 12.0 is one, 12.5 and true are none."""
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    raise Misfit


def read_time(value: Any, _: object = None) -> dt.datetime | None:
    """A moment with its time zone; naive ones are UTC, the empty text and Go's zero time (year 1) mean none.

    Understands what `datetime.fromisoformat` does: `T` or a blank, `Z` or an offset, nine digits (cut to six), a date.
    """
    if not isinstance(value, str):
        raise Misfit
    if not value:
        return None
    moment = dt.datetime.fromisoformat(value)
    if moment.year == 1:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def write_time(value: dt.datetime) -> str:
    """RFC 3339, `Z` for UTC; a naive time is taken as UTC."""
    moment = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
    return moment.isoformat().replace("+00:00", "Z")
