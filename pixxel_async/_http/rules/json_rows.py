"""Index of the rows in a long JSON response, so that they become objects a few at a time.

Held as parsed values, 100,000 rows would take three times the memory of their text. The index parses row after row,
which validates the whole text before the first row is taken, and keeps each as packed bytes, which take as much memory
as the text and are unpacked in less than half the time of parsing it. A member that is decoded lazily stays packed.
"""

from __future__ import annotations

import json
import re
from codecs import getincrementaldecoder
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any, overload

from attrs import define, field

from ..codec.json_text import loads, pack, unpack

BLOCK = 16
"""Rows unpacked together: a fraction of a millisecond of work."""
CHUNK = 256 * 1024
"""Characters of text that are searched for rows at a time."""

_parser = json.JSONDecoder()
_BLANK = re.compile(r"[ \t\n\r]*")
_MEMBER = re.compile(r'[ \t\n\r]*"([^"\\\x00-\x1f]*)"[ \t\n\r]*:[ \t\n\r]*')
_BETWEEN = re.compile(r"[ \t\n\r]*([,\]])[ \t\n\r]*")


@define
class RowIndex(Sequence[Any]):
    """The rows of a response, packed.

    Attributes:
        beside: the other members of the response.
        packed: bytes of each row.
    """

    beside: dict[str, Any] = field(factory=dict)
    packed: list[bytes] = field(factory=list)

    def __len__(self) -> int:
        return len(self.packed)

    def blocks(self) -> Iterator[list[Any]]:
        """Unpack block after block."""
        for start in range(0, len(self.packed), BLOCK):
            yield [unpack(row) for row in self.packed[start : start + BLOCK]]

    @overload
    def __getitem__(self, index: int) -> Any: ...

    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...

    def __getitem__(self, index: int | slice) -> Any:
        """Unpack the rows at an index."""
        packed = self.packed[index]
        return unpack(packed) if isinstance(packed, bytes) else [unpack(row) for row in packed]


def index_rows(pieces: Sequence[bytes], member: str, lazy: str = "") -> Generator[None, None, RowIndex | None]:
    """Index the rows of a response in small steps; nothing is taken from the result before the last one.

    Args:
        pieces: the body as it came.
        member: name of the list.
        lazy: name of a member of the rows that stays packed if it is an object; empty for none.

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
        index = RowIndex()
        more = not self._text.startswith("]", self._at)
        self._at += not more
        while more:
            row, more = self._row()
            if lazy and isinstance(row, dict) and isinstance(row.get(lazy), dict):
                row[lazy] = pack(row[lazy])
            index.packed.append(pack(row))
            yield
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

    def _row(self) -> tuple[Any, bool]:
        """Parse a row; return it, and whether another one follows."""
        while True:
            try:
                row, end = _parser.raw_decode(self._text, self._at)
                between = _BETWEEN.match(self._text, end)
            except ValueError:
                between = None
            if between is not None:
                self._at = between.end()
                return row, between[1] == ","
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
