"""The simulated service: rate-limited calls, packing, and links that expire."""

from __future__ import annotations

import heapq
import math
from collections import deque

from attrs import frozen

from pixxel_async._http.rules import throttle
from pixxel_async.downloads.body.rules.multipart import WINDOW

from .network import Network
from .policies import Policy, Work
from .regime import Package, Regime

__all__ = ["Course", "run"]


@frozen
class Course:
    """Result of a run.

    Attributes:
        makespan: seconds until the last byte.
        polls: requests a package after the first.
        expired: links a package that had ended when they were to be used.
        refused: calls a package that were refused as too many.
    """

    makespan: float
    polls: float
    expired: float
    refused: float


def run(
    regime: Regime, items: list[Package], policy: Policy, *, restarts: bool = False, refusing: bool = False
) -> Course:
    """Simulate one run from the first request to the last byte.

    Args:
        restarts: whether a request for what is being packed packs it anew.
        refusing: whether the client does not know the allowed rate, and learns it from refusals.
    """
    return _Run(regime, policy, restarts=restarts, refusing=refusing).through(items)


class _Run:
    def __init__(self, regime: Regime, policy: Policy, *, restarts: bool, refusing: bool) -> None:
        self.regime = regime
        self.policy = policy
        self.restarts = restarts
        self.refusing = refusing
        self.now = 0.0
        self.brake = throttle.Throttle()
        self.gate: deque[Work] = deque()
        self.answers: list[tuple[float, int, Work, float | None]] = []
        self.network = Network(regime, policy, settling=2 * WINDOW)
        self.second, self.served = -1, 0
        self.counted = self.left = 0
        self.polls = self.expired = self.refused = 0
        self.renewing: set[int] = set()

    def through(self, items: list[Package]) -> Course:
        for item in items:
            self.policy.add(Work(item))
        self.left = len(items)
        while self.left:
            self._stream()
            self.network.split(self.now)
            due = self._send()
            self._pass(min(self._next_event(), due))
            self._arrive()
            self._end()
        return Course(self.now, self.polls / len(items), self.expired / len(items), self.refused / len(items))

    def _stream(self) -> None:
        while (work := self.policy.stream(self.now)) is not None:
            if self.now < work.expires:
                self.network.begin(work, self.now)
            else:
                self.expired += 1
                self.renewing.add(id(work))
                self.gate.append(work)

    def _send(self) -> float:
        """Send the requests allowed now; return when to check again."""
        while True:
            wait = throttle.wait_before(self.brake, self.now)
            if wait > 1e-9:
                return self.now + wait
            work = self._chosen()
            if work is None:
                due = self.policy.due(self.now)
                return math.inf if due is None else max(due, self.now + 0.001)
            self._call(work)

    def _chosen(self) -> Work | None:
        if self.gate:
            return self.gate.popleft()
        if len(self.answers) >= self.policy.asks:
            return None
        work = self.policy.choose(self.now)
        if work is not None:
            self.polls += work.asks > 0
            work.asks += 1
        return work

    def _call(self, work: Work) -> None:
        self.counted += 1
        self.brake = throttle.after_start(self.brake, self.now, None if self.refusing else self.regime.rate)
        pause = self._refusal()
        if pause is None:
            self._ask(work, self.now + self.regime.latency / 2)
        heapq.heappush(self.answers, (self.now + self.regime.latency, self.counted, work, pause))

    def _refusal(self) -> float | None:
        """Return the seconds of pause with which the service refuses a call."""
        if not self.refusing:
            return None
        if int(self.now) != self.second:
            self.second, self.served = int(self.now), 0
        self.served += 1
        return None if self.served <= self.regime.rate else self.second + 1 - self.now

    def _ask(self, work: Work, at: float) -> None:
        if work.ready_at is None or (self.restarts and at < work.ready_at):
            work.ready_at = at + work.package.packing

    def _next_event(self) -> float:
        answer = self.answers[0][0] if self.answers else math.inf
        return min(answer, self.network.next_event(self.now))

    def _pass(self, until: float) -> None:
        assert until < math.inf, "nothing will ever happen again"
        self.network.pass_by(until - self.now)
        self.now = until

    def _arrive(self) -> None:
        while self.answers and self.answers[0][0] <= self.now:
            _, _, work, pause = heapq.heappop(self.answers)
            if pause is not None:
                self.refused += 1
                self.brake = throttle.after_refusal(self.brake, self.now - self.regime.latency, self.now, pause)
                self.gate.append(work)
                continue
            self.brake = throttle.after_success(self.brake)
            self._answer(work)

    def _answer(self, work: Work) -> None:
        assert work.ready_at is not None
        if work.ready_at > self.now - self.regime.latency / 2:
            self.policy.packing(work, self.now)
            return
        work.expires = self.now + self.regime.link_life
        if id(work) in self.renewing:
            self.renewing.discard(id(work))
            self.network.begin(work, self.now)
        else:
            self.policy.ready(work, self.now)

    def _end(self) -> None:
        for work in self.network.ended():
            self.left -= 1
            self.policy.streamed(work, self.now)
