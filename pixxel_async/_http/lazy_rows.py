"""The rows of a long answer, made objects as they are taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar, overload

from .rules.json_rows import JsonRows, block

T = TypeVar("T")


class LazyRows(Sequence[T]):
    """Each pass over it makes the rows anew, so it is for who takes each of them once.

    Args:
        scroll: the answer.
        read: makes rows of parsed JSON.
    """

    def __init__(self, scroll: JsonRows, read: Callable[[list[Any]], list[T]]) -> None:
        self._scroll = scroll
        self._read = read

    def __len__(self) -> int:
        return self._scroll.length

    def __iter__(self) -> Iterator[T]:
        for start, end in self._scroll.blocks:
            yield from self._read(block(self._scroll.text, start, end))

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...

    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice) and index.start is index.step is None:
            return list(islice(self, *slice(index.stop).indices(len(self))))
        return list(self)[index]
