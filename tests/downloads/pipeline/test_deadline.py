"""The timeout of a package, with a clock that the test advances."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from attrs import define

from pixxel_async import DownloadManager, PixxelClient
from pixxel_async.errors import PackageTimedOut
from pixxel_async.events import Asked, Downloaded, Event
from pixxel_async.sandbox import Fault, Sandbox
from pixxel_async.settings import Timing
from pixxel_async.settings.constants import Constants
from tests.downloads.conftest import quick_settings
from tests.support.ground_truth import GroundTruth, collect
from tests.support.raw_server import RawServer


@define
class Clock:
    """The usual clock plus an offset."""

    forward: float = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.forward


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def client(sandbox: Sandbox, clock: Clock) -> AsyncIterator[PixxelClient]:
    settings = quick_settings(sandbox, constants=Constants(stall_timeout=1.0))
    async with PixxelClient(settings=settings, timing=Timing(clock=clock)) as opened:
        yield opened


@pytest.mark.slow
async def test_the_deadline_is_one_for_waiting_and_streaming(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, clock: Clock, tmp_path: Path
) -> None:
    """One deadline covers waiting and streaming: a body gets the time left after packing."""
    sandbox.inject(Fault(route="storage", kind="stall", at=1_000_000, times=None))

    def packing_takes_long(event: Event) -> None:
        if isinstance(event, Asked) and not clock.forward:
            clock.forward = 59.0

    async with DownloadManager(client, tmp_path, on_event=packing_takes_long) as manager, asyncio.timeout(20):
        with pytest.raises(PackageTimedOut, match="60 s"):
            await manager.fetch(ground.packages[0], timeout=60.0)


@pytest.mark.slow
async def test_waiting_for_a_stream_does_not_count(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, clock: Clock, tmp_path: Path
) -> None:
    """Waiting for a free stream does not count towards the deadline."""
    packages = ground.packages[:2]
    ready = set[str]()
    for package in packages:
        await client.packages.wait(package)
    sandbox.inject(Fault(route="storage", kind="stall", at=1_000_000))

    def the_first_takes_long(event: Event) -> None:
        if isinstance(event, Asked):
            ready.add(event.item)
        if len(ready) == 2 and not clock.forward:
            asyncio.get_running_loop().call_later(0.2, setattr, clock, "forward", 100.0)

    async with DownloadManager(client, tmp_path, on_event=the_first_takes_long) as manager:
        outcomes = await collect(manager.fetch_all(packages, max_concurrent_downloads=1, timeout=60.0))

    assert clock.forward and [type(outcome) for outcome in outcomes] == [Downloaded, Downloaded]


@pytest.mark.fault("B-07")
@pytest.mark.slow
@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"], ids=["silent", "drips"])
async def test_the_deadline_holds_during_requests(first: bytes, tmp_path: Path) -> None:
    """T-12: the deadline ends a package whose API request is never answered."""
    async with (
        asyncio.timeout(20),
        RawServer([first, "hang"]) as server,
        PixxelClient("a-key-1", base_url=server.url) as client,
        DownloadManager(client, tmp_path) as manager,
    ):
        with pytest.raises(PackageTimedOut, match=r"no answer in 0\.3 s"):
            await manager.fetch("job:w/j", timeout=0.3)
