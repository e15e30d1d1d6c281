"""Which package the service is asked about next, for all packages together.

Rule 1: packing takes time and should run while others stream: what was never asked for goes first, unless the streams
    would then be the last to end (`ends.py`); then they are fed. Some are fed in any case, for without looks nothing is
    learned.
Rule 2: asking again is driven by demand: only while a stream would otherwise soon have nothing to do. A package that
    lies ready unasked costs nothing; a link that was asked for early expires.
Rule 3: a package is asked about again when it is likely to be ready, as `PackingTimeModel` learns from every answer.
Unless
    calls are scarce lower odds will do, the lower the fewer looks were in vain.
Rule 4: the last few are asked often: who is waited for alone may as well be asked.
Rule 5: until the service has shown that asking again does not restart the packing (`restarts.py`), waits only grow
    (`waits.py`). What the service says of when to come back is kept to.
Rule 6: while none was found ready, ever older ones are looked at, more where there are many: streams should not stand
    still for want of knowing.
Rule 7: a service that answers at once (packed long ago) is asked as streams become free: its links would only grow old.

Nothing here reads a clock: `benchmarks/schedule.py` runs the same decisions in virtual time.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from typing import Generic, Literal, TypeVar

from .bottleneck import Bottleneck, CallRate, packed
from .packing_time import PackingTimeModel
from .poll_times import CALM, FEW, SHORTEST, Pollable, age_to_ask, next_scout
from .restart_test import RestartTest
from .throughput import Throughput

__all__ = ["PollPolicy"]

EAGER, WARY, SURE = 0.1, 0.3, 0.98
"""Odds of being ready that do while streams are idle: before calls are scarce; before it is known whether asking again
restarts; and where calls are scarce."""
VAIN, RISKED = 0.5, 0.2
"""Looks in vain for each package that are spent on feeding the streams early; and before it is known whether they
restart."""
RUN = 4
"""First requests after which one look is in turn, should there be use for it: without looks nothing is learned."""
PROBES = 6
"""Packages that are watched from the start: all others are asked again when something is known."""
SPARSE = 16
"""First requests after which one scout is in turn."""
BACKLOG = 10.0
"""Seconds of streaming that may lie ready."""
LIFE_SHARE = 0.25
"""Share of a link's life that it may wait for a stream."""
CROWD, FEWER = 50, 0.8
"""How many count as the last few; and when their waits are judged anew: whenever a fifth of them has gone."""
MOVED = 0.2
"""A change of what is believed of delays (of either logarithm) after which all waits are judged anew."""
CLOSE = 0.9
"""Calls that take that share of all that is left are scarce."""
SLIGHT = 1e-9
"""Odds that are no proof of the opposite."""
LEARN_RATE = 0.1
"""Share of the newest answer in what is believed of first answers."""
MOSTLY = 0.5


K = TypeVar("K", bound=Pollable)


