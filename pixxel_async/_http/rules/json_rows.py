"""Index of the rows in a long JSON response, so that they can be parsed a few at a time.

Parsed at once, 100,000 rows would take three times the memory of their text, and hold the event loop for seconds. The
index validates the whole text before the first row is parsed, but makes no values of it: a row is matched by a regular
expression for the common shapes of JSON, at about a third of the cost of parsing it; other rows are parsed to find
their end. A member that is decoded lazily (`JsonText`) is cut out of its row here.
"""

from __future__ import annotations

import json
import re
import sys
from codecs import getincrementaldecoder
from collections.abc import Generator, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, overload

from attrs import define, field

from ..codec.json_text import JsonText, loads

BLOCK = 16
"""Rows parsed together: a fraction of a millisecond of work."""
CHUNK = 256 * 1024
"""Characters of text that are searched for rows at a time."""

_MATCHES = sys.version_info >= (3, 11, 5)
"""Whether possessive quantifiers work: earlier versions could accept wrong text (CPython issue 106052)."""
_PLAIN_DEPTH = 2
_LAZY_DEPTH = 3
"""Levels of objects and lists that the patterns match; deeper values are parsed to find their end."""
_NUMBERS_DEPTH = 4
"""Levels of lists around numbers, such as those of a MultiPolygon, beyond these."""

_parser = json.JSONDecoder()
_WS = r"[ \t\n\r]*+"
_PLAIN_TEXT = r'"[^"\\\x00-\x1f]*+"'
_TEXT = r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+"'
_NUMBER = r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+"
_KEYWORD = r"true|false|null|NaN|-?Infinity"
_BLANK = re.compile(r"[ \t\n\r]*")
_MEMBER = re.compile(r'[ \t\n\r]*"([^"\\\x00-\x1f]*)"[ \t\n\r]*:[ \t\n\r]*')
_BETWEEN = re.compile(r"[ \t\n\r]*([,\]])[ \t\n\r]*")


@define
class RowIndex(Sequence[Any]):
    """The rows of a response as text, in blocks.

    Attributes:
        beside: the other members of the response.
        blocks: rows of each block as the text of a JSON list, and the lazy member cut out of each, if they have one.
    """

    beside: dict[str, Any] = field(factory=dict)
    blocks: list[tuple[str, list[str]]] = field(factory=list)
    length: int = 0
    lazy: str = ""

    def __len__(self) -> int:
        return self.length

    def parsed(self) -> Iterator[list[Any]]:
        """Parse block after block."""
        for text, postponed in self.blocks:
            rows: list[Any] = loads(text)
            for row, value in zip(rows, postponed, strict=False):
                if value:
                    row[self.lazy] = JsonText(value)
            yield rows

    @overload
    def __getitem__(self, index: int) -> Any: ...

    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...

    def __getitem__(self, index: int | slice) -> Any:
        """Parse the rows at an index; only the first and the last block are cheap."""
        if index == slice(0, 1) or index == slice(None, 1):
            return next(self.parsed(), [])[:1]
        if index == slice(-1, None):
            return loads(self.blocks[-1][0])[-1:] if self.blocks else []
        return [row for rows in self.parsed() for row in rows][index]


def index_rows(pieces: Sequence[bytes], member: str, lazy: str = "") -> Generator[None, None, RowIndex | None]:
    """Index the rows of a response in small steps; nothing is taken from the result before the last one.

    Args:
        pieces: the body as it came.
        member: name of the list.
        lazy: name of a member of the rows that is left as text; empty for none.

    Returns:
        the index; None unless the response is valid UTF-8 and JSON, and its rows are a list: it must then be parsed as
        a whole.
    """
    if json.detect_encoding(pieces[0][:4]) != "utf-8" or len(pieces[0]) < len("{}"):
        return None
    try:
        return (yield from _Scanner(pieces).index(member, lazy))
    except (ValueError, RecursionError):
        return None


