"""What to do next, for all packages together: which to ask for, which to stream.

The decisions are in `rules/asking.py`; here they meet the clock and the workers. Nothing here awaits between looking
and deciding, so no cancellation can cut a decision in half.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..._aio.notify import Notifier
from ...settings import Timing
from ..item import Item
from .fair_queue import FairQueue
from .rules.policy import PollPolicy

__all__ = ["Schedule"]

BUSY_WAIT = 1.0
"""Seconds before a package is looked at again whose reader is slow."""


class Schedule:
    """The queues between asking and streaming.

    Args:
        timing: clock, sleep and dice.
        first_wait: seconds before anything is asked about again while nothing is known.
        limit: calls a second that the client allows itself; None for no limit.
    """

    def __init__(self, timing: Timing, first_wait: float, limit: float | None) -> None:
        self._timing = timing
        self._asking: PollPolicy[Item] = PollPolicy(first_wait, limit)
        self._fresh = FairQueue()
        self._ready = FairQueue()
        self._feeds: dict[asyncio.Event, Callable[[], int]] = {}
        self._ask_bell = Notifier(timing.sleep)
        self._stream_bell = Notifier(timing.sleep)
        self._paused_until = -math.inf

    def staff(self, *, streams: int) -> None:
        """So many workers stream."""
        self._asking.streams = streams

    @contextmanager
    def feeding(self, to_come: Callable[[], int]) -> Iterator[asyncio.Event]:
        """For who brings packages: an event that is set when there may be use for more.

        Args:
            to_come: how many it will likely still bring.
        """
        hunger = asyncio.Event()
        self._feeds[hunger] = to_come
        try:
            yield hunger
        finally:
            del self._feeds[hunger]

    @property
    def fresh(self) -> int:
        """Packages that were never asked for."""
        return len(self._fresh)

    @property
    def waiting(self) -> int:
        """Packages that were asked for and are not streaming."""
        return len(self._asking) + len(self._ready)

    def add(self, item: Item) -> None:
        """A package that was never asked for."""
        item.terms.fresh += 1
        self._fresh.append(item)
        self._ask_bell.notify()

    async def next_ask(self) -> Item:
        """The package to ask about now; `asked` must be called when the answer is here."""
        while True:
            item = self._choose()
            if item is not None:
                self._ask_bell.notify()
                return item
            await self._ask_bell.wait(self._quiet())

    def asked(self, item: Item) -> None:
        """The request has ended, however it did."""
        self._asking.answered(item, self._timing.clock())
        self._ask_bell.notify()

    def _choose(self) -> Item | None:
        now = self._timing.clock()
        if now < self._paused_until:
            return None
        match self._asking.choose(now, fresh=self._may_start(), to_come=self._to_come(), ready=len(self._ready)):
            case "fresh":
                return self._start(now)
            case "again":
                return self._open(self._asking.pop(now), now)
        return None

    def _start(self, now: float) -> Item:
        item = self._fresh.popleft()
        item.terms.fresh -= 1
        self._asking.first(item, now)
        self._feed()
        return item

    def _feed(self) -> None:
        for hunger in self._feeds:
            hunger.set()

    def _to_come(self) -> int:
        return len(self._fresh) + sum(to_come() for to_come in self._feeds.values())

    def _may_start(self) -> bool:
        return bool(self._fresh) and self.waiting < self._fresh.head.terms.settings.ask_ahead

    def _open(self, item: Item, now: float) -> Item | None:
        """The item, unless its reader is slow: then it is due later."""
        if item.open or not item.sinks:
            return item
        self._asking.answered(item, now)
        self._asking.push(item, now + BUSY_WAIT)
        return None

    def _quiet(self) -> float | None:
        """Seconds in which nothing becomes due; None when only an event can change that."""
        now = self._timing.clock()
        if now < self._paused_until:
            return self._paused_until - now
        due = self._asking.due(now, len(self._ready))
        return None if due is None else max(due - now, 0.001)

    def pause(self, seconds: float) -> None:
        """Ask for nothing for so long."""
        self._paused_until = max(self._paused_until, self._timing.clock() + seconds)

    def again(self, item: Item) -> None:
        """Nothing was learned: ask about it as soon as that is possible."""
        self.later(item, 0.0)

    def later(self, item: Item, seconds: float) -> None:
        """Nothing was learned: ask about it in so many seconds."""
        self._asking.push(item, self._timing.clock() + seconds)
        self._ask_bell.notify()

    def packing(self, item: Item, told: float | None = None) -> None:
        """An answer said that it is not ready; it is asked about again later.

        Args:
            told: seconds before which the service does not want to be asked again; None when it did not say.
        """
        self._asking.packing(item, told)
        self._ask_bell.notify()

    def ready(self, item: Item, link_life: float) -> None:
        """An answer said that it is ready: it waits for a stream.

        Args:
            link_life: seconds that its link is good for.
        """
        self._asking.ready(item, link_life)
        self.stream(item)

    def stream(self, item: Item) -> None:
        """It waits for a stream; what it needs of a link is asked for then."""
        item.queued = self._timing.clock()
        self._ready.append(item)
        self._stream_bell.notify()

    async def next_ready(self) -> Item:
        """The package to stream now; `streamed` must be called when its stream is free again."""
        while True:
            item = self._first_ready()
            if item is not None:
                item.since = self._asking.pipe.began(self._timing.clock())
                self._stream_bell.notify()
                return item
            self._ask_bell.notify()
            await self._stream_bell.wait()

    def _first_ready(self) -> Item | None:
        return self._ready.take(
            lambda item: not item.sinks or (item.open and item.terms.streaming < item.terms.settings.streams)
        )

    def streamed(self, item: Item, size: int) -> None:
        """A stream is free again.

        Args:
            size: bytes that were streamed; 0 when none were.
        """
        self._asking.pipe.ended(self._timing.clock(), item.since, size)
        self._ask_bell.notify()

    def wake(self) -> None:
        """A reader took an outcome, a package has ended, or a limit moved: look again."""
        self._feed()
        self._ask_bell.notify()
        self._stream_bell.notify()
