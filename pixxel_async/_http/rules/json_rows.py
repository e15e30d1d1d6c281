"""A long answer that is one list of rows, read from its text some rows at a time.

As objects the rows would take three times the room of their text, and there may be a hundred thousand of them.
"""

from __future__ import annotations

import json
import re
from typing import Any

from attrs import frozen

from ..reply import no_number

BLOCK = 128
"""Rows that are read together: a millisecond or so."""

_parser = json.JSONDecoder(parse_constant=no_number)
_BLANK = r"[ \t\n\r]*"
_BETWEEN = re.compile(rf"{_BLANK}([,\]]){_BLANK}")


@frozen
class JsonRows:
    """The text of an answer, and where in it each block of rows is.

    Attributes:
        text: the whole answer.
        blocks: where the first row of each block begins, and where its last row ends.
        length: rows in all.
    """

    text: str
    blocks: list[tuple[int, int]]
    length: int


def scroll(body: bytes, member: str) -> JsonRows | None:
    """Look through an answer; None when it is anything but a JSON object with a list under this name, and no more."""
    try:
        text = body.decode(json.detect_encoding(body), "surrogatepass")
        found = re.compile(rf'{_BLANK}\{{{_BLANK}"{re.escape(member)}"{_BLANK}:{_BLANK}\[{_BLANK}').match(text)
        return _looked_through(text, found.end()) if found else None
    except (ValueError, RecursionError):
        return None


def _looked_through(text: str, at: int) -> JsonRows | None:
    blocks: list[tuple[int, int]] = []
    length, more, start = 0, not text.startswith("]", at), at
    if not more:
        at += 1
    while more:
        _, end = _parser.raw_decode(text, at)
        at, more = _after(text, end)
        length += 1
        if length % BLOCK == 0 or not more:
            blocks.append((start, end))
            start = at
    return JsonRows(text, blocks, length) if text[at:].strip(" \t\n\r") == "}" else None


def _after(text: str, end: int) -> tuple[int, bool]:
    """Where it goes on behind a row, and whether another row comes there."""
    between = _BETWEEN.match(text, end)
    if between is None:
        raise ValueError("rows without a comma")
    return between.end(), between[1] == ","


def block(text: str, start: int, end: int) -> list[Any]:
    """The rows of one block of a text that was looked through."""
    rows: list[Any] = _parser.decode(f"[{text[start:end]}]")
    return rows
