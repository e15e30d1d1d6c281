"""Queues between requesting and streaming: which package to request next, which to stream.

The decisions are in `rules/policy.py`; here they meet the clock and the workers. Nothing awaits between reading state
and deciding, so that no cancellation can split a decision.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..._aio.notify import Notifier
from ...settings import Timing
from ...settings.constants import MAX_REQUESTS_AHEAD
from ..item import Item
from .fair_queue import FairQueue
from .rules.policy import PollPolicy

__all__ = ["Schedule"]

SWEEP = 1.0
"""Seconds between two searches for packages whose deadline passed in a pause; chosen."""
AHEAD = 2
"""Packages under way for each stream where bodies are small and their storage is far: one response is read, the next
request is on its way. Chosen."""
SMALL = 1 << 20
"""Mean bytes of a body up to which it is small: the window of a connection, which takes one round trip. Chosen."""
READER_WAIT = 1.0
"""Seconds until a poll is tried again for a package whose reader has no room for its outcome."""


class Schedule:
    """The queues between asking and streaming.

    Args:
        timing: clock, sleep and random numbers.
        first_wait: seconds before the first poll while nothing is known of packing times.
        limit: the client's own rate limit in calls per second; None for none.
        far: returns whether the storage is far.
    """

    def __init__(
        self, timing: Timing, first_wait: float, limit: float | None, far: Callable[[], bool] = lambda: False
    ) -> None:
        self._timing = timing
        self._far = far
        self._policy: PollPolicy[Item] = PollPolicy(first_wait, limit)
        self._fresh = FairQueue()
        self._ready = FairQueue()
        self._feeds: dict[asyncio.Event, Callable[[], int]] = {}
        self._ask_notifier = Notifier(timing.sleep)
        self._stream_notifier = Notifier(timing.sleep)
        self._paused_until = -math.inf
        self._overdue: deque[Item] = deque()
        self._next_sweep = -math.inf

    def set_streams(self, *, streams: int) -> None:
        """Set the number of workers that stream."""
        self._policy.streams = streams

    @contextmanager
    def register_feed(self, to_come: Callable[[], int]) -> Iterator[asyncio.Event]:
        """Register a producer of packages; the event yielded is set when there may be use for more.

        Args:
            to_come: returns how many packages it will probably still bring.
        """
        event = asyncio.Event()
        self._feeds[event] = to_come
        try:
            yield event
        finally:
            del self._feeds[event]

    @property
    def fresh(self) -> int:
        """Number of packages without a first request."""
        return len(self._fresh)

    @property
    def waiting(self) -> int:
        """Number of packages that were requested and are not streaming."""
        return len(self._policy) + len(self._ready)

    def add(self, item: Item) -> None:
        """Queue a package for its first request."""
        item.context.fresh += 1
        self._fresh.append(item)
        self._ask_notifier.notify()

    async def next_ask(self) -> Item:
        """Wait for the package to ask about now; `asked` must be called after its request."""
        while True:
            item = self._choose()
            if item is not None:
                self._wake_if_needed()
                return item
            await self._ask_notifier.wait(self._idle_time())

    def record_request(self, item: Item) -> None:
        """Record that a request has ended, with any result."""
        self._policy.end_request(item)
        self._wake_if_needed()

    def _wake_if_needed(self) -> None:
        """Wake a worker that asks, unless all there is are first requests without demand, as `choose` would find."""
        policy = self._policy
        if len(policy) or not policy.at_once or policy.demand(len(self._ready)) > 0:
            self._ask_notifier.notify()

    def _choose(self) -> Item | None:
        now = self._timing.clock()
        if now < self._paused_until:
            return self._next_overdue(now)
        match self._policy.choose(now, fresh=self._may_start(), to_come=self._to_come(), ready=len(self._ready)):
            case "fresh":
                return self._start(now)
            case "poll":
                return self._open_or_postpone(self._policy.pop(now), now)
        return None

    def _next_overdue(self, now: float) -> Item | None:
        """Return a package whose deadline has passed in the pause, to be ended without a request."""
        if not self._overdue and now >= self._next_sweep:
            overdue, earliest = self._policy.take_overdue(now)
            self._overdue.extend(overdue)
            self._next_sweep = max(earliest, now + SWEEP)
        return self._overdue.popleft() if self._overdue else None

    def _start(self, now: float) -> Item:
        item = self._fresh.popleft()
        item.context.fresh -= 1
        self._policy.start(item, now)
        self._feed()
        return item

    def _feed(self) -> None:
        for event in self._feeds:
            event.set()

    def _to_come(self) -> int:
        return len(self._fresh) + sum(to_come() for to_come in self._feeds.values())

    def _may_start(self) -> bool:
        return bool(self._fresh) and self.waiting < MAX_REQUESTS_AHEAD

    def _open_or_postpone(self, item: Item, now: float) -> Item | None:
        """Return the item, or postpone it and return None if its reader has no room for the outcome."""
        if item.open or not item.sinks:
            return item
        self._policy.end_request(item)
        self._policy.push(item, now + READER_WAIT)
        return None

    def _idle_time(self) -> float | None:
        """Return the seconds until a request is due; None when only an event can bring one."""
        now = self._timing.clock()
        if now < self._paused_until:
            return max(min(self._paused_until, self._next_sweep) - now, 0.001)
        due = self._policy.due(now, len(self._ready))
        return None if due is None else max(due - now, 0.001)

    @property
    def paused(self) -> bool:
        """Whether no requests are sent now."""
        return self._timing.clock() < self._paused_until

    def pause(self, seconds: float) -> bool:
        """Send no requests for so many seconds; return False if a pause was under way."""
        new = not self.paused
        self._paused_until = max(self._paused_until, self._timing.clock() + seconds)
        return new

    def poll_soon(self, item: Item) -> None:
        """Queue a poll for as soon as possible, after a request without an answer about the package."""
        self.poll_in(item, 0.0)

    def poll_in(self, item: Item, seconds: float) -> None:
        """Queue a poll in so many seconds, after a request without an answer about the package."""
        self._policy.push(item, self._timing.clock() + seconds)
        self._next_sweep = min(self._next_sweep, item.until)
        self._ask_notifier.notify()

    def record_pending(self, item: Item, retry_after: float | None = None) -> None:
        """Record a pending response, and queue the next poll.

        Args:
            retry_after: seconds of a Retry-After; None if there was none.
        """
        self._policy.record_pending(item, retry_after)
        self._next_sweep = min(self._next_sweep, item.until)
        self._ask_notifier.notify()

    def queue_stream(self, item: Item, link_life: float) -> None:
        """Record a ready response, and queue the package for a stream.

        Args:
            link_life: seconds for which its link is valid.
        """
        self._policy.record_ready(item, link_life)
        self.stream(item)

    def stream(self, item: Item) -> None:
        """Queue a package for a stream; a missing link is requested then."""
        item.queued_at = self._timing.clock()
        self._ready.append(item)
        self._stream_notifier.notify()

    async def next_ready(self) -> Item:
        """Wait for the package to stream now; `streamed` must be called when its stream is free again."""
        while True:
            item = self._first_ready()
            if item is not None:
                item.since = self._policy.throughput.start(self._timing.clock())
                self._stream_notifier.notify()
                return item
            self._ask_notifier.notify()
            await self._stream_notifier.wait()

    @property
    def ahead(self) -> int:
        """How many packages may be under way for each that streams: more than one where a body is sooner here than its
        head, so that the next request is sent while the last body arrives."""
        return AHEAD if 0 < self._policy.throughput.mean_size <= SMALL and self._far() else 1

    def _first_ready(self) -> Item | None:
        ahead = self.ahead
        if self._policy.throughput.active >= ahead * self._policy.streams:
            return None
        return self._ready.take(
            lambda item: (
                not item.sinks
                or (item.open and item.context.streaming < ahead * item.settings.max_concurrent_downloads)
            )
        )

    def record_streamed(self, item: Item, size: int) -> None:
        """Record that a stream is free again.

        Args:
            size: bytes that were streamed; 0 when none were.
        """
        self._policy.throughput.end(self._timing.clock(), item.since, size)
        self._ask_notifier.notify()

    def wake(self) -> None:
        """Decide again: a reader took an outcome, a package has ended, or a limit changed."""
        self._feed()
        self._ask_notifier.notify()
        self._stream_notifier.notify()