class _Scanner:
    """Text of a response, decoded as it is needed."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._decode = getincrementaldecoder("utf-8")("surrogatepass").decode
        self._text, self._at, self._more = "", 0, True

    def index(self, member: str, lazy: str) -> Generator[None, None, RowIndex | None]:
        """Index the rows; raises `ValueError` for damage."""
        before = self._head(member)
        if before is None:
            return None
        yield
        index = RowIndex(lazy=lazy)
        rows: list[str] = []
        postponed: list[str] = []
        more = not self._text.startswith("]", self._at)
        self._at += not more
        while more:
            row, value, more = self._row(lazy)
            rows.append(row)
            postponed.append(value)
            yield
            if len(rows) == BLOCK or not more:
                index.blocks.append((f"[{','.join(rows)}]", postponed if any(postponed) else []))
                index.length += len(rows)
                rows, postponed = [], []
        while self._grow() and len(self._text) <= CHUNK:
            yield
        index.beside = self._tail(before, member)
        return index

    def _grow(self) -> bool:
        """Decode further text, at least as much as is left, so that a long row is not searched too often."""
        parts = [self._text[self._at :]]
        needed = max(CHUNK, len(parts[0]))
        while self._more and needed > 0:
            piece = next(self._pieces, None)
            self._more = piece is not None
            parts.append(self._decode(piece or b"", not self._more))
            needed -= len(parts[-1])
        self._text, self._at = "".join(parts), 0
        return len(parts) > 1

    def _head(self, member: str) -> dict[str, Any] | None:
        """Read the members before the rows; None if there are no rows where they should be."""
        self._grow()
        before: dict[str, Any] = {}
        opened = _BLANK.match(self._text)
        at = opened.end() if opened else 0
        if not self._text.startswith("{", at):
            return None
        at += 1
        while match := _MEMBER.match(self._text, at):
            at = match.end()
            if match[1] == member:
                if not self._text.startswith("[", at):
                    return None
                between = _BLANK.match(self._text, at + 1)
                self._at = between.end() if between else at + 1
                return before
            before[match[1]], at = _parser.raw_decode(self._text, at)
            between = _BETWEEN.match(self._text, at)
            if between is None or between[1] != ",":
                return None
            at = between.end()
        return None

    def _row(self, lazy: str) -> tuple[str, str, bool]:
        """Return a row without its lazy member, that member, and whether another row follows."""
        while True:
            text, at = self._text, self._at
            if _MATCHES and (match := row_pattern(lazy).match(text, at)):
                self._at = match.end()
                start, end = match.span("lazy") if lazy else (-1, -1)
                if start < 0:
                    return match["row"], "", match["after"] == ","
                return f"{text[at:start]}{{}}{text[end : match.end('row')]}", text[start:end], match["after"] == ","
            try:
                _, end = _parser.raw_decode(text, at)
                between = _BETWEEN.match(text, end)
            except ValueError:
                between = None
            if between is not None:
                self._at = between.end()
                return text[at:end], "", between[1] == ","
            if not self._grow():
                raise ValueError("damaged or cut rows")

    def _tail(self, before: dict[str, Any], member: str) -> dict[str, Any]:
        """Read the members after the rows; raises `ValueError` for damage, or if the rows come twice."""
        tail = self._text[self._at :]
        after = loads(f'{{"{member}":{_MARK}{tail}') if len(tail) <= CHUNK else None
        if not isinstance(after, dict) or after.pop(member, None) != _MARK:
            raise ValueError("two lists of rows, or a long member after them")
        return {**before, **after}


_MARK = 4_171_089_773
"""Stands for the rows while the members after them are parsed."""


@cache
def row_pattern(lazy: str) -> re.Pattern[str]:
    """Return the pattern of one row (`row`), its lazy member (`lazy`), and the text after it (`after`)."""
    if not lazy:
        return re.compile(rf"(?P<row>{_value(_PLAIN_DEPTH)}){_WS}(?P<after>[,\]]){_WS}")
    name = rf'"{re.escape(lazy)}"'
    other = rf"(?!{name}){_PLAIN_TEXT}{_WS}:{_WS}{_value(_LAZY_DEPTH - 1)}{_WS}"  # a name with escapes may be this one
    return re.compile(
        rf"(?P<row>\{{{_WS}(?:{other},{_WS})*+{name}{_WS}:{_WS}(?P<lazy>{_object(_value(_LAZY_DEPTH))}){_WS}"
        rf"(?:,{_WS}{other})*+\}}){_WS}(?P<after>[,\]]){_WS}"
    )


def _value(depth: int) -> str:
    """Return the pattern of a value with so many levels of objects and lists."""
    if depth == 0:
        return rf"(?:{_TEXT}|{_numbers(_NUMBERS_DEPTH)}|{_KEYWORD})"
    inner = _value(depth - 1)
    return rf"(?:{_TEXT}|{_NUMBER}|{_object(inner)}|{_list(inner)}|{_KEYWORD})"


def _numbers(depth: int) -> str:
    return rf"(?:{_NUMBER}|{_list(_numbers(depth - 1))})" if depth else _NUMBER


def _object(value: str) -> str:
    return rf'\{{{_WS}(?:{_TEXT}{_WS}:{_WS}{value}{_WS}(?:,{_WS}(?=")|(?=\}})))*+\}}'


def _list(value: str) -> str:
    return rf"\[{_WS}(?:{value}{_WS}(?:,{_WS}(?!\])|(?=\])))*+\]"
