"""A long answer that is one list of rows, read from its text some rows at a time.

As objects the rows would take three times the room of their text, and there may be a hundred thousand of them.
"""

from __future__ import annotations

import json
import re
from typing import Any

from attrs import frozen

from .reply import no_number

BLOCK = 128
"""Rows that are read together: a millisecond or so."""

_decode = json.JSONDecoder(parse_constant=no_number).raw_decode
_BLANK = r"[ \t\n\r]*"
_BETWEEN = re.compile(rf"{_BLANK}([,\]]){_BLANK}")


@frozen
class Scroll:
    """The text of an answer, and where in it each block of rows begins.

    Attributes:
        text: the whole answer.
        starts: offset of the first row of each block.
        length: rows in all.
    """

    text: str
    starts: list[int]
    length: int


def scroll(body: bytes, member: str) -> Scroll | None:
    """Look through an answer; None when it is anything but a JSON object with a list under this name, and no more."""
    try:
        text = body.decode(json.detect_encoding(body), "surrogatepass")
        found = re.compile(rf'{_BLANK}\{{{_BLANK}"{re.escape(member)}"{_BLANK}:{_BLANK}\[{_BLANK}').match(text)
        return _looked_through(text, found.end()) if found else None
    except (ValueError, RecursionError):
        return None


def _looked_through(text: str, at: int) -> Scroll | None:
    starts: list[int] = []
    length, more = 0, not text.startswith("]", at)
    if not more:
        at += 1
    while more:
        if length % BLOCK == 0:
            starts.append(at)
        at, more = _after(text, _decode(text, at)[1])
        length += 1
    return Scroll(text, starts, length) if text[at:].strip(" \t\n\r") == "}" else None


def _after(text: str, end: int) -> tuple[int, bool]:
    """Where it goes on behind a row, and whether another row comes there."""
    between = _BETWEEN.match(text, end)
    if between is None:
        raise ValueError("rows without a comma")
    return between.end(), between[1] == ","


def block(text: str, start: int) -> list[Any]:
    """The rows of one block of a text that was looked through."""
    rows: list[Any] = []
    more = True
    while more and len(rows) < BLOCK:
        row, end = _decode(text, start)
        rows.append(row)
        start, more = _after(text, end)
    return rows
