"""Concurrency limit per storage host: refusals halve it and pause the host, successes raise it (AIMD).

A refusal sets `limit = max(1, min(limit, in flight) / 2)`; each success sets `limit += 1 / limit`, one more request
per round of successes. Above the concurrency at which the host first refused, the limit is lifted.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ..._protocol.backoff import backoff
from ...settings import RetrySettings

_BUSY = frozenset({429, 503})


@frozen
class HostState:
    """State of one storage host; times are seconds of the client's clock.

    Attributes:
        limit: concurrent requests allowed; None while nothing was refused.
        most: concurrency at the first refusal; above it the limit is lifted again.
        paused_until: earliest start of any request.
        fell_at: time of the last decrease; refusals of requests sent before it belong to the same overload.
        refusals: decreases since the last success.
    """

    limit: float | None = None
    most: int = 0
    paused_until: float = 0.0
    fell_at: float = float("-inf")
    refusals: int = 0


def is_busy(status: int, requested: float | None) -> bool:
    """Return whether a response means that the host is overloaded or asks for a pause.

    Args:
        requested: seconds of Retry-After; None without one.
    """
    return status in _BUSY or (status >= 400 and requested is not None)


def after_refusal(
    host: HostState,
    *,
    sent_at: float,
    now: float,
    in_flight: int,
    requested: float | None,
    roll: float,
    retry: RetrySettings,
) -> HostState:
    """Return the state after a refusal.

    Args:
        sent_at: time at which the refused request was sent.
        in_flight: requests in flight at the host.
        requested: seconds of Retry-After; None without one.
        roll: random number in [0, 1) for the jitter.
    """
    same_overload = sent_at < host.fell_at
    refusals = host.refusals if same_overload else host.refusals + 1
    wait = (
        min(requested, retry.max_retry_after) * (1 + 0.1 * roll)
        if requested
        else backoff(refusals, roll, base=retry.initial_delay, cap=retry.max_delay)
    )
    host = evolve(host, paused_until=max(host.paused_until, now + wait), refusals=refusals)
    if same_overload:
        return host
    limit = max(1.0, min(in_flight if host.limit is None else host.limit, in_flight) / 2)
    return evolve(host, limit=limit, most=max(host.most, in_flight), fell_at=now)


def after_success(host: HostState) -> HostState:
    """Return the state after a successful request."""
    if host.limit is None:
        return host if not host.refusals else evolve(host, refusals=0)
    limit = host.limit + 1 / host.limit
    return HostState() if limit > host.most else evolve(host, limit=limit, refusals=0)


def max_in_flight(host: HostState, most: int | None) -> int | None:
    """Return how many requests may be in flight; None for any number.

    Args:
        most: limit set by the user; None for none.
    """
    limits = [limit for limit in (most, host.limit) if limit is not None]
    return int(min(limits)) if limits else None
