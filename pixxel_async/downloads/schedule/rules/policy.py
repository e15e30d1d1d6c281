"""Choice of the next request over all packages; its mathematics is the page in this package's `__init__`.

Rule 1: packing takes time and should run while others stream: first requests go first, unless the streams would then be
    the last to end (`bottleneck.py`). Some polls go out in any case, as without polls nothing is learned.
Rule 2: polls are driven by demand: only while a stream would otherwise soon be idle. A package that lies ready unasked
    costs nothing; a link that was requested early expires.
Rule 3: a package is polled when it is likely to be ready, as `PackingTimeModel` estimates. Unless calls are scarce a
    lower probability will do, the lower the fewer polls were in vain.
Rule 4: the last few packages are polled often, as nothing else needs the calls.
Rule 5: until it is proved that polling does not restart the packing (`restart_test.py`), waits only grow
    (`poll_times.py`). A Retry-After is honoured.
Rule 6: while none was found ready, ever older packages are polled ("scouts"), more of them where there are many.
Rule 7: a service that answers "ready" at once (packed long ago) is asked as streams become free, as links only age.

Nothing here reads a clock: `benchmarks/schedule.py` runs the same decisions in virtual time.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from typing import Generic, Literal, TypeVar

from .bottleneck import Bottleneck, CallRate, packing_bound
from .packing_time import PackingTimeModel
from .poll_times import CALM, FEW, SHORTEST, Pollable, next_scout, poll_age
from .restart_test import RestartTest
from .throughput import Throughput

__all__ = ["PollPolicy"]

EAGER, WARY, SURE = 0.1, 0.3, 0.98
"""P(ready) that is enough for a poll while streams are idle: as long as calls are not scarce; before it is known
whether polling restarts the packing; where calls are scarce."""
VAIN, RISKED = 0.5, 0.2
"""Budget of polls in vain per package for feeding streams early; and before it is known whether they restart."""
RUN = 4
"""First requests per poll at least, while packing is the bottleneck: one call of five learns."""
PROBES = 6
"""Packages polled from the start, at first x 2^(k/6): one octave of ages. All others wait for an estimate."""
SPARSE = 16
"""First requests per scout at least: one call of seventeen."""
BACKLOG = 10.0
"""Seconds of streaming that may lie ready."""
LIFE_SHARE = 0.25
"""Share of a link's life that it may wait for a stream: 3/4 is left for the transfer."""
CROWD, FEWER = 50, 0.8
"""Packages that count as the last few; their poll times are recomputed whenever a fifth of them has gone."""
MOVED = 0.2
"""Change of mu or ln sigma after which all poll times are recomputed (22 % in the median)."""
CLOSE = 0.9
"""Calls are scarce if they take this share of the largest bound."""
SLIGHT = 1e-9
"""Smallest probability passed to the restart test where 0 would be taken for a proof."""
LEARN_RATE = 0.1
"""Weight of the newest first answer in the moving average of "ready at once"."""
MOSTLY = 0.5
"""Value of that average from which a service counts as answering at once."""


K = TypeVar("K", bound=Pollable)


