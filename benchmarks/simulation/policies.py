"""Policies: the manager's own, and three common ones."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable
from typing import Protocol

from attrs import define

from pixxel_async.downloads.body.rules.multipart import RateGauge, useful_connections
from pixxel_async.downloads.body.rules.resume import Kept
from pixxel_async.downloads.schedule.rules.policy import PollPolicy
from pixxel_async.settings.constants import Constants

from .regime import Package

__all__ = ["Learning", "Patient", "Policy", "Work"]

MB = 10**6
LEAST_RANGE = Constants().least_range


@define(eq=False)
class Work:
    """A package as the policies see it, with facts that only the service knows.

    Attributes:
        ready_at: when its packing ends.
        expires: when its link does.
        since: what the pipe said when its body began.
    """

    package: Package
    asked_at: float = 0.0
    sent_at: float = 0.0
    pending_at: float = 0.0
    gap: float = 0.0
    asks: int = 0
    restarts: bool = True
    until: float = math.inf
    ready_at: float | None = None
    expires: float = 0.0
    since: tuple[float, float] = (0.0, 0.0)


class Policy(Protocol):
    """Protocol of a policy for the simulated service."""

    @property
    def asks(self) -> int:
        """The number of requests that may be in flight."""
        ...

    def add(self, work: Work) -> None: ...

    def choose(self, now: float) -> Work | None:
        """Return the package to request now."""
        ...

    def due(self, now: float) -> float | None:
        """Return the latest time of the next choice."""
        ...

    def packing(self, work: Work, now: float) -> None: ...

    def ready(self, work: Work, now: float) -> None: ...

    def stream(self, now: float) -> Work | None:
        """Return the package to stream now."""
        ...

    def streamed(self, work: Work, now: float) -> None: ...

    def lines(self, work: Work, *, left: float, rate: float, spare: int) -> int:
        """Return the connections for the rest of a body (MB), with `rate` MB/s per connection and some free."""
        ...


class Learning:
    """The manager's policy, adapted to simulated events as `downloads/schedule` does for real ones."""

    def __init__(self, streams: int, asks: int, rate: float | None = None) -> None:
        self.asks = asks
        self._poll_policy: PollPolicy[Work] = PollPolicy(first=2.0, limit=rate)
        self._poll_policy.streams = streams
        self._fresh: deque[Work] = deque()
        self._ready: deque[Work] = deque()

    def add(self, work: Work) -> None:
        self._fresh.append(work)

    def choose(self, now: float) -> Work | None:
        count = len(self._fresh)
        match self._poll_policy.choose(now, fresh=count > 0, to_come=count, ready=len(self._ready)):
            case "fresh":
                work = self._fresh.popleft()
                self._poll_policy.start(work, now)
                return work
            case "poll":
                return self._poll_policy.pop(now)
        return None

    def due(self, now: float) -> float | None:
        return self._poll_policy.due(now, len(self._ready))

    def packing(self, work: Work, now: float) -> None:
        self._poll_policy.end_request(work)
        self._poll_policy.record_pending(work)

    def ready(self, work: Work, now: float) -> None:
        self._poll_policy.end_request(work)
        self._poll_policy.record_ready(work, work.expires - now)
        self._ready.append(work)

    def stream(self, now: float) -> Work | None:
        if not self._ready or self._poll_policy.throughput.active >= self._poll_policy.streams:
            return None
        work = self._ready.popleft()
        work.since = self._poll_policy.throughput.start(now)
        return work

    def streamed(self, work: Work, now: float) -> None:
        self._poll_policy.throughput.end(now, work.since, work.package.size)

    def lines(self, work: Work, *, left: float, rate: float, spare: int) -> int:
        kept = Kept(int((work.package.size - left) * MB), etag='"1"', total=int(work.package.size * MB))
        gauge = RateGauge(0.0, 0, before=rate * MB, rate=rate * MB)
        return min(1 + spare, useful_connections(kept, gauge, far=False, rtt=0.0, least=LEAST_RANGE))


class Patient:
    """Policy whose interval depends only on the number of requests.

    Args:
        wait: seconds after so many requests.
        most: packages that may be between their first request and their last byte.
    """

    asks = 10**9

    def __init__(self, streams: int, wait: Callable[[int], float], most: int = 10**9) -> None:
        self._free = streams
        self._wait = wait
        self._room = most
        self._fresh: deque[Work] = deque()
        self._later: list[tuple[float, int, Work]] = []
        self._ready: deque[Work] = deque()
        self._pushed = 0

    def add(self, work: Work) -> None:
        self._fresh.append(work)

    def choose(self, now: float) -> Work | None:
        if self._later and self._later[0][0] <= now:
            return heapq.heappop(self._later)[2]
        if not self._fresh or not self._room:
            return None
        self._room -= 1
        return self._fresh.popleft()

    def due(self, now: float) -> float | None:
        return self._later[0][0] if self._later else None

    def packing(self, work: Work, now: float) -> None:
        self._pushed += 1
        heapq.heappush(self._later, (now + self._wait(work.asks), self._pushed, work))

    def ready(self, work: Work, now: float) -> None:
        self._ready.append(work)

    def stream(self, now: float) -> Work | None:
        if not self._ready or not self._free:
            return None
        self._free -= 1
        return self._ready.popleft()

    def streamed(self, work: Work, now: float) -> None:
        self._free += 1
        self._room += 1

    def lines(self, work: Work, *, left: float, rate: float, spare: int) -> int:
        return 1
