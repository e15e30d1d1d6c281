"""Any iterable of packages, read in chunks that never wait for a row which is not there yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any, cast

from ..errors import ConfigError

__all__ = ["Source"]

PATIENCE = 0.05
"""Seconds that a chunk which holds something waits for the next row."""


class Source:
    """Reads a source, plain or async; `take` after the end returns nothing."""

    def __init__(self, source: Iterable[object] | AsyncIterable[object]) -> None:
        self._rows: AsyncIterator[object] | None = None
        self._plain: Iterator[object] | None = None
        self._next: asyncio.Task[object] | None = None
        if isinstance(source, AsyncIterable):
            self._rows = aiter(source)
        elif isinstance(source, Iterable) and not isinstance(source, str | bytes):
            self._plain = iter(source)
        else:
            raise ConfigError(f"packages come as an iterable or an async iterable, not as {type(source).__name__}")

    async def take(self, most: int) -> list[object]:
        """The next rows, at least one unless the source is at its end, and only those that come without a wait."""
        if self._plain is not None:
            return [row for _, row in zip(range(most), self._plain, strict=False)]
        rows: list[object] = []
        while len(rows) < most and await self._arrived(PATIENCE if rows else None):
            try:
                rows.append(self._taken())
            except StopAsyncIteration:
                break
        return rows

    async def _arrived(self, patience: float | None) -> bool:
        if self._next is None:
            self._next = asyncio.ensure_future(_step(cast("AsyncIterator[object]", self._rows)))
        done, _ = await asyncio.wait([self._next], timeout=patience)
        return bool(done)

    def _taken(self) -> object:
        task, self._next = cast("asyncio.Task[object]", self._next), None
        found = task.result()
        if found is _END:
            raise StopAsyncIteration
        return found

    async def aclose(self) -> None:
        """Let go of the source; a generator is closed."""
        if self._next is not None:
            self._next.cancel()
            await asyncio.wait([self._next])
            if not self._next.cancelled():
                self._next.exception()
        closing: Any = getattr(self._rows, "aclose", None)
        if closing is not None:
            await closing()


_END = object()


async def _step(rows: AsyncIterator[object]) -> object:
    return await anext(rows, _END)
