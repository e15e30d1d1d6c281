"""Opening and closing the sandbox, its ports and its clock."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

import aiohttp
import pytest

from pixxel_async.errors import ConfigError
from pixxel_async.sandbox import Clock, Fault, Sandbox
from tests.sandbox.conftest import Caller


@pytest.mark.fault("S-05")
async def test_it_listens_on_loopback_only(still: Sandbox) -> None:
    """The sandbox listens on two ports of 127.0.0.1."""
    api, storage = urlsplit(still.url), urlsplit(still.storage_url)
    assert api.hostname == storage.hostname == "127.0.0.1" and api.port != storage.port


async def test_starting_and_closing_twice_is_harmless() -> None:
    """Starting and closing may be repeated, and a closed sandbox accepts no connections."""
    sandbox = Sandbox()
    await sandbox.start()
    await sandbox.start()
    port = urlsplit(sandbox.url).port
    await sandbox.close()
    await sandbox.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()


async def test_repr() -> None:
    """The repr has URL, seed and number of requests, and not the key."""
    sandbox = Sandbox(seed="s")
    assert repr(sandbox) == "Sandbox(closed, seed='s', 0 requests)"
    async with sandbox:
        assert repr(sandbox) == f"Sandbox({sandbox.url}, seed='s', 0 requests)"
    assert sandbox.api_key not in repr(sandbox)


async def test_a_taken_port_is_named(still: Sandbox) -> None:
    """A taken port raises ConfigError with its number, and no socket stays open."""
    port = urlsplit(still.url).port or 0
    with pytest.raises(ConfigError, match=f"port {port}"):
        await Sandbox(storage_port=port).start()


async def test_closing_does_not_wait_for_a_stalled_body(session: aiohttp.ClientSession) -> None:
    """Closing ends a stalled body at once."""
    async with Sandbox(clock="manual", packing=0.0) as sandbox:
        link = await Caller(sandbox, session).link()
        sandbox.inject(Fault(route="storage", kind="stall"))
        reply = await session.get(link)
        begun = time.monotonic()
    assert time.monotonic() - begun < 30
    reply.close()


def test_a_running_clock_may_be_ahead() -> None:
    """A clock may start in the future and be stepped; a manual one moves only when stepped."""
    ahead, standing = Clock(start=1_000_000.0), Clock(running=False, start=5.0)
    assert 1_000_000.0 <= ahead.now() < 1_000_010.0
    ahead.advance(100)
    standing.advance(2)
    assert ahead.now() >= 1_000_100.0 and standing.now() == 7.0


def test_the_origin_of_a_sandbox_is_its_seed() -> None:
    """`origin` is the seed, so that a download record is valid for the next process."""
    assert Sandbox(seed=7).origin == Sandbox(seed=7).origin == "sandbox:7"
