"""Client-side throttle of calls to one origin: additive increase, multiplicative decrease (AIMD) of the call rate.

A refusal (429, 503) sets `rate = max(_SLOWEST, rate * _FALL)`; each success sets `rate += _RISE / rate`, which is
`_RISE` calls a second per second. At `_FREE` calls a second the throttle is released. The numbers are ASSUMPTIONs
until a real account was measured.
"""

from __future__ import annotations

from typing import NamedTuple

_FALL = 0.7
"""Factor applied to the rate after a refusal."""
_RISE = 2.0
"""Calls a second added per second of successes."""
_SLOWEST = 0.5
"""Lowest rate in calls a second."""
_FREE = 200.0
"""Rate in calls a second at which the throttle is released."""


class Throttle(NamedTuple):
    """State of one origin; times are seconds of the client's clock.

    Attributes:
        rate: calls a second allowed; None while nothing was refused.
        next_at: earliest start of the next call.
        paused_until: earliest start of any call, by the server's Retry-After.
        fell_at: time of the last decrease; refusals of calls sent before it belong to the same overload.
        window_at, window: start of the current one-second window, and calls started in it.
        pace: calls started in the last full window.
    """

    rate: float | None = None
    next_at: float = 0.0
    paused_until: float = 0.0
    fell_at: float = float("-inf")
    window_at: float = float("-inf")
    window: int = 0
    pace: int = 0


def wait_before(throttle: Throttle, now: float) -> float:
    """Return the seconds until the next call may start; 0 or less means now."""
    return max(throttle.next_at, throttle.paused_until) - now


def after_start(throttle: Throttle, now: float, limit: float | None) -> Throttle:
    """Return the state after a call has started.

    Args:
        limit: calls a second set by the user (rate limit); None for none.
    """
    rates = [rate for rate in (throttle.rate, limit) if rate is not None]
    next_at = max(throttle.next_at, now) + 1 / min(rates) if rates else now
    going_on = now - throttle.window_at < 1
    window_at, window = (throttle.window_at, throttle.window + 1) if going_on else (now, 1)
    pace = throttle.pace if going_on else throttle.window
    return Throttle(throttle.rate, next_at, throttle.paused_until, throttle.fell_at, window_at, window, pace)


def after_refusal(throttle: Throttle, sent_at: float, now: float, pause: float) -> Throttle:
    """Return the state after a 429 or 503.

    Args:
        sent_at: when the refused call was sent; calls in flight at the last decrease do not decrease it again.
        pause: seconds of Retry-After, already capped.
    """
    throttle = throttle._replace(paused_until=max(throttle.paused_until, now + pause))
    if sent_at < throttle.fell_at:
        return throttle
    before = throttle.rate if throttle.rate is not None else float(max(throttle.pace, throttle.window))
    rate = max(_SLOWEST, before * _FALL)
    return throttle._replace(rate=rate, fell_at=now, next_at=max(throttle.next_at, now + 1 / rate))


def after_success(throttle: Throttle) -> Throttle:
    """Return the state after a successful call."""
    if throttle.rate is None:
        return throttle
    rate = throttle.rate + _RISE / throttle.rate
    return throttle._replace(rate=rate if rate < _FREE else None)
