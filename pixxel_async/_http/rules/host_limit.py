"""How much one storage host may be asked for at a time: refusals halve it and pause the host, successes raise it."""

from __future__ import annotations

from attrs import evolve, frozen

from ..._protocol.backoff import backoff
from ...settings import RetrySettings

_SAYS_LATER = frozenset({429, 503})


@frozen
class HostState:
    """One storage host as it was met; times are seconds of the client's clock.

    Attributes:
        limit: requests at the same time after refusals; None while nothing was refused.
        most: as many as there were when the first of them was refused: from there on it is free again.
        paused_until: no request may start before.
        fell_at: when the limit fell last; refusals of requests sent before then are the same refusal.
        refusals: falls since the last request that was served.
    """

    limit: float | None = None
    most: int = 0
    paused_until: float = 0.0
    fell_at: float = float("-inf")
    refusals: int = 0


def says_later(status: int, asked: float | None) -> bool:
    """Whether an answer means that the host has too much to do, or wants to be left alone for a while.

    Args:
        asked: seconds that it asked to wait, if it did.
    """
    return status in _SAYS_LATER or (status >= 400 and asked is not None)


def refused(
    host: HostState, *, sent_at: float, now: float, inside: int, asked: float | None, roll: float, retry: RetrySettings
) -> HostState:
    """The host after a refusal.

    Args:
        sent_at: when the refused request was sent.
        inside: requests under way at the host.
        asked: seconds that it asked to wait; None when it did not.
        roll: chance, in [0, 1).
    """
    known = sent_at < host.fell_at
    refusals = host.refusals if known else host.refusals + 1
    wait = (
        min(asked, retry.max_retry_after) * (1 + 0.1 * roll)
        if asked
        else backoff(refusals, roll, base=retry.initial_delay, cap=retry.max_delay)
    )
    host = evolve(host, paused_until=max(host.paused_until, now + wait), refusals=refusals)
    if known:
        return host
    limit = max(1.0, min(inside if host.limit is None else host.limit, inside) / 2)
    return evolve(host, limit=limit, most=max(host.most, inside), fell_at=now)


def served(host: HostState) -> HostState:
    """The host after a request that was answered: one more at a time for each round of them."""
    if host.limit is None:
        return host if not host.refusals else evolve(host, refusals=0)
    limit = host.limit + 1 / host.limit
    return HostState() if limit > host.most else evolve(host, limit=limit, refusals=0)


def room(host: HostState, most: int | None) -> int | None:
    """Requests that may be under way at once; None for any number.

    Args:
        most: the client's own limit, if it has one.
    """
    limits = [limit for limit in (most, host.limit) if limit is not None]
    return int(min(limits)) if limits else None
