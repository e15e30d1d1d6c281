"""How fast calls may start: refusals slow all calls to one origin, successes speed them up again."""

from __future__ import annotations

from attrs import evolve, frozen

_FALL = 0.7
"""What is left of the rate after a refusal."""
_RISE = 2.0
"""Calls a second that come back in each second of successes."""
_SLOWEST = 0.5
"""Calls a second that are always left."""
_FREE = 200.0
"""Calls a second at which the brake lets go."""


@frozen
class Throttle:
    """The pace of one origin; times are seconds of the client's clock.

    Attributes:
        rate: calls a second allowed after refusals; None while nothing was refused.
        next_at: the next call may not start before.
        paused_until: no call may start before, because the server said so.
        fell_at: when the rate fell last; refusals of calls sent before then are the same refusal.
        begun_at, begun: the running count of calls from which the present pace is known.
        pace: calls in the last full second.
    """

    rate: float | None = None
    next_at: float = 0.0
    paused_until: float = 0.0
    fell_at: float = float("-inf")
    begun_at: float = float("-inf")
    begun: int = 0
    pace: int = 0


def wait_before(brake: Throttle, now: float) -> float:
    """Seconds until the next call may start; 0 or less for now."""
    return max(brake.next_at, brake.paused_until) - now


def started(brake: Throttle, now: float, limit: float | None) -> Throttle:
    """The brake after a call has started.

    Args:
        limit: calls a second that the client allows itself; None for no such limit.
    """
    rates = [rate for rate in (brake.rate, limit) if rate is not None]
    next_at = max(brake.next_at, now) + 1 / min(rates) if rates else now
    if now - brake.begun_at < 1:
        return evolve(brake, next_at=next_at, begun=brake.begun + 1)
    return evolve(brake, next_at=next_at, pace=brake.begun, begun_at=now, begun=1)


def refused(brake: Throttle, sent_at: float, now: float, pause: float) -> Throttle:
    """The brake after a 429 or 503.

    Args:
        sent_at: when the refused call was sent: those already under way at the last fall count no more.
        pause: seconds that the server asked for, already capped.
    """
    brake = evolve(brake, paused_until=max(brake.paused_until, now + pause))
    if sent_at < brake.fell_at:
        return brake
    before = brake.rate if brake.rate is not None else float(max(brake.pace, brake.begun))
    rate = max(_SLOWEST, before * _FALL)
    return evolve(brake, rate=rate, fell_at=now, next_at=max(brake.next_at, now + 1 / rate))


def answered(brake: Throttle) -> Throttle:
    """The brake after a call that was served."""
    if brake.rate is None:
        return brake
    rate = brake.rate + _RISE / brake.rate
    return evolve(brake, rate=rate if rate < _FREE else None)