class PollPolicy(Generic[K]):
    """Queues of pending packages and the choice of the next request.

    Args:
        first: seconds before the first poll while nothing is known.
        limit: calls per second that are allowed; None when unknown.

    Attributes:
        streams: bodies that may stream at the same time.
        throughput: active streams and their measured throughput.
        packing_time: the estimate of packing times.
        restarts: the test of whether polling restarts the packing.
    """

    def __init__(self, first: float, limit: float | None = None) -> None:
        self.streams = 1
        self.throughput = Throughput()
        self.packing_time = PackingTimeModel()
        self.restarts = RestartTest()
        self._first = first
        self._rate = CallRate(math.inf if limit is None else limit)
        self._asked_once: deque[K] = deque()
        self._polls: list[tuple[float, int, K]] = []
        self._in_flight: dict[K, float] = {}
        self._not_before: dict[K, float] = {}
        self._pushed = self._probes = 0
        self._latest = 0.0
        self._link_life = math.inf
        self._ready_at_once = 0.0
        self._threshold = CALM
        self._crowd = CROWD
        self._estimate_used = self.packing_time.estimate
        self._to_come = 0
        self._first_requests = self._polls_in_vain = self._run = 0
        self._scout = first

    def __len__(self) -> int:
        return len(self._asked_once) + len(self._polls)

    @property
    def at_once(self) -> bool:
        """Whether most packages are ready at their first request."""
        return self._ready_at_once >= MOSTLY

    def choose(self, now: float, *, fresh: bool, to_come: int, ready: int) -> Literal["fresh", "poll"] | None:
        """Choose the next request, if any: a first request or a poll.

        Args:
            fresh: whether a first request may be sent.
            to_come: packages without a first request, as far as is known.
            ready: packages that are ready and wait for a stream.
        """
        chosen = self._choose(now, fresh, to_come, ready)
        if chosen is None:
            self._rate.record_idle()
        else:
            self._rate.record_sent(now)
        return chosen

    def _choose(self, now: float, fresh: bool, to_come: int, ready: int) -> Literal["fresh", "poll"] | None:
        self._to_come = to_come
        if self._must_learn(now, fresh):
            return "poll"
        demand = self.demand(ready) > 0
        if demand and len(self) and self.packing_time.known:
            bounds = self._bounds(now, to_come, ready)
            if not fresh or self._run >= RUN or bounds.streams_are_last:
                self._threshold = self._threshold_now(bounds, to_come)
                if self._has_poll(now):
                    return "poll"
        return "fresh" if fresh and (demand or not self.at_once) else None

    def demand(self, ready: int) -> float:
        """Return for how many more ready packages there is use now; requests in flight count by their probability."""
        seconds_per_body, idle = self.throughput.seconds_per_body(), self.streams - self.throughput.active
        longest = min(self._link_life * LIFE_SHARE, max(BACKLOG, seconds_per_body))
        backlog = int(longest / seconds_per_body) if seconds_per_body else 0
        return idle + min(backlog, 4 * self.streams) - ready - sum(self._in_flight.values())

    def _must_learn(self, now: float, fresh: bool) -> bool:
        """Return whether a probe or a scout is due, which are polled without demand to learn about the service."""
        learning = not self.packing_time.known or self.restarts.open
        if learning and self._polls and self._polls[0][0] <= now:
            return True
        scouting = bool(self._asked_once) and not self.packing_time.known and (not fresh or self._run >= SPARSE)
        return scouting and now >= self._asked_once[0].asked_at + self._scout

    def _has_poll(self, now: float) -> bool:
        """Return whether a package may be polled: one whose time has come, or the oldest that was asked once."""
        if self._polls and self._polls[0][0] <= now:
            return True
        while self._asked_once and self.packing_time.known and now >= self._oldest_due():
            if self._not_before.get(self._asked_once[0], now) <= now:
                return True
            self.push(self._asked_once.popleft(), now)
        return False

    def _oldest_due(self) -> float:
        oldest = self._asked_once[0]
        return min(oldest.asked_at + self.packing_time.quantile(self._threshold), oldest.until)

    def _bounds(self, now: float, to_come: int, ready: int) -> Bottleneck:
        seconds_per_body, rate = self.throughput.seconds_per_body(), self._rate.now
        bodies = to_come + len(self) + ready + self.throughput.active / 2
        if to_come:
            packing = packing_bound(self.packing_time, to_come=to_come, rate=rate, seconds_per_body=seconds_per_body)
        else:
            age = now - self._latest
            packing = self.packing_time.quantile(1 - 1 / (len(self) + 1), age) - age
        return Bottleneck(bodies * seconds_per_body, packing, (2 * to_come + len(self)) / rate)

    def _threshold_now(self, bounds: Bottleneck, to_come: int) -> float:
        """Return the P(ready) from which a poll is worth a call (4d)."""
        if self.restarts.likely:
            return CALM
        if bounds.calls_bind(CLOSE):
            return SURE if to_come else CALM
        eager, vain = (EAGER, VAIN) if self.restarts.steady else (WARY, RISKED)
        used = self._polls_in_vain / (vain * max(self._first_requests + to_come, 1))
        return min(eager + (CALM - eager) * used, CALM)

    def start(self, item: K, now: float) -> None:
        """Record the first request for a package, sent at `now`."""
        item.asked_at = item.sent_at = item.pending_at = self._latest = now
        self._in_flight[item] = self._ready_at_once
        self._first_requests += 1
        self._run += 1

    def pop(self, now: float) -> K:
        """Take the package to poll: one whose time has come, else the oldest that was asked once."""
        if self._polls and (self._polls[0][0] <= now or not self._asked_once):
            item = heapq.heappop(self._polls)[2]
        else:
            item = self._asked_once.popleft()
            self._scout = next_scout(now - item.asked_at, self._first_requests + self._to_come)
        item.sent_at = now
        self._not_before.pop(item, None)
        self._run = 0
        model, requested_at = self.packing_time, item.asked_at
        self._in_flight[item] = (
            model.ready_probability(item.pending_at - requested_at, now - requested_at) if model.known else MOSTLY
        )
        return item

    def due(self, now: float, ready: int) -> float | None:
        """Return the time (seconds) of the next poll; None when only an event can bring one."""
        times = [self._polls[0][0]] if self._polls else []
        if not self.packing_time.known and self._asked_once:
            times.append(self._asked_once[0].asked_at + self._scout)
        if self.packing_time.known:
            if self.demand(ready) <= 0:
                return None
            if self._asked_once:
                soon = FEW * (now - self._asked_once[0].asked_at)
                times.append(now + max(SHORTEST, min(soon, self._oldest_due() - now)))
        return min(times, default=None)

    def take_overdue(self, now: float) -> tuple[list[K], float]:
        """Take the packages whose deadline has passed; return them and the earliest deadline of the others."""
        overdue = [item for item in self._asked_once if item.until <= now]
        overdue += [item for _, _, item in self._polls if item.until <= now]
        if overdue:
            self._asked_once = deque(item for item in self._asked_once if item.until > now)
            self._polls = [poll for poll in self._polls if poll[2].until > now]
            heapq.heapify(self._polls)
        for item in overdue:
            self._not_before.pop(item, None)
        deadlines = [item.until for item in self._asked_once] + [item.until for _, _, item in self._polls]
        return overdue, min(deadlines, default=math.inf)

    def push(self, item: K, due: float) -> None:
        """Queue a poll, not before `due` nor before its Retry-After, and not after its deadline."""
        self._pushed += 1
        due = max(due, self._not_before.get(item, due))
        heapq.heappush(self._polls, (min(due, item.until), self._pushed, item))

    def end_request(self, item: K) -> None:
        """Record that a request has ended, with any result."""
        self._in_flight.pop(item, None)

    def record_pending(self, item: K, retry_after: float | None = None) -> None:
        """Record that a package was not ready, and queue its next poll.

        Args:
            retry_after: seconds before which the service does not want to be asked again; None when it names none.
        """
        if retry_after is not None:
            self._not_before[item] = item.sent_at + retry_after
        if item.asks > 1:
            self._polls_in_vain += 1
            self._learn(item, ready=False)
            item.gap = max(item.gap, item.sent_at - item.pending_at)
            item.pending_at = item.sent_at
            self.push(item, self._poll_time(item))
            return
        self._ready_at_once -= LEARN_RATE * self._ready_at_once
        if self._probes >= PROBES:
            self._asked_once.append(item)
            return
        self._probes += 1
        self.push(item, item.asked_at + self._first * 2.0 ** (self._probes % PROBES / PROBES))

    def record_ready(self, item: K, link_life: float) -> None:
        """Record that a package was ready.

        Args:
            link_life: seconds for which its link is valid.
        """
        self._link_life = min(self._link_life, max(link_life, 1.0))
        if item.asks <= 1:
            self._ready_at_once += LEARN_RATE * (1.0 - self._ready_at_once)
            return
        before = self.packing_time.known, self.restarts.steady
        self._learn(item, ready=True)
        few = self.restarts.steady and not self._to_come and len(self) <= FEWER * self._crowd
        if few:
            self._crowd = len(self)
        moved = self.packing_time.distance(self._estimate_used) > MOVED
        if few or moved or before != (self.packing_time.known, self.restarts.steady):
            self._recompute_polls()

    def _learn(self, item: K, *, ready: bool) -> None:
        """Update the restart test and the packing times by the answer to a poll."""
        gap = item.sent_at - item.pending_at
        age, pending_age = item.sent_at - item.asked_at, item.pending_at - item.asked_at
        steady = self.restarts.steady or not item.restarts
        if not steady:
            probability = self.packing_time.ready_probability
            restarted = max(probability(item.gap, gap), SLIGHT) if gap > item.gap else 0.0
            steady = self.restarts.update(ready, if_restarting=restarted, if_steady=probability(pending_age, age))
        if steady:
            self.packing_time.update(pending_age, age, ready)
        else:
            self.packing_time.update(item.gap, age if ready and not self.restarts.likely else gap, ready)

    def _recompute_polls(self) -> None:
        """Recompute all poll times from the present estimate."""
        self._estimate_used = self.packing_time.estimate
        waiting, self._polls = self._polls, []
        for due, _, item in waiting:
            self.push(item, self._poll_time(item) if item.asks > 1 else due)

    def _poll_time(self, item: K) -> float:
        """Return when to poll a package again after a poll in vain."""
        remaining = self._to_come + len(self) + 1
        return item.asked_at + poll_age(item, self.packing_time, self.restarts, first=self._first, remaining=remaining)
