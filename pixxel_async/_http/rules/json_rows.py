"""Index of the rows in a long JSON response, so that they can be parsed a block at a time.

Parsed at once, 100,000 rows would take three times the memory of their text.
"""

from __future__ import annotations

import json
import re
from typing import Any

from attrs import frozen

BLOCK = 128
"""Rows parsed together: about a millisecond of work."""

_parser = json.JSONDecoder()
_BLANK = r"[ \t\n\r]*"
_BETWEEN = re.compile(rf"{_BLANK}([,\]]){_BLANK}")


@frozen
class JsonRows:
    """The text of a response, and the position of each block of rows in it.

    Attributes:
        text: the whole response.
        blocks: offsets of the start of each block's first row, and of the end of its last.
        length: number of rows.
    """

    text: str
    blocks: list[tuple[int, int]]
    length: int


def index_rows(body: bytes, member: str) -> JsonRows | None:
    """Index the rows of a response; None unless it is a JSON object whose only member is this list."""
    try:
        text = body.decode(json.detect_encoding(body), "surrogatepass")
        found = re.compile(rf'{_BLANK}\{{{_BLANK}"{re.escape(member)}"{_BLANK}:{_BLANK}\[{_BLANK}').match(text)
        return _index(text, found.end()) if found else None
    except (ValueError, RecursionError):
        return None


def _index(text: str, at: int) -> JsonRows | None:
    blocks: list[tuple[int, int]] = []
    length, more, start = 0, not text.startswith("]", at), at
    if not more:
        at += 1
    while more:
        _, end = _parser.raw_decode(text, at)
        at, more = _next_row(text, end)
        length += 1
        if length % BLOCK == 0 or not more:
            blocks.append((start, end))
            start = at
    return JsonRows(text, blocks, length) if text[at:].strip(" \t\n\r") == "}" else None


def _next_row(text: str, end: int) -> tuple[int, bool]:
    """Return the offset behind a row and its comma or bracket, and whether another row follows."""
    between = _BETWEEN.match(text, end)
    if between is None:
        raise ValueError("rows without a comma")
    return between.end(), between[1] == ","


def parse_block(text: str, start: int, end: int) -> list[Any]:
    """Parse the rows of one block."""
    rows: list[Any] = _parser.decode(f"[{text[start:end]}]")
    return rows
