"""What to do next, for all packages together: which to ask for, which to stream.

The decisions are in `rules/asking.py`; here they meet the clock and the workers. Nothing here awaits between looking
and deciding, so no cancellation can cut a decision in half.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..settings import Timing
from ..waiting.rules.polling import next_wait
from .bell import Bell
from .pending import Item
from .rules.asking import Asking, demand

__all__ = ["Schedule"]

BUSY_WAIT = 1.0
LINKS_KEPT = 4
BODY_SHARE = 0.2
SHORTEST_LIFE = 1.0


class Schedule:
    """The queues between asking and streaming.

    Args:
        timing: clock, sleep and dice.
        streams: how many bodies may stream now.
    """

    def __init__(self, timing: Timing, streams: Callable[[], int]) -> None:
        self._timing = timing
        self._streams = streams
        self._asking: Asking[Item] = Asking()
        self._fresh: deque[Item] = deque()
        self._ready: deque[Item] = deque()
        self._hungry: set[asyncio.Event] = set()
        self._ask_bell = Bell(timing.sleep)
        self._stream_bell = Bell(timing.sleep)
        self._paused_until = -math.inf
        self._air = 0
        self._idle = 0
        self._body_time = 0.0
        self._link_life = math.inf

    @contextmanager
    def feeding(self) -> Iterator[asyncio.Event]:
        """For who brings packages: an event that is set when there may be use for more."""
        hunger = asyncio.Event()
        self._hungry.add(hunger)
        try:
            yield hunger
        finally:
            self._hungry.discard(hunger)

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
        self._ask_bell.ring()

    async def next_ask(self) -> Item:
        """The package to ask about now; `asked` must be called when the answer is here."""
        while True:
            item = self._choose()
            if item is not None:
                self._air += 1
                self._ask_bell.ring()
                return item
            await self._ask_bell.heard(self._quiet())

    def asked(self) -> None:
        """An answer has come."""
        self._air -= 1
        self._ask_bell.ring()

    def _feed(self) -> None:
        for hunger in self._hungry:
            hunger.set()

    def _choose(self) -> Item | None:
        now = self._timing.clock()
        if now < self._paused_until:
            return None
        match self._asking.choose(now, fresh=self._may_start(), wanted=self._wanted()):
            case "fresh":
                item = self._fresh.popleft()
                item.terms.fresh -= 1
                self._feed()
                item.number = item.number or self._asking.sent_first()
                return item
            case "again":
                return self._open(self._asking.pop(), now)
        return None

    def _may_start(self) -> bool:
        return bool(self._fresh) and self.waiting < self._fresh[0].terms.settings.ask_ahead

    def _open(self, item: Item, now: float) -> Item | None:
        """The item, unless its reader is slow: then it is due later."""
        if item.open or not item.sinks:
            return item
        self._asking.push(item, now + BUSY_WAIT)
        return None

    def _wanted(self) -> int:
        return demand(
            streams=self._streams(), idle=self._idle, ready=len(self._ready), asking=self._air,
            body_time=self._body_time, link_life=self._link_life,
        )  # fmt: skip

    def _quiet(self) -> float | None:
        """Seconds in which nothing becomes due; None when only an event can change that."""
        now = self._timing.clock()
        if now < self._paused_until:
            return self._paused_until - now
        due = self._asking.due()
        if due is None or self._wanted() <= 0:
            return None
        return max(due - now, 0.001)

    def pause(self, seconds: float) -> None:
        """Ask for nothing for so long."""
        self._paused_until = max(self._paused_until, self._timing.clock() + seconds)

    def again(self, item: Item) -> None:
        """Nothing was learned: ask about it as soon as that is possible."""
        self._asking.push(item, self._timing.clock())
        self._ask_bell.ring()

    def packing(self, item: Item, setbacks: int = 0) -> None:
        """An answer said that it is not ready; it is asked about again later."""
        now, waits = self._timing.clock(), item.terms.client.settings.waiting
        age = now - item.began
        if item.asks == 1:
            self._asking.answered_first(ready=False)
        wait = next_wait(age, item.asks, waits, self._timing.dice(), setbacks)
        if item.asks == 1:
            wait = self._asking.first_wait(item.number, wait)
        item.seen = now
        self.later(item, wait)

    def later(self, item: Item, seconds: float) -> None:
        """Ask about it in so many seconds, and never only after its deadline."""
        now = self._timing.clock()
        self._asking.push(item, now + min(seconds, max(item.began + item.terms.settings.deadline - now, 0.0)))
        self._ask_bell.ring()

    def ready(self, item: Item, link_life: float) -> None:
        """An answer said that it is ready: it waits for a stream.

        Args:
            link_life: seconds that its link is good for.
        """
        now = self._timing.clock()
        if item.asks == 1:
            self._asking.answered_first(ready=True)
        else:
            self._asking.found_ready(now - item.began, now - item.seen)
        self._link_life = min(self._link_life, max(link_life, SHORTEST_LIFE))
        if len(self._ready) >= LINKS_KEPT * self._streams():
            item.link = None
        self.stream(item)

    def stream(self, item: Item) -> None:
        """It waits for a stream; what it needs of a link is asked for then."""
        item.seen = self._timing.clock()
        self._ready.append(item)
        self._stream_bell.ring()

    async def next_ready(self) -> Item:
        """The package to stream now."""
        self._idle += 1
        self._ask_bell.ring()
        try:
            while True:
                item = self._first_ready()
                if item is not None:
                    self._stream_bell.ring()
                    return item
                await self._stream_bell.heard()
        finally:
            self._idle -= 1
            self._ask_bell.ring()

    def _first_ready(self) -> Item | None:
        for index, item in enumerate(self._ready):
            if not item.sinks or (item.open and item.terms.streaming < item.terms.settings.streams):
                del self._ready[index]
                return item
        return None

    def streamed(self, seconds: float) -> None:
        """A body took so long."""
        share = BODY_SHARE if self._body_time else 1.0
        self._body_time += share * (seconds - self._body_time)

    def wake(self) -> None:
        """A reader took an outcome, a package has ended, or a limit moved: look again."""
        self._feed()
        self._ask_bell.ring()
        self._stream_bell.ring()
