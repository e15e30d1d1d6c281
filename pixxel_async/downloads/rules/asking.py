"""Which package the service is asked about next, for all packages together.

Rule 1: what was never asked for goes first: packing takes time, and ours should run while others stream.
Rule 2: asking again is driven by demand: only while a stream would otherwise soon have nothing to do. A package that
    lies ready unasked costs nothing; a link that was asked for early expires.
Rule 3: while there is something to ask for the first time, asking again gets a fifth of the requests and no more.
Rule 4: a package is asked about again when most others took no longer. That is learned from some that are asked often;
    from one that was asked late one only learns how late.
Rule 5: a service that answers at once (packed long ago) is asked as streams become free: its links would only grow old.

Nothing here reads a clock: a benchmark replays the same decisions in virtual time.
"""

from __future__ import annotations

import heapq
from bisect import insort
from typing import Generic, Literal, TypeVar

from attrs import define, field

__all__ = ["Asking", "Delays", "demand"]

K = TypeVar("K")

AGAIN_SHARE = 0.2
MOST_CREDIT = 4.0
PROBES = 64
ONE_PROBE_IN = 50
QUANTILE = 0.8
ENOUGH = 16
FINE = 0.35
LEARN_RATE = 0.1
MOSTLY = 0.5
KEPT = 512


def demand(*, streams: int, idle: int, ready: int, asking: int, body_time: float, link_life: float) -> int:
    """How many more ready packages there is use for now.

    Args:
        streams: bodies that may stream at the same time.
        idle: of these, how many have nothing to do.
        ready: packages that are ready and wait for a stream.
        asking: requests in flight that may find one ready.
        body_time: seconds that a body takes on average; 0 when not known.
        link_life: seconds that a link is good for; infinite when not known.
    """
    backlog = float(streams)
    if body_time > 0:
        backlog = min(backlog, streams * link_life / (2.0 * body_time))
    return max(idle, int(backlog)) - ready - asking


@define
class Delays:
    """How long packages took to become ready, of those that were watched closely."""

    _sorted: list[float] = field(factory=list)
    _recent: list[float] = field(factory=list)
    _next: int = 0

    def learn(self, delay: float) -> None:
        """One more; only the last few hundred count."""
        if len(self._recent) < KEPT:
            self._recent.append(delay)
        else:
            self._sorted.remove(self._recent[self._next])
            self._recent[self._next] = delay
            self._next = (self._next + 1) % KEPT
        insort(self._sorted, delay)

    def usual(self) -> float | None:
        """Seconds after which most are ready; None while too few are known."""
        if len(self._sorted) < ENOUGH:
            return None
        return self._sorted[int(QUANTILE * (len(self._sorted) - 1))]


class Asking(Generic[K]):
    """What to ask about next. Keys are whatever the caller keeps its packages by; times are seconds of one clock."""

    def __init__(self) -> None:
        self.delays = Delays()
        self._again: list[tuple[float, int, K]] = []
        self._pushed = 0
        self._asked = 0
        self._credit = MOST_CREDIT
        self._at_once = 0.0

    def __len__(self) -> int:
        return len(self._again)

    def choose(self, now: float, *, fresh: bool, wanted: int) -> Literal["fresh", "again"] | None:
        """What to send now, if anything.

        Args:
            fresh: whether there is a package that was never asked for and may be.
            wanted: how many ready packages there is use for, as `demand` says.
        """
        first = fresh and (wanted > 0 or not self.at_once)
        again = wanted > 0 and bool(self._again) and self._again[0][0] <= now
        if again and (not first or self._credit >= 1.0):
            return "again"
        return "fresh" if first else None

    def sent_first(self) -> int:
        """A package was asked for the first time; returns its number."""
        self._asked += 1
        self._credit = min(MOST_CREDIT, self._credit + AGAIN_SHARE / (1.0 - AGAIN_SHARE))
        return self._asked

    def pop(self) -> K:
        """The package that has been due for longest; it is being asked about again."""
        self._credit = max(0.0, self._credit - 1.0)
        return heapq.heappop(self._again)[2]

    def due(self) -> float | None:
        """When the next asking again is due."""
        return self._again[0][0] if self._again else None

    def push(self, key: K, due: float) -> None:
        """Ask about this package again, not before `due`."""
        self._pushed += 1
        heapq.heappush(self._again, (due, self._pushed, key))

    def first_wait(self, number: int, shortest: float) -> float:
        """Seconds from the first asking to the second.

        Args:
            number: of the package, as `sent_first` returned it.
            shortest: seconds that are always waited; what packages that are watched closely wait.
        """
        usual = self.delays.usual()
        if usual is None or number <= PROBES or number % ONE_PROBE_IN == 0:
            return shortest
        return max(usual, shortest)

    @property
    def at_once(self) -> bool:
        """Whether packages are mostly ready when they are first asked for."""
        return self._at_once >= MOSTLY

    def answered_first(self, *, ready: bool) -> None:
        """The first asking for a package was answered."""
        self._at_once += LEARN_RATE * (float(ready) - self._at_once)

    def found_ready(self, age: float, since_last: float) -> None:
        """A package was found ready.

        Args:
            age: seconds since its first asking.
            since_last: seconds since it was last seen not ready; what it took lies in between, so after a long time
                there is nothing to learn.
        """
        if since_last <= FINE * age:
            self.delays.learn(age - since_last / 2.0)
