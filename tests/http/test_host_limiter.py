"""Busy storage hosts are paused and get fewer requests at a time."""

from __future__ import annotations

import asyncio

import pytest

from pixxel_async._http.rules.host_limit import HostState, after_refusal, after_success, is_busy, max_in_flight
from pixxel_async.settings import RetrySettings
from tests.support.clients import Waits, client_for
from tests.support.raw_server import RawServer, answer

RETRY = RetrySettings(initial_delay=1.0, max_delay=8.0, max_retry_after=60.0)


def fall(
    host: HostState, *, now: float, sent_at: float = 1e9, in_flight: int = 8, asked: float | None = None
) -> HostState:
    return after_refusal(host, sent_at=sent_at, now=now, in_flight=in_flight, requested=asked, roll=0.5, retry=RETRY)


@pytest.mark.fault("F-04")
def test_refusals_pause_a_host() -> None:
    """A pause is Retry-After plus jitter, capped at a minute; without it, a backoff that doubles per refusal."""
    assert fall(HostState(), now=100, asked=10).paused_until == 110.5
    assert fall(HostState(), now=100, asked=1e9).paused_until == 163
    assert fall(HostState(), now=100, asked=0).paused_until == 100.5, "no pause at all would be a storm"
    host, pauses = HostState(), []
    for now in range(100, 1100, 100):
        host = fall(host, now=now)
        pauses.append(host.paused_until - now)
    assert pauses == [0.5, 1, 2, 4, 4, 4, 4, 4, 4, 4]


def test_refusals_halve_the_requests_in_flight() -> None:
    """Refusals halve the requests in flight, once per group sent together, until successes lift the bound again."""
    host = fall(fall(HostState(), now=5, sent_at=4), now=6, sent_at=4)
    assert (max_in_flight(host, None), host.refusals) == (4, 1)
    assert max_in_flight(fall(host, now=7, sent_at=6, in_flight=4), None) == 2
    assert (
        max_in_flight(host, 3) == 3 and max_in_flight(HostState(), None) is None and max_in_flight(HostState(), 5) == 5
    )
    for _ in range(40):
        host = after_success(host)
    assert host == HostState()
    assert max_in_flight(fall(HostState(), now=1, in_flight=1), None) == 1, "one is always let through"


def test_statuses_of_a_busy_host() -> None:
    """429, 503 and any error with Retry-After mean that the host is busy."""
    assert is_busy(429, None) and is_busy(503, None) and is_busy(500, 3.0)
    assert not is_busy(500, None) and not is_busy(403, None) and not is_busy(206, 3.0)


async def test_all_requests_to_a_paused_host_wait() -> None:
    """All requests to a paused host wait; requests to other hosts do not."""
    waits = Waits()
    async with (
        RawServer(answer(503, Retry_After="7"), answer(200, b"here")) as busy,
        RawServer(answer(200, b"free")) as other,
        client_for(busy.url, waits=waits) as client,
    ):
        async with client.storage.get(busy.url + "/a") as reply:
            assert reply.status == 503
        async with client.storage.get(other.url + "/b") as reply:
            assert await reply.read() == b"free" and not waits.slept
        async with client.storage.get(busy.url + "/c") as reply:
            assert reply.status == 200
    assert waits.slept == [pytest.approx(7.35)]


async def test_connections_per_host_are_bounded() -> None:
    """`http.max_connections_per_host` bounds requests with their bodies; one cancelled in the queue blocks nobody."""
    async with (
        RawServer(answer(200, b"here")) as server,
        client_for(server.url, **{"http.max_connections_per_host": 1}) as client,
    ):

        async def one() -> int:
            async with client.storage.get(server.url + "/a") as reply:
                return reply.status

        async with client.storage.get(server.url + "/first"):
            waiting = [asyncio.create_task(one()) for _ in range(3)]
            await asyncio.sleep(0.05)
            assert server.count("GET") == 1
            waiting.pop(0).cancel()
        assert await asyncio.gather(*waiting) == [200, 200]
    assert server.count("GET") == 3
