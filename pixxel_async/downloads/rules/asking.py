"""Which package the service is asked about next, for all packages together.

Rule 1: packing takes time and should run while others stream: what was never asked for goes first, unless the streams
    would then be the last to end; then they are fed. Some are fed in any case, for without looks nothing is learned.
Rule 2: asking again is driven by demand: only while a stream would otherwise soon have nothing to do. A package that
    lies ready unasked costs nothing; a link that was asked for early expires.
Rule 3: a package is asked about again when it is likely to be ready, as `Delays` learns from every answer. Unless
    calls are scarce lower odds will do, the lower the fewer looks were in vain.
Rule 4: the last few are asked often: who is waited for alone may as well be asked.
Rule 5: until the service has shown that asking again does not restart the packing, waits only grow (`waits.py`).
    What the service says of when to come back is kept to.
Rule 6: a service that answers at once (packed long ago) is asked as streams become free: its links would only grow old.

Nothing here reads a clock: `benchmarks/schedule.py` runs the same decisions in virtual time.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from typing import Generic, Literal, TypeVar

from .delays import Delays
from .pipe import Pipe
from .waits import CALM, FEW, SHORTEST, Asked, age_to_ask

__all__ = ["Asking"]

EAGER, WARY, SURE = 0.1, 0.3, 0.98
"""Odds of being ready that do while streams are idle: before calls are scarce; before it is known whether asking again
restarts; and where calls are scarce."""
VAIN = 0.2
"""Looks in vain for each package that are spent on feeding the streams early."""
RUN = 4
"""First requests after which one look is in turn, should there be use for it: without looks nothing is learned."""
PROBES = 6
"""Packages that are watched from the start: all others are asked again when something is known."""
BACKLOG = 10.0
"""Seconds of streaming that may lie ready."""
LIFE_SHARE = 0.25
"""Share of a link's life that it may wait for a stream."""
CROWD = 50
"""How many count as the last few."""
TESTS = 24
"""Shortened waits in vain after which a service is taken for one that restarts."""
EARLY = 4 * PROBES
"""Looks that do not wait for a use, until it is known whether asking again restarts."""
CLOSE = 0.9
"""Calls that take that share of all that is left are scarce."""
SLACK = 0.8
"""Where calls take longest it does not matter which of them come first, if packing ends well before them."""
LEARN_RATE = 0.1
MOSTLY = 0.5


K = TypeVar("K", bound=Asked)


