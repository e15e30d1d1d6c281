"""The organization is looked up with a time limit, and not for signed links."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pixxel_async import DownloadManager, PixxelClient, SignedLink
from pixxel_async.events import Downloaded
from pixxel_async.sandbox import Fault, Sandbox
from tests.downloads.conftest import quick_settings
from tests.support.ground_truth import GroundTruth, collect
from tests.support.raw_server import RawServer


@pytest.mark.slow
async def test_signed_links_need_no_api(client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """A batch of signed links needs no request to the API."""
    ready = [await client.packages.wait(package) for package in ground.packages]
    links = [SignedLink(url=state.link.url, name=f"n{at}") for at, state in enumerate(ready) if state.link]
    async with RawServer(["hang"]) as dead:
        settings = quick_settings(ground.sandbox).with_values(base_url=dead.url)
        async with (
            asyncio.timeout(60),
            PixxelClient(settings=settings) as offline,
            DownloadManager(offline, tmp_path) as manager,
        ):
            outcomes = await collect(manager.fetch_all(links))

    assert [type(outcome) for outcome in outcomes] == [Downloaded] * len(links)
    assert not dead.requests


@pytest.mark.slow
async def test_a_lookup_that_hangs_does_not_delay_packages(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """If listing projects hangs, packages are fetched and the record stays unbound."""
    sandbox.inject(Fault(route="projects.list", kind="latency", seconds=60.0, times=None))
    async with asyncio.timeout(45), DownloadManager(client, tmp_path) as manager:
        assert (await manager.fetch(ground.packages[0])).fetched
        assert await manager.record.bound("organization") is None
