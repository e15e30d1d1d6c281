"""Retry policy: after each attempt, return the result, raise, or wait and try again.

There are three cases of an attempt: an error status (retried by `may_repeat`, after Retry-After or a backoff), a
transport failure (a call that is not idempotent is only retried if its request was never sent), and success.
A retry must fit five budgets: attempts, waiting time, the call's deadline, the retry quota of the origin, and the cap
on Retry-After.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ..._protocol.backoff import backoff
from ..._protocol.headers import retry_after
from ...errors import OutcomeUnknown, PixxelError, RateLimited
from ...settings import Settings
from ...settings.constants import MAX_TOTAL_DELAY, RETRY_COST
from ..call import Operation, Repeat
from ..reply import Reply, TransportFailure, error_of

_NEVER_DONE = frozenset({501, 505})
"""5xx statuses that a retry cannot change."""


@frozen
class Done:
    """The call succeeded."""

    reply: Reply


@frozen
class Retry:
    """Retry after `wait` seconds, at `cost` tokens of the retry quota."""

    wait: float
    cost: float


@frozen
class Stop:
    """Raise this error."""

    error: PixxelError


@frozen
class RetryState:
    """State of a call after an attempt.

    Attributes:
        attempt: number of the attempt that has just ended, from 1.
        waited: seconds spent waiting between attempts so far.
        left: seconds until the call's deadline.
        quota: retry tokens left for this origin.
        roll: random number in [0, 1) for the jitter.
        now: seconds since 1970, used if the response has no Date header.
        maybe_done: whether an earlier attempt may have taken effect.
    """

    attempt: int
    waited: float = 0.0
    left: float = float("inf")
    quota: float = float("inf")
    roll: float = 0.5
    now: float = 0.0
    maybe_done: bool = False

    def after_wait(self, wait: float, outcome: Reply | TransportFailure) -> RetryState:
        """Return the state of the next attempt, `wait` seconds after `outcome`."""
        sent = outcome.stage != "connect" if isinstance(outcome, TransportFailure) else outcome.status >= 500
        return evolve(self, attempt=self.attempt + 1, waited=self.waited + wait, maybe_done=self.maybe_done or sent)


def decide(
    outcome: Reply | TransportFailure, operation: Operation, repeat: Repeat, state: RetryState, settings: Settings
) -> Done | Retry | Stop:
    """Decide after an attempt of a call: done, repeat or stop."""
    if isinstance(outcome, TransportFailure):
        return _after_failure(outcome, operation, repeat, state, settings)
    error = error_of(outcome)
    if error is None:
        return Done(outcome)
    if outcome.status == 404 and operation.gone_is_done and state.maybe_done:
        return Done(Reply(204, outcome.headers, b"", outcome.method, outcome.path))
    requested = retry_after(outcome.headers, state.now)
    if isinstance(error, RateLimited):
        error.retry_after = requested
    if not may_repeat(outcome.status, repeat, requested, settings):
        return Stop(_final(error, operation, repeat, requested))
    if requested is not None and requested > settings.retry.max_retry_after:
        return Stop(_to_rate_limited(error, requested))
    return _retry_or_stop(_final(error, operation, repeat, requested), requested, RETRY_COST, state, settings)


def may_repeat(status: int, repeat: Repeat, requested: float | None, settings: Settings) -> bool:
    """Return whether a call of that repeat class may be sent again after that status.

    429, and 503 with Retry-After, mean that the request was refused without being processed.
    """
    refused_unread = status == 429 or (status == 503 and requested is not None)
    if repeat == "paid":
        return status == 429 and settings.constants.retry_paid_calls_on_429
    if repeat == "once":
        return refused_unread
    return status in (408, 425, 429) or (status >= 500 and status not in _NEVER_DONE)


def _after_failure(
    failure: TransportFailure, operation: Operation, repeat: Repeat, state: RetryState, settings: Settings
) -> Retry | Stop:
    unsent = failure.stage == "connect"
    if repeat != "safe" and not unsent:
        return Stop(outcome_unknown(operation, str(failure.error)))
    if repeat == "paid" or not failure.error.retryable:
        return Stop(failure.error)
    cost = RETRY_COST * (2 if failure.timed_out else 1)
    return _retry_or_stop(failure.error, None, cost, state, settings)


def _retry_or_stop(
    error: PixxelError, requested: float | None, cost: float, state: RetryState, settings: Settings
) -> Retry | Stop:
    """Retry if attempts, waiting time, deadline and quota all allow it; else stop."""
    wait = (
        backoff(state.attempt, state.roll, base=settings.retry.initial_delay, cap=settings.retry.max_delay)
        if requested is None
        else requested * (1 + 0.1 * state.roll)
    )
    over = state.attempt >= settings.retry.max_attempts or state.waited + wait > MAX_TOTAL_DELAY
    if over or wait >= state.left or cost > state.quota:
        return Stop(error if requested is None else _to_rate_limited(error, requested))
    return Retry(wait, cost)


def _final(error: PixxelError, operation: Operation, repeat: Repeat, requested: float | None) -> PixxelError:
    """Return the error to raise after the last attempt."""
    status = getattr(error, "status", 0)
    if repeat == "safe" or (status < 500 and status != 408):
        return error
    if status == 503 and requested is not None:
        return _to_rate_limited(error, requested)
    return outcome_unknown(operation, f"the response was {status}")


def _to_rate_limited(error: PixxelError, requested: float) -> RateLimited:
    facts = {name: value for name, value in vars(error).items() if name not in ("message", "retry_after")}
    return RateLimited(error.message or f"asked to wait {requested:.0f} s", retry_after=requested, **facts)


def outcome_unknown(operation: Operation, reason: str) -> OutcomeUnknown:
    """Return the error of a call that may or may not have taken effect."""
    advice = "check before you repeat it"
    if operation.reconcile:
        advice = f"find out with {operation.reconcile} before you repeat it"
    elif operation.free:
        advice = "repeating it costs nothing"
    text = f"{operation.name}: its outcome is unknown ({reason}); {advice}"
    return OutcomeUnknown(text, operation=operation.name, reconcile=operation.reconcile)
