"""Read any iterable of packages in chunks that never wait for a row which is not there yet."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from operator import length_hint
from typing import Any, Generic, TypeVar

from ...errors import ConfigError
from ...packages.kinds.package_like import INSTEAD

T = TypeVar("T")

__all__ = ["InPages", "PackageSource"]

GATHER_TIME = 0.05
"""Seconds that a non-empty chunk waits for more rows; chosen."""
YIELD_EVERY = 64
"""Rows after which the event loop gets its turn, also if the source never waits; chosen."""


class InPages(AsyncIterable[T], Generic[T]):
    """Rows that come in pages, as a listing's do; `PackageSource` waits once for a page, not for each of its rows.

    Args:
        pages: each is gone through once, and before the next one is asked for.
    """

    def __init__(self, pages: AsyncIterator[Iterable[T]]) -> None:
        self._pages = pages

    def by_page(self, *, once: bool = True) -> AsyncIterator[Iterable[T]]:
        """Return the pages."""
        return self._pages

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self._pages:
            for row in page:
                yield row


class PackageSource:
    """Reader of a source; `take` after the end returns nothing.

    A source with `by_page` is read up to the page that is being taken; any other async source is read by a task, no
    further than `take` asks for.
    """

    def __init__(self, source: Iterable[object] | AsyncIterable[object]) -> None:
        self._rows: AsyncIterator[object] | None = None
        self._pages: AsyncIterator[Iterable[object]] | None = None
        self._plain: Iterator[object] = iter(())
        self._reading: asyncio.Task[None] | None = None
        self._torn: Exception | None = None
        self._read: list[object] = []
        self._rows_wanted = self._rows_taken = 0
        self._go, self._row_read = asyncio.Event(), asyncio.Event()
        by_page: Any = getattr(source, "by_page", None)
        self._source: object
        if by_page is not None:
            self._source = self._pages = by_page(once=True)
        elif isinstance(source, AsyncIterable) and not isinstance(source, Sequence):  # an awaited page is a sequence
            self._source = self._rows = aiter(source)
        elif isinstance(source, Iterable) and not isinstance(source, str | bytes):
            self._source = self._plain = iter(source)
        else:
            raise ConfigError(_not_a_source(source))

    def to_come(self) -> int:
        """Estimate the rows to come; a source of unknown length counts as half read."""
        return length_hint(self._source, self._rows_taken)

    @property
    def left(self) -> int | None:
        """The rows still to come; None if unknown."""
        hint = length_hint(self._source, -1)
        return None if hint < 0 else hint

    async def take(self, most: int) -> list[object]:
        """Return the next rows that come without a wait; at least one unless the source is at its end.

        An exception of the source is raised once the rows before it were taken.
        """
        rows = await (self._as_they_come(self._rows, most) if self._rows is not None else self._at_hand(most))
        self._rows_taken += len(rows)
        return rows

    async def _at_hand(self, most: int) -> list[object]:
        """Return the next rows of a plain iterable: the source itself, or one page of it."""
        rows = self._read_some(min(most, YIELD_EVERY))
        while not rows and await self._turn_page():
            rows = self._read_some(min(most, YIELD_EVERY))
        while len(rows) < most and (more := self._read_some(min(most - len(rows), YIELD_EVERY))):
            rows += more
            await asyncio.sleep(0)
        return rows

    def _read_some(self, most: int) -> list[object]:
        rows: list[object] = []
        if self._torn is None:
            try:
                rows.extend(islice(self._plain, most))
            except Exception as error:
                self._torn = error
        return rows

    async def _turn_page(self) -> bool:
        """Turn to the next page and return whether there is one; raise the error of the previous one."""
        if self._torn is not None:
            raise self._torn
        page = None if self._pages is None else await anext(self._pages, None)
        self._plain = iter(page or ())
        return page is not None

    async def _as_they_come(self, rows: AsyncIterator[object], most: int) -> list[object]:
        if self._reading is None:
            self._reading = asyncio.create_task(self._run(rows), name="pixxel rows")
        self._rows_wanted = most
        self._go.set()
        await self._wait_for_rows(1, self._reading)
        with suppress(TimeoutError):
            async with asyncio.timeout(GATHER_TIME):
                await self._wait_for_rows(most, self._reading)
        self._rows_wanted = 0
        chunk, self._read = self._read[:most], self._read[most:]
        if not chunk:
            self._reading.result()
        return chunk

    async def _run(self, rows: AsyncIterator[object]) -> None:
        """Read row by row, and rest when enough are at hand."""
        try:
            async for row in rows:
                self._read.append(row)
                self._row_read.set()
                while len(self._read) >= self._rows_wanted:
                    self._go.clear()
                    await self._go.wait()
                if not len(self._read) % YIELD_EVERY:
                    await asyncio.sleep(0)
        finally:
            self._row_read.set()

    async def _wait_for_rows(self, count: int, reading: asyncio.Task[None]) -> None:
        """Wait until that many rows are here, or the source has ended."""
        while len(self._read) < count and not reading.done():
            self._row_read.clear()
            await self._row_read.wait()

    async def aclose(self) -> None:
        """Close the source."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
            if not self._reading.cancelled():
                self._reading.exception()
        closing: Any = getattr(self._source, "aclose", None)
        if closing is not None:
            await closing()


def _not_a_source(value: Any) -> str:
    """Return the advice for a value that is not an iterable of packages."""
    listing = "packages come as an iterable or an async iterable, such as client.jobs.list(workflow_id)"
    if inspect.iscoroutine(value):
        value.close()
        return f"{listing}; this coroutine was never awaited: write `await` before the call"
    if callable(value):
        return f"{listing}; this is the function {getattr(value, '__name__', 'itself')}: call it"
    if instead := INSTEAD.get(type(value).__name__):
        return f"{listing}; a {type(value).__name__} is no package: fetch {instead}"
    if isinstance(value, str | bytes) or hasattr(value, "__attrs_attrs__"):
        return f"{listing}; a single {type(value).__name__} goes into a list, [package], or to manager.fetch(package)"
    return f"{listing}, not as {type(value).__name__}"
