"""Parsing of JSON as the API's services write it, and packing of parsed values into bytes."""

from __future__ import annotations

import json
import marshal
from collections.abc import Callable
from typing import Any

__all__ = ["loads", "pack", "unpack"]

_MAX_DIGITS = 400
"""Digits of a whole number in JSON; longer ones are kept as text, since Python refuses to convert them."""


def loads(text: str | bytes, object_hook: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """Parse JSON; of a repeated name the last value counts.

    NaN and endless numbers, which some services write, become floats that the model's reader sets aside. Whole numbers
    of more than 400 digits are kept as text where Python does not convert them.

    Raises:
        ValueError, RecursionError: it is no JSON, or nested too deeply.
    """
    try:
        return json.loads(text, object_hook=object_hook)
    except ValueError as error:
        if "int" not in str(error) or "digits" not in str(error):  # Python's limit for whole numbers: 4,300 digits
            raise
    return json.loads(text, object_hook=object_hook, parse_int=_long_int)


def _long_int(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MAX_DIGITS else digits


def pack(value: Any) -> bytes:
    """Return a parsed value as bytes, which exist in this process only; raises `ValueError` if nested too deeply."""
    return marshal.dumps(value)


def unpack(packed: bytes) -> Any:
    """Return the value that was packed; a packed value inside it stays packed."""
    return marshal.loads(packed)  # noqa: S302 - our own bytes
