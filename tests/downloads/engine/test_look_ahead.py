"""Requests that are sent while other bodies arrive: for small packages of a far storage only."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import define

from pixxel_async import DownloadManager, PixxelClient
from pixxel_async._http.hooks import STORAGE, Attempt
from pixxel_async.events import Downloaded
from pixxel_async.sandbox import Fault, Sandbox
from tests.downloads.conftest import quick_settings
from tests.support.ground_truth import GroundTruth

STREAMS = 1
FAR = 0.15


@define
class InFlight:
    """Storage requests without a head: how many there are, and how many there were at most."""

    now: int = 0
    peak: int = 0

    def before(self, attempt: Attempt) -> None:
        if attempt.operation == STORAGE:
            self.now += 1
            self.peak = max(self.peak, self.now)

    def after(self, attempt: Attempt, *_: object) -> None:
        if attempt.operation == STORAGE:
            self.now -= 1


async def peak(folder: Path, latency: float, size: int) -> int:
    """Fetch all packages of a sandbox whose storage answers late; return the most requests in flight at once."""
    counted = InFlight()
    async with Sandbox(packing=0.01, package_size=size) as sandbox:
        if latency:
            sandbox.inject(Fault(route="storage", kind="latency", seconds=latency, times=None))
        async with PixxelClient(
            settings=quick_settings(sandbox), on_request=[counted.before], on_reply=[counted.after]
        ) as client:
            packages = (await GroundTruth.survey(sandbox, client)).packages
            assert len(packages) > 3
            counted.peak = 0
            async with DownloadManager(client, folder) as manager:
                outcomes = manager.fetch_all(packages, max_concurrent_downloads=STREAMS)
                async with outcomes:
                    ended = [outcome async for outcome in outcomes]
    assert [type(outcome) for outcome in ended] == [Downloaded] * len(packages)
    return counted.peak


@pytest.mark.slow
async def test_small_packages_of_a_far_storage_are_requested_ahead(tmp_path: Path) -> None:
    """One request ahead of each stream is sent once bodies have proved small and their storage far."""
    assert await peak(tmp_path, FAR, 60_000) == 2 * STREAMS


@pytest.mark.slow
@pytest.mark.parametrize(("latency", "size"), [(0.0, 60_000), (FAR, 1_200_000)])
async def test_nothing_else_is_requested_ahead(tmp_path: Path, latency: float, size: int) -> None:
    """A near storage, and large bodies, get as many requests as there may be streams."""
    assert await peak(tmp_path, latency, size) <= STREAMS
