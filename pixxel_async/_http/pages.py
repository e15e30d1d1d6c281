"""Listings: a description until awaited (first page) or iterated (all rows)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, TypeVar, overload

from attrs import frozen

from .._aio.steps import STEP
from .._hints import Hinting
from .._html import MAX_REPR, MAX_ROWS, footprints, html_table, short_repr
from ..errors import ConfigError, PixxelError

if TYPE_CHECKING:
    from .rules.paging import Cursor

T_co = TypeVar("T_co", covariant=True)

__all__ = ["Page", "Pages"]

MAX_COLUMNS = 10
"""Columns of a page in a notebook."""


@frozen(repr=False)
class Page(Hinting, Sequence[T_co], Generic[T_co]):
    """The rows of one answer, in the server's order.

    A listing may have more: see `has_more`; `async for row in client.….list()` reads all rows.

    Attributes:
        rows: the rows.
        total: rows of the whole listing, if announced.
        has_more: whether the listing continues after this page, or may continue if no total is announced.
    """

    _instead: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("data", "features", "items", "results"), "a page is a sequence of rows: `for row in page`"),
        **dict.fromkeys(("next", "next_page"), "`async for row in client.….list(…)` reads all pages"),
    }

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

    def __repr__(self) -> str:
        rows = f"{len(self)} rows" if self.total is None else f"{len(self)} of {self.total} rows"
        more = ", has_more=True: use `async for` to read all" if self.has_more else ""
        start = f"Page({rows}{more}: ["
        rows_shown = [short_repr(type(row).__name__, _shown_members(row)) for row in self.rows[:3]]
        while rows_shown and len(start) + len(", ".join(rows_shown)) > MAX_REPR - len(", …])"):
            rows_shown.pop()
        cut = ", …" if rows_shown and len(self) > len(rows_shown) else "…" if len(self) > len(rows_shown) else ""
        return f"{start}{', '.join(rows_shown)}{cut}])"

    def _repr_html_(self) -> str:
        """Return a table of the first rows for notebooks, and a map of their geometries."""
        rows = list(self.rows[:MAX_ROWS])
        members = [dict(row._members()) if hasattr(row, "_members") else {"": row} for row in rows]
        names = list(dict.fromkeys(name for each in members for name, value in each.items() if _is_plain(value)))
        title = f"{len(self)} rows" if self.total is None else f"{len(self)} of {self.total} rows"
        cut = f"the first {MAX_ROWS} of this page" if len(self) > MAX_ROWS else ""
        shapes = [value for each in members for value in each.values() if hasattr(value, "__geo_interface__")]
        table = html_table(
            title, names[:MAX_COLUMNS], ([each.get(n) for n in names[:MAX_COLUMNS]] for each in members), cut
        )
        return footprints(rows if rows and hasattr(rows[0], "__geo_interface__") else shapes) + table

    def first(self, count: int) -> Page[T_co]:
        """Return the page cut to `count` rows."""
        if count >= len(self.rows):
            return self
        return Page(self.rows[:count], self.total, has_more=True)


def _shown_members(row: Any) -> list[tuple[str, Any]]:
    """Return id and status, or the first two members, of a row."""
    return row._members()[:2] if hasattr(row, "_members") else [("", row)]


def _is_plain(value: Any) -> bool:
    return not isinstance(value, list | dict) and not hasattr(value, "_members")


Fetch = Callable[["Cursor", bool], Awaitable[tuple[Page[T_co], "Cursor | None", PixxelError | None]]]
"""Reads one page. Returns it with the cursor of the next one (None at the end) and an error to raise after the rows.

