"""The outcomes of `fetch_all`, in the order in which packages end.

Not an async generator: no cancel scope and no task group is open across a yield. This object owns one plain task that
reads the source; `break`, an exception, a timeout, or being closed in another task all end it the same way.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn

from .._aio.async_with import AsyncWithOnly
from ..errors import ConfigError, PackageTimedOut
from ..events import Failed, Outcome
from .engine.feed import Feed

if TYPE_CHECKING:
    from .engine.engine import Engine
    from .item import BatchContext

__all__ = ["Outcomes"]


def in_all(counts: Iterable[int | None]) -> int | None:
    """Sum counts; None if one of them is unknown."""
    numbers = list(counts)
    return None if None in numbers else sum(count or 0 for count in numbers)


ROOM = 64
"""Outcomes queued for a slow reader before new work stops; chosen."""


class Outcomes(AsyncWithOnly):
    """Iterate outcomes: `async with manager.fetch_all(…) as outcomes: async for outcome in outcomes: …`.

    One outcome for each element of the source, in the order in which they end. If the key is refused, the disk is full
    or the total timeout passes, queued outcomes come first, and then that error is raised.
    """

    _usage = "`async with manager.fetch_all(…) as outcomes:`, then `async for outcome in outcomes:`"

    def __init__(
        self,
        source: Iterable[object] | AsyncIterable[object],
        *,
        engine: Engine,
        context: BatchContext,
        wait_for_jobs: bool,
        on_close: Callable[[Outcomes], object],
    ) -> None:
        self._engine = engine
        self._context = context
        self._ended = on_close
        self._feed = Feed(source, engine=engine, context=context, sink=self, wait_for_jobs=wait_for_jobs)
        self._outcomes: deque[Outcome] = deque()
        self._error: BaseException | None = None
        self._wake_reader = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def __aenter__(self) -> Outcomes:
        if self._reading is not None or self._closed:
            raise ConfigError("a fetch_all is entered once; call it again for another")
        total = self._context.settings.total_timeout
        if total is not None:
            self._timer = asyncio.get_running_loop().call_later(total, self._end_late, total)
        self._reading = asyncio.create_task(self._read(), name="pixxel source")
        self._reading.add_done_callback(lambda _: self._wake_reader.set())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _read(self) -> None:
        try:
            await self._feed.run()
        except Exception as error:
            self._error = self._error or error

    def __aiter__(self) -> AsyncIterator[Outcome]:
        return self

    def __iter__(self) -> NoReturn:
        raise TypeError(f"outcomes are read by `async for`: {self._usage}")

    def __repr__(self) -> str:
        if self._reading is None and not self._closed:
            return f"Outcomes(not entered: {self._usage})"
        return f"Outcomes({'closed' if self._closed else f'{self._feed.active} packages under way'})"

    async def __anext__(self) -> Outcome:
        if self._reading is None and not self._closed:
            raise ConfigError(f"enter it first: {self._usage}")
        while not self._outcomes:
            if self._is_over():
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._wake_reader.clear()
            await self._wake_reader.wait()
        outcome = self._outcomes.popleft()
        if len(self._outcomes) == ROOM - 1:
            self._engine.schedule.wake()
        return outcome

    @property
    def at_hand(self) -> int:
        """The number of outcomes that can be taken without waiting."""
        return len(self._outcomes)

    @property
    def to_come(self) -> int | None:
        """The number of packages still to be read from the source; None if unknown."""
        return 0 if self._closed or self._error is not None else self._feed.to_come

    def _is_over(self) -> bool:
        """Return whether no further outcome can come."""
        read = self._closed or self._reading is None or self._reading.done()
        return read and not self._feed.active

    @property
    def open(self) -> bool:
        """Whether the reader keeps up."""
        return len(self._outcomes) < ROOM

    def deliver(self, outcome: Outcome) -> None:
        """Queue the outcome of one package."""
        self._feed.active -= 1
        self.queue(outcome)

    def queue(self, outcome: Outcome) -> None:
        """Queue an outcome for the reader."""
        self._outcomes.append(outcome)
        self._wake_reader.set()

    def stop(self, error: BaseException) -> None:
        """Start nothing new; let running bodies end, then raise the error."""
        if self._is_over():
            return
        self._error = self._error or error
        self._end_reading()
        self._feed.drop(running=False)
        self._wake_reader.set()

    def _end_late(self, total: float) -> None:
        self.stop(PackageTimedOut(f"not all packages were fetched within {total:g} s (total_timeout)", stage="wait"))
        for item in self._feed.drop(running=True):
            error = PackageTimedOut(f"the time for all, {total:g} s, was over (total_timeout)", package=item.identity)
            outcome = Failed(item.package, error, "stream")
            self._engine.services.emit(outcome)
            self.queue(outcome)

    def _end_reading(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._reading is not None:
            self._reading.cancel()

    async def aclose(self) -> None:
        """Cancel everything that has not ended; do nothing if already closed."""
        if self._closed:
            return
        self._closed = True
        self._end_reading()
        self._feed.drop(running=True)
        self._ended(self)
        self._wake_reader.set()
        if self._reading is not None:
            await asyncio.wait([self._reading])
            if not self._reading.cancelled() and (error := self._reading.exception()) is not None:
                raise error
