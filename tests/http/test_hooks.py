"""Hooks and the log see every attempt."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from pixxel_async import PixxelClient, UnexpectedRedirect
from pixxel_async._http.hooks import Attempt
from pixxel_async._http.reply import Reply, TransportFailure
from pixxel_async.settings import Timing
from tests.support.clients import Waits
from tests.support.raw_server import RawServer, answer


async def test_hooks_run_for_every_attempt() -> None:
    """Hooks run before and after each attempt with its outcome, and may add headers, but not replace the key."""
    outcomes: list[Any] = []

    def before(attempt: Attempt) -> None:
        attempt.headers["traceparent"] = f"00-{attempt.number}"
        attempt.headers["Authorization"] = "mine"
        outcomes.append((attempt.operation, attempt.number))

    def after(attempt: Attempt, got: Reply | TransportFailure, seconds: float) -> None:
        outcomes.append(got.status if isinstance(got, Reply) else got.stage)

    waits = Waits()
    async with (
        RawServer(["fin"], answer(503), answer(body={})) as server,
        PixxelClient(
            "a-key-1",
            base_url=server.url,
            on_request=[before],
            on_reply=[after],
            timing=Timing(clock=waits.clock, sleep=waits.sleep),
        ) as client,
    ):
        await client.jobs.get("w", "j")
    assert outcomes == [("jobs.get", 1), "headers", ("jobs.get", 2), 503, ("jobs.get", 3), 200]
    assert [seen.headers["traceparent"] for seen in server.requests] == ["00-1", "00-2", "00-3"]
    assert {seen.headers["authorization"] for seen in server.requests} == {"a-key-1"}


async def test_requests_to_the_storage_are_seen_without_their_link() -> None:
    """Hooks see method, host and status of each storage request, redirects included, but neither path nor headers."""
    seen: list[Any] = []
    steps = (answer(302, None, Location="/b?sig=5ecre7"), answer(200, b"PK\x03\x04", X_Odd="5ecre7"))
    async with (
        RawServer(*steps) as server,
        PixxelClient(
            "a-key-1",
            base_url=server.url,
            on_request=[seen.append],
            on_reply=[lambda attempt, got, seconds: seen.append(got)],
        ) as client,
    ):
        async with client.storage.get(f"{server.url}/a?sig=5ecre7") as reply:
            assert reply.status == 200
        host = server.url.removeprefix("http://")
    assert [(each.operation, each.method, each.path, each.host) for each in seen[::2]] == [
        ("storage", "GET", "", host)
    ] * 2
    assert [got.status for got in seen[1::2]] == [302, 200]
    assert seen[0].call != seen[2].call
    assert "5ecre7" not in repr(seen) and not any("5ecre7" in str(got.headers) for got in seen[1::2])


async def test_attempts_of_one_call_share_its_number() -> None:
    """All attempts of a call have the same call number, and no other call has it."""
    calls: list[int] = []
    waits = Waits()
    timing = Timing(clock=waits.clock, sleep=waits.sleep)
    async with (
        RawServer(answer(503), answer(body={}), answer(body={})) as server,
        PixxelClient(
            "a-key-1", base_url=server.url, on_request=[lambda attempt: calls.append(attempt.call)], timing=timing
        ) as client,
    ):
        await client.jobs.get("w", "j")
        await client.jobs.get("w", "j")
    assert calls[0] == calls[1] != calls[2]


@pytest.mark.fault("P-09")
async def test_a_hook_that_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A hook that raises is logged and otherwise ignored."""

    def broken(*_: object) -> None:
        raise RuntimeError("canary text of the hook")

    async with (
        RawServer(answer(body={})) as server,
        PixxelClient("a-key-1", base_url=server.url, on_request=[broken], on_reply=[broken]) as client,
    ):
        await client.jobs.get("w", "j")
    assert [record.getMessage() for record in caplog.records] == ["hook.failed error=RuntimeError"] * 2


@pytest.mark.fault("S-02")
async def test_the_log_has_events_and_fields(caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG each attempt logs two lines, what was sent and how it ended, without ids and queries."""
    with caplog.at_level(logging.DEBUG, "pixxel_async.http"):
        async with RawServer(answer(body={})) as server, PixxelClient("a-key-1", base_url=server.url) as client:
            await client.jobs.get("workflow-7", "job-8")
    lines = [record.getMessage().split(" seconds=")[0] for record in caplog.records]
    assert lines == ["call.sent operation=jobs.get attempt=1", "call.replied operation=jobs.get attempt=1 ended=200"]


async def test_the_repr_of_a_reply_holds_no_secret() -> None:
    """T-17: the repr of a reply contains no header value and no body, since Location may be a signed link."""
    link = "https://storage.example/a?X-Amz-Signature=0011223344556677"
    outcomes: list[str] = []
    async with RawServer(answer(302, {"to": link}, Location=link)) as server:
        hooks = [lambda *outcome: outcomes.append(repr(outcome))]
        async with PixxelClient("a-key-1", base_url=server.url, on_reply=hooks) as client:
            with pytest.raises(UnexpectedRedirect):
                await client.jobs.get("w", "j")
    assert "location" in outcomes[0]
    assert "0011223344556677" not in outcomes[0] and "storage.example" not in outcomes[0]
