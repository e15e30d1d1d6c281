"""The retry decision after an attempt, as a table and as properties."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async._http.call import Operation, Repeat
from pixxel_async._http.reply import Reply, Stage, TransportFailure
from pixxel_async._http.rules.retry import Done, Retry, RetryState, Stop, decide, may_repeat
from pixxel_async._protocol.backoff import backoff
from pixxel_async._protocol.headers import retry_after
from pixxel_async.errors import (
    APIError,
    ConnectionFailed,
    NotFound,
    OutcomeUnknown,
    PixxelError,
    RateLimited,
    ServerError,
    UnexpectedRedirect,
)
from pixxel_async.settings import Settings
from pixxel_async.settings.constants import Constants

OPERATION = Operation("orders.create", "POST", "/v0/orders", reconcile="client.orders.list()")
SETTINGS = Settings()
CLASSES: tuple[Repeat, ...] = ("safe", "once", "paid")


def after(got: Reply | TransportFailure, repeat: Repeat, **state: float) -> Done | Retry | Stop:
    return decide(got, OPERATION, repeat, RetryState(**{"attempt": 1, **state}), SETTINGS)  # type: ignore[arg-type]


def reply(status: int, retry_after: str | None = None) -> Reply:
    return Reply(status, {} if retry_after is None else {"retry-after": retry_after}, b"")


# status, Retry-After → decision for safe, once, paid: None repeats, a class is raised
TABLE: list[tuple[int, str | None, type[PixxelError] | None, type[PixxelError] | None, type[PixxelError] | None]] = [
    (307, None, UnexpectedRedirect, UnexpectedRedirect, UnexpectedRedirect),
    (400, None, APIError, APIError, APIError),
    (404, None, NotFound, NotFound, NotFound),
    (408, None, None, OutcomeUnknown, OutcomeUnknown),
    (425, None, None, APIError, APIError),
    (429, None, None, None, RateLimited),
    (429, "1", None, None, RateLimited),
    (429, "61", RateLimited, RateLimited, RateLimited),
    (500, None, None, OutcomeUnknown, OutcomeUnknown),
    (501, None, ServerError, OutcomeUnknown, OutcomeUnknown),
    (502, None, None, OutcomeUnknown, OutcomeUnknown),
    (503, None, None, OutcomeUnknown, OutcomeUnknown),
    (503, "1", None, None, RateLimited),
    (503, "61", RateLimited, RateLimited, RateLimited),
    (504, None, None, OutcomeUnknown, OutcomeUnknown),
    (504, "1", None, OutcomeUnknown, OutcomeUnknown),
]


@pytest.mark.fault("B-01")
@pytest.mark.parametrize(("status", "asked", "safe", "once", "paid"), TABLE)
def test_statuses(
    status: int,
    asked: str | None,
    safe: type[PixxelError] | None,
    once: type[PixxelError] | None,
    paid: type[PixxelError] | None,
) -> None:
    """Each repeat class has its own decision for each status."""
    for repeat, wanted in zip(CLASSES, (safe, once, paid), strict=True):
        step = after(reply(status, asked), repeat)
        if wanted is None:
            assert isinstance(step, Retry), repeat
        else:
            assert isinstance(step, Stop), repeat
            assert isinstance(step.error, wanted), repeat


@pytest.mark.parametrize(
    ("stage", "safe", "once", "paid"),
    [
        ("connect", True, True, ConnectionFailed),
        ("headers", True, OutcomeUnknown, OutcomeUnknown),
        ("body", True, OutcomeUnknown, OutcomeUnknown),
    ],
)
def test_lost_answers(stage: Stage, safe: object, once: object, paid: object) -> None:
    """A request without a response is repeated by safe calls; once and paid calls report an unknown outcome."""
    for repeat, wanted in zip(CLASSES, (safe, once, paid), strict=True):
        step = after(TransportFailure(stage, ConnectionFailed("gone")), repeat)
        if wanted is True:
            assert isinstance(step, Retry), repeat
        else:
            assert isinstance(step, Stop), repeat
            assert type(step.error) is wanted, repeat


def test_an_unknown_outcome_names_the_listing() -> None:
    """OutcomeUnknown names the operation and the call that shows its outcome."""
    step = after(TransportFailure("headers", ConnectionFailed("gone")), "paid")
    assert isinstance(step, Stop)
    assert isinstance(step.error, OutcomeUnknown)
    assert step.error.operation == "orders.create"
    assert "client.orders.list()" in str(step.error)


def test_a_paid_call_may_repeat_after_429_by_setting() -> None:
    """`retry_paid_calls_on_429` allows repeating a paid call after 429, and after nothing else."""
    waits = Settings(constants=Constants(retry_paid_calls_on_429=True))
    assert may_repeat(429, "paid", None, waits)
    assert not may_repeat(503, "paid", 1.0, waits)


@pytest.mark.fault("R-08")
def test_a_404_after_a_repeated_delete_is_success() -> None:
    """A DELETE with 404 succeeds if an earlier attempt may have done it, and is NotFound otherwise."""
    delete = Operation("stores.delete", "DELETE", "/v0/stores/{id}", gone_is_done=True)
    assert isinstance(decide(reply(404), delete, "safe", RetryState(2, maybe_done=True), SETTINGS), Done)
    assert isinstance(decide(reply(404), delete, "safe", RetryState(2, maybe_done=False), SETTINGS), Stop)


@pytest.mark.fault("A-08")
def test_a_final_failure_is_not_repeated() -> None:
    """A refused certificate is not retried, and its error is not retryable."""
    error = ConnectionFailed("certificate")
    error.retryable = False
    assert after(TransportFailure("connect", error), "safe") == Stop(error)


@pytest.mark.fault("B-02")
@pytest.mark.parametrize("state", [{"attempt": 8}, {"waited": 119.9}, {"left": 0.1}, {"quota": 4.0}])
def test_each_bound_ends_the_retries(state: dict[str, float]) -> None:
    """Attempts, total delay, deadline and quota each end the retries."""
    step = after(reply(500), "safe", **state)
    assert isinstance(step, Stop)
    assert isinstance(step.error, ServerError)


def test_a_timeout_costs_twice() -> None:
    """A retry after a timeout costs twice the quota, since timeouts hold connections for long."""
    slow, quick = (
        TransportFailure("headers", ConnectionFailed(), timed_out=True),
        TransportFailure("headers", ConnectionFailed()),
    )
    costs = [step.cost for got in (slow, quick) if isinstance(step := after(got, "safe"), Retry)]
    assert costs == [10.0, 5.0]


@pytest.mark.slow
@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_jitter_is_full_and_capped(attempt: int, roll: float) -> None:
    """A delay lies between 0 and a bound that doubles per attempt up to the cap."""
    wait = backoff(attempt, roll, base=SETTINGS.retry.initial_delay, cap=SETTINGS.retry.max_delay)
    assert 0 <= wait <= min(SETTINGS.retry.max_delay, SETTINGS.retry.initial_delay * 2 ** min(attempt - 1, 20))


NOW = 1_795_514_400.0  # Tue, 24 Nov 2026 10:00:00 GMT


@pytest.mark.fault("B-05")
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("1.5", 1.5),
        ("99999999", 99999999),
        ("Tue, 24 Nov 2026 10:00:30 GMT", 30),
        ("Tuesday, 24-Nov-26 10:00:30 GMT", 30),
        ("Tue Nov 24 10:00:30 2026", 30),
        ("Tue, 24 Nov 2020 10:00:30 GMT", 0),
        ("-5", None),
        ("soon", None),
        ("1e309", None),
        ("NaN", None),
        ("１２", None),
        ("", None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    """Retry-After is read as seconds or three date formats; a past date is 0, and unreadable text counts as absent."""
    assert retry_after(reply(429, text).headers, NOW) == seconds


@pytest.mark.fault("B-05")
@pytest.mark.slow
@given(st.text(max_size=60) | st.from_regex(r"\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ \S{0,6}"))
def test_any_retry_after_is_seconds_or_none(text: str) -> None:
    """Any Retry-After is a finite, non-negative number of seconds, or absent."""
    seconds = retry_after(reply(429, text).headers, NOW)
    assert seconds is None or (seconds >= 0 and math.isfinite(seconds))


@pytest.mark.fault("R-02")
@pytest.mark.slow
@given(
    st.sampled_from(CLASSES),
    st.integers(300, 599) | st.sampled_from(["connect", "headers", "body"]),
    st.sampled_from([None, "1", "1000"]),
    st.integers(1, 20),
    st.floats(0, 200),
)
def test_paid_calls_are_never_repeated(
    repeat: Repeat, what: int | Stage, asked: str | None, attempt: int, waited: float
) -> None:
    """A call that may have been carried out is repeated only if it is safe, and a paid one never."""
    got = reply(what, asked) if isinstance(what, int) else TransportFailure(what, ConnectionFailed())
    step = after(got, repeat, attempt=attempt, waited=waited)
    if isinstance(step, Retry) and repeat != "safe":
        assert repeat == "once"
        assert what in (429, 503, "connect")
        assert what != 503 or asked == "1"