The second argument: whether each row is taken once and in order, so that a long page need not be held as objects.
"""


class Pages(Generic[T_co]):
    """A listing: `async for row in pages` reads all rows, `pages.take(n)` the first n, `await pages` the first page.

    Nothing is sent before, and each `await` and each loop starts from the first page. Leaving a loop early leaves
    nothing open. Iteration raises `IncompleteListing` after the last row if fewer came than the service announced.
    """

    def __init__(self, fetch: Fetch[T_co], begin: Callable[[], Cursor], most: int | None = None) -> None:
        self._fetch = fetch
        self._begin = begin
        self._most = most

    def __await__(self) -> Generator[Any, None, Page[T_co]]:
        return self._first_page().__await__()

    def __aiter__(self) -> AsyncIterator[T_co]:
        return _Rows(self.by_page(once=True))

    def __repr__(self) -> str:
        most = "" if self._most is None else f", at most {self._most} rows"
        return f"Pages(not read yet{most}: `async for row in …` reads all rows, `await …` the first page)"

    def __iter__(self) -> NoReturn:
        raise TypeError("a listing is read by `async for row in …`; `for` needs `await …` first, which is one page")

    def __getitem__(self, index: object) -> NoReturn:
        raise TypeError("a listing has no rows yet: write `(await …)[0]`, or `async for row in …`")

    def __len__(self) -> NoReturn:
        raise TypeError("a listing has no length yet: write `len(await …)` for its first page, or count in `async for`")

    def __bool__(self) -> bool:
        return True

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            hint = f": write `(await …).{name}`" if name in ("rows", "total", "has_more", "first") else ""
            raise AttributeError(f"a listing that is not read yet has no {name!r}{hint}")

    async def __aenter__(self) -> NoReturn:
        raise TypeError("a listing is not a context manager: write `async for row in …`")

    async def __aexit__(self, *_: object) -> None:
        """Never reached."""

    def by_page(self, *, once: bool = False) -> AsyncIterator[Page[T_co]]:
        """Iterate over the pages of the listing.

        Args:
            once: each row is taken once and in order: those of a long page are then decoded as they are taken, and
                not all of them are held.
        """
        return _ByPage(self._fetch, self._begin, self._most, once)

    def take(self, count: int) -> Pages[T_co]:
        """Return the listing limited to `count` rows; no page beyond them is read."""
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ConfigError(f"take() needs a number of rows, not {count!r}")
        return Pages(self._fetch, self._begin, count if self._most is None else min(count, self._most))

    async def _first_page(self) -> Page[T_co]:
        async for page in self.by_page():
            return page
        return Page(())


class _ByPage(Generic[T_co]):
    def __init__(self, fetch: Fetch[T_co], begin: Callable[[], Cursor], most: int | None, once: bool) -> None:
        self._fetch = fetch
        self._begin = begin
        self._once = once
        self._cursor: Cursor | None = None
        self._error: PixxelError | None = None
        self._left = float("inf") if most is None else most
        self._started = False

    def __aiter__(self) -> AsyncIterator[Page[T_co]]:
        return self

    async def __anext__(self) -> Page[T_co]:
        cursor = self._cursor if self._started else self._begin()
        if self._left <= 0:
            raise StopAsyncIteration
        if cursor is None:
            error, self._error = self._error, None
            raise StopAsyncIteration if error is None else error
        page, following, error = await self._fetch(cursor, self._once)
        self._started, self._cursor, self._error = True, following, error
        if self._left < len(page):
            page = page.first(int(self._left))
        self._left -= len(page)
        return page


class _Rows(Generic[T_co]):
    """Rows of all pages; a long page yields to the event loop every millisecond."""

    def __init__(self, pages: AsyncIterator[Page[T_co]]) -> None:
        self._pages = pages
        self._rows: Iterator[T_co] = iter(())
        self._since = time.perf_counter()

    def __aiter__(self) -> AsyncIterator[T_co]:
        return self

    async def __anext__(self) -> T_co:
        if time.perf_counter() - self._since > STEP:
            await asyncio.sleep(0)
            self._since = time.perf_counter()
        while True:
            for row in self._rows:
                return row
            self._rows = iter(await self._pages.__anext__())
            self._since = time.perf_counter()
