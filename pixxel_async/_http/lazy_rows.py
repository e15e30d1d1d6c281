"""Rows of a long response, decoded as they are taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar, overload

from .rules.json_rows import RowIndex

T = TypeVar("T")


class LazyRows(Sequence[T]):
    """Rows decoded lazily; each iteration decodes them again, so iterate once.

    Args:
        source: the packed rows.
        read: decodes rows of parsed JSON.
    """

    def __init__(self, source: RowIndex, read: Callable[[list[Any]], list[T]]) -> None:
        self._source = source
        self._read = read

    def __len__(self) -> int:
        return len(self._source)

    def __iter__(self) -> Iterator[T]:
        for rows in self._source.blocks():
            yield from self._read(rows)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...

    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice) and index.start is index.step is None:
            return list(islice(self, *slice(index.stop).indices(len(self))))
        return list(self)[index]
