"""Decide the number of connections to a storage host by measured throughput.

Model. A connection is held by its window of w bytes: it gives at most w / r bytes a second over a round trip of r
seconds. n of them share what the line and the storage can give together, C:

    R(n) = min(n * w / r, C),    with a knee at n* = C * r / w.

Below the knee a connection adds w / r; above it, it adds nothing and takes its share from other users of the line. Near
the storage (r < FAR) eight streams are beyond the knee already: a window of 256 KiB and 10 ms give 25 MB/s each. There
the number of connections is that of the bodies that may stream, the *floor*, and nothing is tried.

First step. A far storage shows itself in the head of the first response, which also says how long the body is. With
slow start, and two round trips until a new connection delivers, each doubling from the floor would take about
SETTLE + WINDOW = 7 round trips; 512 MiB over 64 windows of 1 MiB take 8. So the first step goes from the floor to the
ceiling (`max_connections`) at once. It is a trial like all others: the rate at the floor is what arrives until the new
connections deliver.

Trials. A trial compares the sums of rates of two numbers of connections, one after the other, over a window of WINDOW
round trips each, which begins SETTLE round trips after the change: two for opening a connection and its first byte, one
for bytes that were under way. The decision rule, with a margin for noise:

    the larger number stays if and only if  R(larger) > GAIN * R(smaller).

Below the knee a doubling gives R(2n) / R(n) = 2, above it 1: GAIN = 1.1 leaves a tenth for noise on the one side, and
on the other stops at most 10 % short of C. After a trial that was kept, the next step (doubling, or halving towards the
floor) follows at once; after one that was not, the direction changes. Numbers are given back that way, too: the trial
of half as many finds them needless, as when the first step was measured during slow start.

Cost of trying. A needless trial upwards costs other users their share; one downwards costs at most half of the rate for
a trial's length t. The k-th trial in a row that changed nothing is followed by a rest of REST * t * 2^k seconds, at
most LONGEST_REST: at most 1 / (2 * REST) = 2.5 % of the bytes are lost, and a steady storage is hardly tried at all.

Refusals. After 429 or 503 half as many connections as were in use are allowed, the floor at least, and the next trial
waits as long as after a vain one. (How many requests may be in flight at all is the host limiter's decision.)

A window counts only while as many connections are in use as it is to measure, so that the ends of bodies are no sign.
Nothing here reads a clock; `tests/downloads/limits/test_growth.py` runs the rules in simulated time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from attrs import evolve, frozen

__all__ = ["FAR", "Growth", "Sample", "after_refusal", "after_sample", "at_head", "shares"]

FAR = 0.02
"""Seconds between a request and the head of its response, at best, from which a storage is far. Chosen: eight windows
of 1 MiB over 20 ms are 400 MB/s. The event loop must have been idle for as long: on a busy machine all is late."""
GAIN = 1.1
"""Factor by which the larger number of connections must raise the sum of rates. Chosen: see the decision rule."""
SETTLE = 3.0
"""Round trips between a change and its window."""
WINDOW = 4.0
"""Round trips of a window: a rate that comes in bursts of one round trip is known to a quarter or better."""
LEAST_WINDOW = 0.2
"""Shortest window in seconds: some tens of reads on a slow line. Chosen."""
REST = 20.0
"""Trial lengths of rest after a trial in vain; see the cost of trying."""
LONGEST_REST = 300.0
"""Longest rest in seconds: a line that changes is noticed within five minutes. Chosen."""
IN_USE = 0.9
"""Share of the connections to be measured that must be in use."""
APART = 1.25
"""Least ratio between two numbers of connections whose rates are compared."""


@frozen
class Sample:
    """Measurements of a host at one moment.

    Attributes:
        now: seconds of the client's clock.
        moved: bytes that its bodies have received so far.
        used: connections in use.
        demand: connections for which its bodies have work.
        floor, ceiling: fewest and most connections that may be allowed.
        rtt: seconds between a request and its head, at best; infinite while unknown.
        far: whether the storage is far.
    """

    now: float
    moved: int
    used: int
    demand: int
    floor: int
    ceiling: int
    rtt: float
    far: bool

    @property
    def window(self) -> float:
        """The seconds of a window."""
        return max(WINDOW * self.rtt if self.rtt < math.inf else 0.0, LEAST_WINDOW)


@frozen
class Growth:
    """State of one host.

    Attributes:
        allowed: connections that are allowed; 0 for the floor.
        other: number of connections that is compared with; 0 while no trial is on.
        other_rate: sum of rates at that number, in bytes per second; 0 while unknown.
        rate: sum of rates in the last window, in bytes per second; 0 while unknown.
        each: `rate` per connection.
        settled_at: earliest start of the next window.
        since, mark: start of the present window, and bytes at that time.
        open: whether a window is open.
        down: whether the next trial is one of fewer connections.
        vain: trials in a row that changed nothing.
        next_trial: earliest start of the next trial.
        stepped: whether the first step was made.
    """

    allowed: int = 0
    other: int = 0
    other_rate: float = 0.0
    rate: float = 0.0
    each: float = 0.0
    settled_at: float = -math.inf
    since: float = 0.0
    mark: int = 0
    open: bool = False
    down: bool = False
    vain: int = 0
    next_trial: float = -math.inf
    stepped: bool = False

    def limit(self, floor: int, ceiling: int) -> int:
        """Return the connections that are allowed between these bounds."""
        return min(max(self.allowed, floor), ceiling)


def at_head(state: Growth, sample: Sample) -> Growth:
    """Return the state after the head of a response: the first one of a far storage is followed by the first step."""
    if not sample.far:
        return Growth(rate=state.rate, each=state.each) if state.allowed else state
    if state.stepped or sample.demand <= sample.floor or sample.ceiling <= sample.floor:
        return state
    return evolve(_step(state, sample, sample.ceiling), other=sample.floor, other_rate=0.0, stepped=True)


def after_sample(state: Growth, sample: Sample) -> Growth:
    """Return the state after a sample, which ends a window if it is old enough."""
    if sample.now < state.settled_at:
        return state
    if not state.open:
        span = sample.now - state.since
        if state.other and not state.other_rate and span > 0:  # the rate while the first step was being made
            state = evolve(state, other_rate=(sample.moved - state.mark) / span)
        return _reopen(state, sample)
    if state.other and not _measurable(state, sample):
        return _reopen(state, sample)
    if sample.now - state.since < sample.window:
        return state
    rate = (sample.moved - state.mark) / (sample.now - state.since)
    state = evolve(_reopen(state, sample), rate=rate, each=rate / max(sample.used, 1))
    if state.other:
        return _decide(state, sample)
    return _try(state, sample) if sample.far and sample.now >= state.next_trial else state


def after_refusal(state: Growth, sample: Sample) -> Growth:
    """Return the state after a 429 or 503: half of the connections in use, and a rest."""
    state = evolve(state, allowed=max(sample.used // 2, sample.floor), other=0, open=False, stepped=True, down=False)
    return _rest(state, sample)


def shares(allowed: int, wants: Sequence[int]) -> list[int]:
    """Divide connections max-min fairly: no share exceeds its demand, and unsatisfied shares are equal.

    Args:
        allowed: connections; each want gets one even if there are fewer.
        wants: connections that each body has work for, at least one.
    """
    granted, remaining, open_wants = [0] * len(wants), max(allowed, len(wants)), len(wants)
    for index in sorted(range(len(wants)), key=wants.__getitem__):
        granted[index] = min(wants[index], remaining // open_wants)
        remaining, open_wants = remaining - granted[index], open_wants - 1
    return granted


def _measurable(state: Growth, sample: Sample) -> bool:
    """Return whether the connections in use are those that the trial is to measure."""
    if state.allowed < state.other:
        return sample.used <= state.allowed and sample.demand > state.allowed
    usable = min(state.allowed, sample.demand)
    return sample.used >= max(IN_USE * usable, APART * state.other)


def _decide(state: Growth, sample: Sample) -> Growth:
    """End a trial: the larger number stays if its rate is higher by more than noise."""
    grown = state.allowed > state.other
    larger, smaller = (state.rate, state.other_rate) if grown else (state.other_rate, state.rate)
    if grown == (larger > GAIN * smaller):
        state = evolve(state, other=0, vain=0)
        target = _target(state, sample)
        return _rest(evolve(state, down=not state.down), sample) if target == state.allowed else state
    restored = evolve(state, allowed=state.other, other=0, open=False, down=not state.down, vain=state.vain + 1)
    return _rest(evolve(restored, settled_at=sample.now + SETTLE * sample.rtt), sample)


def _try(state: Growth, sample: Sample) -> Growth:
    """Begin a trial: of twice as many connections if there is work for them, or of half as many."""
    for down in (state.down, not state.down):
        state = evolve(state, down=down)
        target = _target(state, sample)
        now_allowed = state.limit(sample.floor, sample.ceiling)
        if target != now_allowed and sample.used >= IN_USE * now_allowed:
            return evolve(_step(state, sample, target), other=now_allowed, other_rate=state.rate)
    return state


def _target(state: Growth, sample: Sample) -> int:
    """Return the next number of connections in the present direction; the present number if there is none."""
    allowed = state.limit(sample.floor, sample.ceiling)
    if state.down:
        return max(allowed // 2, sample.floor)
    return min(2 * allowed, sample.ceiling) if sample.demand > allowed else allowed


def _step(state: Growth, sample: Sample, target: int) -> Growth:
    settled_at = sample.now + SETTLE * sample.rtt
    return evolve(state, allowed=target, settled_at=settled_at, since=sample.now, mark=sample.moved, open=False)


def _rest(state: Growth, sample: Sample) -> Growth:
    rtt = sample.rtt if sample.rtt < math.inf else 0.0
    length = SETTLE * rtt + sample.window
    return evolve(state, next_trial=sample.now + min(REST * length * 2.0 ** min(state.vain, 20), LONGEST_REST))


def _reopen(state: Growth, sample: Sample) -> Growth:
    return evolve(state, since=sample.now, mark=sample.moved, open=True)
