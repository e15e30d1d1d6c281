"""Readers of single JSON values: a value becomes the announced type, or raises `Misfit`.

The signatures are those of cattrs' hooks; the second argument, the type, is not needed here.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Any

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)", re.ASCII)
_MAX_DIGITS = 400
_FRACTION = re.compile(r"[.,][0-9]{7}", re.ASCII)
"""A time with more digits than microseconds, the resolution of `datetime`."""


class Misfit(Exception):
    """A value is not of the type that its member announces; never leaves the reader."""


class Altered(Exception):
    """A value was read, but is not all that came; the raw value is kept beside it. Never leaves the reader.

    Attributes:
        value: the raw value, such as a number sent as text.
    """

    def __init__(self, value: Any) -> None:
        self.value = value


class ExactTime(dt.datetime):
    """A time that keeps the text it was read from, where that says more or less: nanoseconds, or a bare day.

    Everything computed from it is an ordinary time, without a text.
    """

    text: str = ""


def read_any(value: Any, _: object = None) -> Any:
    """Take any value as it is."""
    return value


def read_text(value: Any, _: object = None) -> str:
    """Read a text; numbers and objects are not converted."""
    if isinstance(value, str):
        return value
    raise Misfit


def read_id(value: Any, _: object = None) -> str:
    """Read an id; some services write ids as whole numbers."""
    if isinstance(value, str):
        return value
    if type(value) is int:
        raise Altered(str(value))
    raise Misfit


def read_flag(value: Any, _: object = None) -> bool:
    """Read true or false; numbers and texts are not converted."""
    if isinstance(value, bool):
        return value
    raise Misfit


def read_number(value: Any, _: object = None) -> float:
    """Read a finite number, or a text that spells one as JSON does; whole numbers stay `int`."""
    number = _to_number(value)
    if isinstance(value, str):
        raise Altered(number)
    return number


def read_numbers(value: Any, _: object = None) -> list[float]:
    """Read a list of numbers; the position of each counts, so that one that does not fit spoils the list."""
    if not isinstance(value, list):
        raise Misfit
    numbers = [each if type(each) is int else _to_number(each) for each in value]
    if numbers != value:
        raise Altered(numbers)
    return numbers


def _to_number(value: Any) -> float:
    if type(value) is int:
        return value
    if type(value) is float and math.isfinite(value):
        return value
    if isinstance(value, str) and len(value) <= _MAX_DIGITS and (spelt := _NUMBER.fullmatch(value)):
        return int(value) if spelt.lastindex is None else _to_number(float(value))
    raise Misfit


def read_whole(value: Any, _: object = None) -> int:
    """Read a whole number, or a text that spells one; 12.0 is one, 12.5 and true are none."""
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    if isinstance(value, str) and len(value) <= _MAX_DIGITS and _WHOLE.fullmatch(value):
        raise Altered(int(value))
    raise Misfit


def read_time(value: Any, _: object = None) -> dt.datetime | None:
    """Read a time with its zone; naive ones are UTC. The empty text and Go's zero time (year 1) mean None.

    Accepts what `datetime.fromisoformat` does: `T` or a blank, `Z` or an offset, nine digits (cut to six), a bare day.
    Digits alone are no time: seconds or milliseconds since 1970 would be read as a year.
    """
    if not isinstance(value, str):
        raise Misfit
    if not value:
        return None
    if value.isdigit():
        raise Misfit
    moment = dt.datetime.fromisoformat(value)
    if moment.year == 1:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    if value[13:14] == ":" and not value[26:27].isdigit():  # the usual form, with six digits after the point at most
        return moment
    if len(value) > 10 and not _FRACTION.search(value):
        return moment
    exact = ExactTime.fromisoformat(value)
    exact = exact if exact.tzinfo else exact.replace(tzinfo=dt.UTC)
    exact.text = value
    return exact


def write_time(value: dt.datetime) -> str:
    """Return RFC 3339 text, with `Z` for UTC; naive times are UTC, and an `ExactTime` is the text it came as."""
    if isinstance(value, ExactTime) and value.text:
        return value.text
    moment = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
    return moment.isoformat().replace("+00:00", "Z")