class PollPolicy(Generic[K]):
    """What to ask about next.

    Args:
        first: seconds before anything is asked about again while nothing is known.
        limit: calls a second that are allowed; None when that is not known.

    Attributes:
        streams: bodies that may stream at the same time.
        pipe: what streams.
        delays: what is known of packing times.
        restarts: what is known of whether asking again restarts the packing.
    """

    def __init__(self, first: float, limit: float | None = None) -> None:
        self.streams = 1
        self.pipe = Throughput()
        self.delays = PackingTimeModel()
        self.restarts = RestartTest()
        self._first = first
        self._rate = CallRate(math.inf if limit is None else limit)
        self._once: deque[K] = deque()
        self._later: list[tuple[float, int, K]] = []
        self._air: dict[K, float] = {}
        self._told: dict[K, float] = {}
        self._pushed = self._probes = 0
        self._latest = 0.0
        self._link_life = math.inf
        self._at_once = 0.0
        self._odds = CALM
        self._crowd = CROWD
        self._judged = self.delays.belief
        self._to_come = 0
        self._started = self._vain = self._run = 0
        self._scout = first

    def __len__(self) -> int:
        return len(self._once) + len(self._later)

    @property
    def at_once(self) -> bool:
        """Whether packages are mostly ready when they are first asked for."""
        return self._at_once >= MOSTLY

    def choose(self, now: float, *, fresh: bool, to_come: int, ready: int) -> Literal["fresh", "again"] | None:
        """What to send now, if anything.

        Args:
            fresh: whether there is a package that was never asked for and may be.
            to_come: packages that were never asked for, as far as is known.
            ready: packages that are ready and wait for a stream.
        """
        chosen = self._choose(now, fresh, to_come, ready)
        if chosen is None:
            self._rate.idle()
        else:
            self._rate.sent(now)
        return chosen

    def _choose(self, now: float, fresh: bool, to_come: int, ready: int) -> Literal["fresh", "again"] | None:
        self._to_come = to_come
        if self._probing(now, fresh):
            return "again"
        wanted = self.wanted(ready) > 0
        if wanted and len(self) and self.delays.known:
            ends = self._ends(now, to_come, ready)
            if not fresh or self._run >= RUN or ends.streams_are_last:
                self._odds = self._worthwhile(ends, to_come)
                if self._likely(now):
                    return "again"
        return "fresh" if fresh and (wanted or not self.at_once) else None

    def wanted(self, ready: int) -> float:
        """How many more ready packages there is use for now; requests in flight count by their odds."""
        each, idle = self.pipe.each(), self.streams - self.pipe.active
        backlog = int(min(self._link_life * LIFE_SHARE, max(BACKLOG, each)) / each) if each else 0
        return idle + min(backlog, 4 * self.streams) - ready - sum(self._air.values())

    def _probing(self, now: float, fresh: bool) -> bool:
        """Whether one is due by which more is learned of the service."""
        learning = not self.delays.known or self.restarts.open
        if learning and self._later and self._later[0][0] <= now:
            return True
        scouting = bool(self._once) and not self.delays.known and (not fresh or self._run >= SPARSE)
        return scouting and now >= self._once[0].asked + self._scout

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

    def _ends(self, now: float, to_come: int, ready: int) -> Bottleneck:
        each, rate = self.pipe.each(), self._rate.now
        bodies = to_come + len(self) + ready + self.pipe.active / 2
        if to_come:
            packing = packed(self.delays, to_come=to_come, rate=rate, each=each)
        else:
            age = now - self._latest
            packing = self.delays.age_of(1 - 1 / (len(self) + 1), age) - age
        return Bottleneck(bodies * each, packing, (2 * to_come + len(self)) / rate)

    def _worthwhile(self, ends: Bottleneck, to_come: int) -> float:
        """The odds at which asking again is worth a call."""
        if self.restarts.likely:
            return CALM
        if ends.scarce(CLOSE):
            return SURE if to_come else CALM
        eager, vain = (EAGER, VAIN) if self.restarts.steady else (WARY, RISKED)
        used = self._vain / (vain * max(self._started + to_come, 1))
        return min(eager + (CALM - eager) * used, CALM)

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
            self._scout = next_scout(now - item.asked, self._started + self._to_come)
        item.sent = now
        self._told.pop(item, None)
        self._run = 0
        self._air[item] = self.delays.odds(item.seen - item.asked, now - item.asked) if self.delays.known else MOSTLY
        return item

    def due(self, now: float, ready: int) -> float | None:
        """When the next asking again may be due; None when only an event can change that."""
        times = [self._later[0][0]] if self._later else []
        if not self.delays.known and self._once:
            times.append(self._once[0].asked + self._scout)
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

    def packing(self, item: K, told: float | None = None) -> None:
        """A package was not ready.

        Args:
            told: seconds before which the service does not want to be asked again; None when it did not say.
        """
        if told is not None:
            self._told[item] = item.sent + told
        if item.asks > 1:
            self._vain += 1
            self._learn(item, ready=False)
            item.gap = max(item.gap, item.sent - item.seen)
            item.seen = item.sent
            self.push(item, self._next(item))
            return
        self._at_once -= LEARN_RATE * self._at_once
        if self._probes >= PROBES:
            self._once.append(item)
            return
        self._probes += 1
        self.push(item, item.asked + self._first * 2.0 ** (self._probes % PROBES / PROBES))

    def ready(self, item: K, link_life: float) -> None:
        """A package was ready.

        Args:
            link_life: seconds that its link is good for.
        """
        self._link_life = min(self._link_life, max(link_life, 1.0))
        if item.asks <= 1:
            self._at_once += LEARN_RATE * (1.0 - self._at_once)
            return
        before = self.delays.known, self.restarts.steady
        self._learn(item, ready=True)
        few = self.restarts.steady and not self._to_come and len(self) <= FEWER * self._crowd
        if few:
            self._crowd = len(self)
        moved = self.delays.apart(self._judged) > MOVED
        if few or moved or before != (self.delays.known, self.restarts.steady):
            self._anew()

    def _learn(self, item: K, *, ready: bool) -> None:
        """What an answer to a request that was not the first says of the service."""
        gap, age, seen = item.sent - item.seen, item.sent - item.asked, item.seen - item.asked
        steady = self.restarts.steady or not item.restarts
        if not steady:
            anew = max(self.delays.odds(item.gap, gap), SLIGHT) if gap > item.gap else 0.0
            steady = self.restarts.answered(ready, if_restarting=anew, if_steady=self.delays.odds(seen, age))
        if steady:
            self.delays.looked(seen, age, ready)
        else:
            self.delays.looked(item.gap, age if ready and not self.restarts.likely else gap, ready)

    def _anew(self) -> None:
        """More is known: the times of those that wait are judged again."""
        self._judged = self.delays.belief
        waiting, self._later = self._later, []
        for due, _, item in waiting:
            self.push(item, self._next(item) if item.asks > 1 else due)

    def _next(self, item: K) -> float:
        """When to ask about a package again that was asked in vain."""
        left = self._to_come + len(self) + 1
        return item.asked + age_to_ask(item, self.delays, self.restarts, first=self._first, left=left)
