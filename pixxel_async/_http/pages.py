"""Listings: a plain value until it is awaited or iterated."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

from attrs import frozen

from ..errors import ConfigError
from .rules.paging import Cursor

T_co = TypeVar("T_co", covariant=True)

__all__ = ["Page", "Pages"]


@frozen
class Page(Sequence[T_co], Generic[T_co]):
    """The rows of one answer, in the server's order.

    Attributes:
        rows: the rows.
        total: rows of the whole listing, if the answer says so.
        has_more: whether the listing goes on after this page.
    """

    rows: Sequence[T_co]
    total: int | None = None
    has_more: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[T_co]:
        return iter(self.rows)

    @overload
    def __getitem__(self, index: int) -> T_co: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[T_co]: ...

    def __getitem__(self, index: int | slice) -> T_co | Sequence[T_co]:
        return self.rows[index]

    def first(self, count: int) -> Page[T_co]:
        """The page cut to so many rows."""
        if count >= len(self.rows):
            return self
        return Page(self.rows[:count], self.total, has_more=True)


Fetch = Callable[[Cursor, bool], Awaitable[tuple[Page[T_co], Cursor | None]]]
"""Reads one page; with it comes where the next one is, or None at the end.

The second argument: whether each row is taken once and in order, so that a long page need not be held as objects.
"""


class Pages(Generic[T_co]):
    """A listing: `await` it for its first page, iterate it for all rows.

    Nothing is sent before, and each `await` and each loop starts from the first page. Leaving a loop early leaves
    nothing open.
    """

    def __init__(self, fetch: Fetch[T_co], begin: Callable[[], Cursor], most: int | None = None) -> None:
        self._fetch = fetch
        self._begin = begin
        self._most = most

    def __await__(self) -> Generator[Any, None, Page[T_co]]:
        return self._first().__await__()

    def __aiter__(self) -> AsyncIterator[T_co]:
        return _Rows(self.by_page(once=True))

    def __repr__(self) -> str:
        return "Pages(…)" if self._most is None else f"Pages(…, at most {self._most} rows)"

    def by_page(self, *, once: bool = False) -> AsyncIterator[Page[T_co]]:
        """The listing page by page.

        Args:
            once: you take each row once and in order: then those of a long page are made as you take them, and not all
                of them are held.
        """
        return _ByPage(self._fetch, self._begin, self._most, once)

    def take(self, count: int) -> Pages[T_co]:
        """The same listing, ended after so many rows; no page beyond them is read."""
        if count < 0:
            raise ConfigError(f"take() needs a number of rows, not {count}")
        return Pages(self._fetch, self._begin, count if self._most is None else min(count, self._most))

    async def _first(self) -> Page[T_co]:
        async for page in self.by_page():
            return page
        return Page(())


class _ByPage(Generic[T_co]):
    def __init__(self, fetch: Fetch[T_co], begin: Callable[[], Cursor], most: int | None, once: bool) -> None:
        self._fetch = fetch
        self._begin = begin
        self._once = once
        self._cursor: Cursor | None = None
        self._left = float("inf") if most is None else most
        self._begun = False

    def __aiter__(self) -> AsyncIterator[Page[T_co]]:
        return self

    async def __anext__(self) -> Page[T_co]:
        cursor = self._cursor if self._begun else self._begin()
        if cursor is None or self._left <= 0:
            raise StopAsyncIteration
        page, following = await self._fetch(cursor, self._once)
        self._begun, self._cursor = True, following
        if self._left < len(page):
            page = page.first(int(self._left))
        self._left -= len(page)
        return page


class _Rows(Generic[T_co]):
    def __init__(self, pages: AsyncIterator[Page[T_co]]) -> None:
        self._pages = pages
        self._rows: Iterator[T_co] = iter(())

    def __aiter__(self) -> AsyncIterator[T_co]:
        return self

    async def __anext__(self) -> T_co:
        while True:
            for row in self._rows:
                return row
            self._rows = iter(await self._pages.__anext__())
