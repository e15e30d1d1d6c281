"""Any iterable of packages, read in chunks that never wait for a row which is not there yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import suppress
from operator import length_hint
from typing import Any

from ..errors import ConfigError

__all__ = ["Source"]

PATIENCE = 0.05
"""Seconds that a chunk which holds something waits for the rest of it."""
BREATH = 64
"""Rows after which others have their turn, also where the source never waits."""


class Source:
    """Reads a source, plain or async; `take` after the end returns nothing.

    An async source is read by one task of its own, as far as was asked for and no further.
    """

    def __init__(self, source: Iterable[object] | AsyncIterable[object]) -> None:
        self._rows: AsyncIterator[object] | None = None
        self._plain: Iterator[object] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._torn: Exception | None = None
        self._read: list[object] = []
        self._wanted = self._given = 0
        self._go, self._news = asyncio.Event(), asyncio.Event()
        if isinstance(source, AsyncIterable):
            self._rows = aiter(source)
        elif isinstance(source, Iterable) and not isinstance(source, str | bytes):
            self._plain = iter(source)
        else:
            raise ConfigError(f"packages come as an iterable or an async iterable, not as {type(source).__name__}")

    def to_come(self) -> int:
        """How many rows there will likely be; a source of unknown length is taken to be half way."""
        return length_hint(self._plain if self._plain is not None else self._rows, self._given)

    @property
    def left(self) -> int | None:
        """Rows that are still to come; None where the source does not tell."""
        hint = length_hint(self._plain if self._plain is not None else self._rows, -1)
        return None if hint < 0 else hint

    async def take(self, most: int) -> list[object]:
        """The next rows, at least one unless the source is at its end, and only those that come without a wait.

        What the source raises is raised when the rows before it have been taken.
        """
        rows = await self._some(most)
        self._given += len(rows)
        return rows

    async def _some(self, most: int) -> list[object]:
        if self._rows is None:
            assert self._plain is not None  # noqa: S101 - a source is one or the other
            return self._at_once(self._plain, most)
        if self._reading is None:
            self._reading = asyncio.create_task(self._run(self._rows), name="pixxel rows")
        self._wanted = most
        self._go.set()
        await self._arrived(1, self._reading)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._arrived(most, self._reading)
        self._wanted = 0
        rows, self._read = self._read[:most], self._read[most:]
        if not rows:
            self._reading.result()
        return rows

    def _at_once(self, plain: Iterator[object], most: int) -> list[object]:
        if self._torn is not None:
            raise self._torn
        rows: list[object] = []
        try:
            rows.extend(row for _, row in zip(range(most), plain, strict=False))
        except Exception as error:
            if not rows:
                raise
            self._torn = error
        return rows

    async def _run(self, rows: AsyncIterator[object]) -> None:
        """Read row by row, and rest when there are as many as were asked for."""
        try:
            async for row in rows:
                self._read.append(row)
                self._news.set()
                while len(self._read) >= self._wanted:
                    self._go.clear()
                    await self._go.wait()
                if not len(self._read) % BREATH:
                    await asyncio.sleep(0)
        finally:
            self._news.set()

    async def _arrived(self, count: int, reading: asyncio.Task[None]) -> None:
        """Waits until so many rows are here, or the source has ended."""
        while len(self._read) < count and not reading.done():
            self._news.clear()
            await self._news.wait()

    async def aclose(self) -> None:
        """Let go of the source; a generator is closed."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
            if not self._reading.cancelled():
                self._reading.exception()
        closing: Any = getattr(self._rows, "aclose", None)
        if closing is not None:
            await closing()
