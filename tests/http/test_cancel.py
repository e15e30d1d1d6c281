"""Cancellation takes effect at once at every await and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import logging

import pytest

from pixxel_async import PixxelClient
from tests.support.clients import client_for
from tests.support.raw_server import RawServer, Step, answer
from tests.support.system import descriptors

STUCK: dict[str, list[Step]] = {
    "headers": ["hang"],
    "body": [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "hang"],
    "backoff": [answer(503, Retry_After="60")],
    "late": [b"HTTP/1.1 200 OK\r\n", "hang"],
}


def patient(url: str) -> PixxelClient:
    return PixxelClient("canary-key-123", base_url=url)


async def cancelled(work: asyncio.Task[object], after: float = 0.05) -> None:
    await asyncio.sleep(after)
    assert not work.done()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(30):
            await work


@pytest.mark.slow
@pytest.mark.fault("P-04")
@pytest.mark.parametrize("where", STUCK)
async def test_a_call(where: str) -> None:
    """Cancelling a call at any stage ends it and frees its slot."""
    async with RawServer(STUCK[where]) as server, PixxelClient("k" * 9, base_url=server.url, settings=None) as client:
        others = set(asyncio.all_tasks())
        for _ in range(10):
            await cancelled(asyncio.create_task(client.request("GET", "/v0/x")), 0.02)
        await asyncio.sleep(0)
        assert not {task for task in asyncio.all_tasks() - others if "RawServer" not in repr(task)}


async def test_a_waiting_call() -> None:
    """Cancelling a call that waits for a slot does not lose the slot."""
    async with (
        RawServer(["hang"], answer(body={})) as server,
        client_for(server.url, **{"http.max_concurrent_calls": 1}) as client,
    ):
        running = asyncio.create_task(client.request("GET", "/v0/a"))
        await asyncio.sleep(0.02)
        waiting = asyncio.create_task(client.request("GET", "/v0/b"))
        await cancelled(waiting, 0.02)  # type: ignore[arg-type]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert (await client.request("GET", "/v0/c")).status == 200


@pytest.mark.parametrize("where", ["headers", "body"])
async def test_a_link(where: str) -> None:
    """Cancelling a body download closes its connection."""
    async with RawServer(STUCK[where]) as server, patient(server.url) as client:

        async def read() -> object:
            async with client.storage.get(server.url + "/a") as reply:
                return [chunk async for chunk in reply.chunks()]

        await cancelled(asyncio.create_task(read()))


@pytest.mark.fault("P-05")
async def test_a_timeout_of_the_caller() -> None:
    """`asyncio.timeout` around a call raises the caller's own TimeoutError."""
    async with RawServer(["hang"]) as server, patient(server.url) as client:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.05):
                await client.request("GET", "/v0/x")
    assert type(caught.value) is TimeoutError


@pytest.mark.fault("R-05")
async def test_a_cancelled_create_is_logged_as_unknown(caplog: pytest.LogCaptureFixture) -> None:
    """Cancelling a call that must not be repeated logs that its outcome is unknown."""
    with caplog.at_level(logging.WARNING, "pixxel_async.http"):
        async with RawServer(["hang"]) as server, patient(server.url) as client:
            await cancelled(asyncio.create_task(client.jobs.create("w", project_id="p")))  # type: ignore[arg-type]
    assert "operation=jobs.create outcome=unknown" in caplog.text


@pytest.mark.fault("P-04")
@pytest.mark.slow
async def test_no_descriptor_stays() -> None:
    """After calls that succeed, break and are cancelled, a closed client holds no descriptor."""
    gc.collect()
    before = len(descriptors())
    async with (
        RawServer(answer(body={}), ["rst"], ["hang"], answer(body={})) as server,
        client_for(server.url) as client,
    ):
        await asyncio.gather(*(client.request("GET", "/v0/x") for _ in range(8)), return_exceptions=True)
        async with client.storage.get(server.url + "/a") as reply:
            await reply.peek(1)
    await asyncio.sleep(0.05)
    assert len(descriptors()) <= before
