"""Deliver events to their subscribers, and count them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from weakref import WeakSet

import attrs
from attrs import frozen

from .._html import member_table
from ..events import Downloaded, Event, Failed, Moved, Outcome, Skipped

__all__ = ["EventHub", "EventSubscription", "Snapshot"]

log = logging.getLogger("pixxel_async.downloads")

RATE_WINDOW = 10.0
"""Seconds over which the rate is averaged."""


@frozen
class Snapshot:
    """The state of a manager.

    Attributes:
        pending: packages not requested yet.
        waiting: packages requested, but not ready or not streaming yet.
        streaming: bodies under way.
        done, skipped, failed: packages that ended since the manager was opened.
        received: bytes received since then.
        rate: bytes a second over the last ten seconds.
        to_come: packages still to be read from the sources of `fetch_all`; None if unknown.
    """

    pending: int
    waiting: int
    streaming: int
    done: int
    skipped: int
    failed: int
    received: int
    rate: float
    to_come: int | None = 0

    def _repr_html_(self) -> str:
        """Return the figures as a table for notebooks."""
        return member_table("Snapshot", attrs.asdict(self).items())


class EventSubscription(AsyncIterator[Event]):
    """The events of one item; a slow reader gets only the latest one, and always the outcome last."""

    def __init__(self) -> None:
        self._newest: Event | None = None
        self._wake_reader = asyncio.Event()
        self._ended = False

    def put(self, event: Event) -> None:
        """Deliver an event of the item."""
        self._newest = event
        self._wake_reader.set()

    def __aiter__(self) -> EventSubscription:
        return self

    async def __anext__(self) -> Event:
        while self._newest is None:
            if self._ended:
                raise StopAsyncIteration
            self._wake_reader.clear()
            await self._wake_reader.wait()
        event, self._newest = self._newest, None
        self._ended = isinstance(event, Outcome)
        return event

    def end(self) -> None:
        """End the iteration once the latest event was read."""
        self._ended = True
        self._wake_reader.set()

    async def aclose(self) -> None:
        """End the subscription; closing twice is harmless."""
        self._newest = None
        self.end()


class EventHub:
    """Take every event, count it, and pass it on.

    Args:
        on_event: the user's callback; its exceptions are dropped.
        clock: monotonic seconds.
        observe: passes every event to the client's observers; it raises nothing.
    """

    def __init__(
        self,
        on_event: Callable[[Event], object] | None,
        clock: Callable[[], float],
        observe: Callable[[Event], object] = lambda event: None,
    ) -> None:
        self._on_event = on_event
        self._observe = observe
        self._clock = clock
        self._subscriptions: dict[str, WeakSet[EventSubscription]] = {}
        self._recent: deque[tuple[float, int]] = deque()
        self._opened = clock()
        self.received = 0
        self.done = self.skipped = self.failed = 0

    def publish(self, event: Event) -> None:
        """Publish an event."""
        if isinstance(event, (Skipped, Downloaded, Failed)):
            self._end(event)
            return
        if isinstance(event, Moved):
            self._record_bytes(event.gained)
        if self._subscriptions or log.isEnabledFor(logging.DEBUG):
            self._show(event.item, event)
        self._pass_on(event)

    def _end(self, outcome: Outcome) -> None:
        """Count an outcome; render the item's text form only for subscribers, since there may be very many items."""
        self._count(outcome)
        if self._subscriptions or log.isEnabledFor(logging.DEBUG):
            identity = str(outcome.package)
            self._show(identity, outcome)
            self._subscriptions.pop(identity, None)
        self._pass_on(outcome)

    def _record_bytes(self, gained: int) -> None:
        self.received += gained
        self._recent.append((self._clock(), gained))
        self._forget_old()

    def _forget_old(self) -> None:
        while self._recent and self._recent[0][0] < self._clock() - RATE_WINDOW:
            self._recent.popleft()

    def _count(self, outcome: Outcome) -> None:
        if isinstance(outcome, Skipped):
            self.skipped += 1
        elif isinstance(outcome, Downloaded):
            self.done += 1
        else:
            self.failed += 1

    def _show(self, identity: str, event: Event) -> None:
        log.debug("%s item=%s", type(event).__name__, identity)
        for subscription in self._subscriptions.get(identity, ()):
            subscription.put(event)

    def _pass_on(self, event: Event) -> None:
        self._observe(event)
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except Exception:
            return

    def watch(self, identity: str) -> EventSubscription:
        """Subscribe to one item from now on."""
        subscription = EventSubscription()
        self._subscriptions.setdefault(identity, WeakSet()).add(subscription)
        return subscription

    def rate(self) -> float:
        """Return the recent rate in bytes a second."""
        self._forget_old()
        seconds = min(max(self._clock() - self._opened, 0.001), RATE_WINDOW)
        return sum(gained for _, gained in self._recent) / seconds

    def close(self) -> None:
        """End all subscriptions."""
        for subscriptions in self._subscriptions.values():
            for subscription in subscriptions:
                subscription.end()
        self._subscriptions.clear()