class Asking(Generic[K]):
    """What to ask about next.

    Args:
        first: seconds before anything is asked about again while nothing is known.
        limit: calls a second that are allowed; None when that is not known.

    Attributes:
        streams: bodies that may stream at the same time.
        asks: requests that may be in flight.
        pipe: what streams.
        delays: what is known of packing times.
        steady: whether it is proved that asking again does not restart the packing.
    """

    def __init__(self, first: float, limit: float | None = None) -> None:
        self.streams = 1
        self.asks = 1
        self.pipe = Pipe()
        self.delays = Delays()
        self.steady = False
        self._first = first
        self._limit = math.inf if limit is None else limit
        self._once: deque[K] = deque()
        self._later: list[tuple[float, int, K]] = []
        self._air: dict[K, float] = {}
        self._told: dict[K, float] = {}
        self._pushed = self._probes = self._looks = self._tests = 0
        self._call = 0.0
        self._latest = 0.0
        self._link_life = math.inf
        self._at_once = 0.0
        self._odds = CALM
        self._crowd = CROWD
        self._to_come = 0
        self._started = self._vain = self._run = 0

    def __len__(self) -> int:
        return len(self._once) + len(self._later)

    @property
    def at_once(self) -> bool:
        """Whether packages are mostly ready when they are first asked for."""
        return self._at_once >= MOSTLY

    @property
    def restarts(self) -> bool:
        """Whether asking again seems to restart the packing."""
        return not self.steady and self._tests >= TESTS

    def choose(self, now: float, *, fresh: bool, to_come: int, ready: int) -> Literal["fresh", "again"] | None:
        """What to send now, if anything.

        Args:
            fresh: whether there is a package that was never asked for and may be.
            to_come: packages that were never asked for, as far as is known.
            ready: packages that are ready and wait for a stream.
        """
        self._to_come = to_come
        if self._probing(now):
            return "again"
        wanted = self.wanted(ready) > 0
        in_turn = self._run >= RUN
        if wanted and (not fresh or in_turn or self._streams_are_last(now, to_come, ready)):
            self._odds = self._worthwhile(now, to_come, ready)
            if self._likely(now):
                return "again"
        return "fresh" if fresh and (wanted or not self.at_once) else None

    def wanted(self, ready: int) -> float:
        """How many more ready packages there is use for now; requests in flight count by their odds."""
        each, idle = self.pipe.each(), self.streams - self.pipe.active
        backlog = int(min(self._link_life * LIFE_SHARE, max(BACKLOG, each)) / each) if each else 0
        return idle + min(backlog, 4 * self.streams) - ready - sum(self._air.values())

    def _probing(self, now: float) -> bool:
        """Whether one is due by which more is learned of the service."""
        learning = not self.delays.known or (not self.steady and self._looks < EARLY)
        return learning and bool(self._later) and self._later[0][0] <= now

    def _likely(self, now: float) -> bool:
        """Whether there is one that may be asked again: one whose time has come, or the oldest that was asked once."""
        if self._later and self._later[0][0] <= now:
            return True
        while self._once and self.delays.known and now >= self._oldest_due():
            if self._told.get(self._once[0], now) <= now:
                return True
            self.push(self._once.popleft(), now)
        return False

    def _oldest_due(self) -> float:
        oldest = self._once[0]
        return min(oldest.asked + self.delays.age_of(self._odds), oldest.until)

    def _ends(self, now: float, to_come: int, ready: int) -> tuple[float, float, float]:
        """Seconds until all is streamed, packed and asked, each as if nothing else held it up."""
        streaming = (to_come + len(self) + ready) * self.pipe.each()
        return streaming, self._packing(now, to_come), (2 * to_come + len(self)) / self._rate()

    def _packing(self, now: float, to_come: int) -> float:
        if not self.delays.known:
            return 0.0
        if to_come:
            return to_come / self._rate() + self.delays.age_of(1 - 1 / (to_come + 1))
        age = now - self._latest
        return self.delays.age_of(1 - 1 / (len(self) + 1), age) - age

    def _streams_are_last(self, now: float, to_come: int, ready: int) -> bool:
        streaming, packing, asking = self._ends(now, to_come, ready)
        return bool(len(self)) and self.delays.known and (not streaming or max(streaming, SLACK * asking) >= packing)

    def _worthwhile(self, now: float, to_come: int, ready: int) -> float:
        """The odds at which asking again is worth a call."""
        streaming, packing, asking = self._ends(now, to_come, ready)
        left = max(streaming, packing, asking)
        if asking > CLOSE * left:
            return SURE if to_come else CALM
        used = self._vain / (VAIN * max(self._started + to_come, 1))
        eager = EAGER if self.steady else WARY
        return min(eager + (CALM - eager) * used, CALM)

    def _rate(self) -> float:
        """Calls a second: what is allowed, and what so many in flight can do."""
        return min(self._limit, self.asks / self._call if self._call else math.inf, 1e6)

    def first(self, item: K, now: float) -> None:
        """A package is being asked for the first time."""
        item.asked = item.sent = item.seen = self._latest = now
        self._air[item] = self._at_once
        self._started += 1
        self._run += 1

    def pop(self, now: float) -> K:
        """The package to ask about again: one whose time has come, else the one that was asked once and long ago."""
        if self._later and (self._later[0][0] <= now or not self._once):
            item = heapq.heappop(self._later)[2]
        else:
            item = self._once.popleft()
        item.sent = now
        self._told.pop(item, None)
        self._looks += 1
        self._run = 0
        self._air[item] = self.delays.odds(item.seen - item.asked, now - item.asked) if self.delays.known else MOSTLY
        return item

    def due(self, now: float, ready: int) -> float | None:
        """When the next asking again may be due; None when only an event can change that."""
        times = [self._later[0][0]] if self._later else []
        if self.delays.known:
            if self.wanted(ready) <= 0:
                return None
            if self._once:
                soon = FEW * (now - self._once[0].asked)
                times.append(now + max(SHORTEST, min(soon, self._oldest_due() - now)))
        return min(times, default=None)

    def push(self, item: K, due: float) -> None:
        """Ask about this package again, not before `due`."""
        self._pushed += 1
        due = max(due, self._told.get(item, due))
        heapq.heappush(self._later, (min(due, item.until), self._pushed, item))

    def answered(self, item: K, now: float) -> None:
        """The request has ended, however it did."""
        self._air.pop(item, None)
        share = LEARN_RATE if self._call else 1.0
        self._call += share * (now - item.sent - self._call)

    def packing(self, item: K, told: float | None = None) -> None:
        """A package was not ready.

        Args:
            told: seconds before which the service does not want to be asked again; None when it did not say.
        """
        if told is not None:
            self._told[item] = item.sent + told
        if item.asks <= 1:
            self._at_once -= LEARN_RATE * self._at_once
            if self._probes >= PROBES:
                self._once.append(item)
                return
            self._probes += 1
            self.push(item, item.asked + self._first * 2.0 ** (self._probes % PROBES / PROBES))
            return
        self._vain += 1
        gap = item.sent - item.seen
        steady = self.steady or not item.restarts
        self._tests += not steady and gap <= item.gap
        item.gap = max(item.gap, gap)
        item.look = self.delays.packing(item.look, item.sent - item.asked if steady else item.gap)
        item.seen = item.sent
        self.push(item, self._next(item))

    def ready(self, item: K, link_life: float) -> None:
        """A package was ready.

        Args:
            link_life: seconds that its link is good for.
        """
        self._link_life = min(self._link_life, max(link_life, 1.0))
        if item.asks <= 1:
            self._at_once += LEARN_RATE * (1.0 - self._at_once)
            return
        new = not self.delays.known
        restarted = item.restarts and self.restarts
        self.delays.ready(item.look, item.sent - (item.seen if restarted else item.asked))
        item.look = None
        proved = not self.steady and item.restarts and item.sent - item.seen <= item.gap
        self.steady = self.steady or proved
        few = self.steady and not self._to_come and len(self) <= 0.8 * self._crowd
        if few:
            self._crowd = len(self)
        if new or proved or few:
            self._anew()

    def _anew(self) -> None:
        """More is known: the times of those that wait are judged again."""
        waiting, self._later = self._later, []
        for due, _, item in waiting:
            self.push(item, self._next(item) if item.asks > 1 else due)

    def _next(self, item: K) -> float:
        """When to ask about a package again that was asked in vain."""
        left = self._to_come + len(self) + 1
        return item.asked + age_to_ask(
            item, self.delays, first=self._first, steady=self.steady, restarting=self.restarts, left=left
        )
