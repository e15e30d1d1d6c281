"""The bandwidth limit, and busy storages."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pixxel_async import DownloadManager, JobPackage, PixxelClient
from pixxel_async.downloads.limits.bandwidth import BandwidthLimiter
from pixxel_async.errors import DownloadError
from pixxel_async.sandbox import Fault, Sandbox
from pixxel_async.settings import RetrySettings, Timing
from pixxel_async.settings.constants import Constants
from tests.support.clients import Waits
from tests.support.ground_truth import GroundTruth, collect, tuned


async def test_all_share_one_rate() -> None:
    """All streams share one rate in order of arrival; unused capacity is not saved up."""
    waits = Waits()
    pace = BandwidthLimiter(Timing(waits.clock, waits.sleep))
    for size in (10_000, 30_000, 5_000):
        await pace.acquire(size, 10_000.0)
    assert waits.slept == [1.0, 3.0, 0.5]
    waits.now += 1000
    await pace.acquire(20_000, 10_000.0)
    assert waits.slept[-1] == 2.0


async def test_small_waits_are_added_up() -> None:
    """Waits of a few milliseconds are accumulated into one sleep."""
    waits = Waits()
    pace = BandwidthLimiter(Timing(waits.clock, waits.sleep))
    for _ in range(10):
        await pace.acquire(10, 10_000.0)
    assert waits.slept == [pytest.approx(0.006)]


async def test_the_rate_may_change() -> None:
    """A callable limit is read per chunk; None means no limit, and the minimum is 1 KiB/s."""
    waits = Waits()
    pace = BandwidthLimiter(Timing(waits.clock, waits.sleep))
    for rate in (10_000, None, 20_000, 0):
        await pace.acquire(20_480, lambda rate=rate: rate)
    assert waits.slept == [pytest.approx(2.048), pytest.approx(1.024), 20.0]


@pytest.mark.slow
@tuned(constants=Constants(stall_timeout=0.1, stall_bytes=1000))
async def test_bandwidth_bounds_all_streams_without_stalls(
    client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """The limit holds for all streams together, and waiting for it does not count as a stall."""
    began = time.monotonic()
    async with DownloadManager(client, tmp_path) as manager:
        batch = manager.fetch_all(ground.packages[:2], max_bandwidth=4_000_000)
        outcomes = await collect(batch)
    sizes = [getattr(outcome, "size", 0) for outcome in outcomes]
    assert all(sizes) and time.monotonic() - began >= sum(sizes) / 4_000_000 - 0.3


@pytest.mark.fault("F-04")
@pytest.mark.slow
@tuned(retry=RetrySettings(max_attempts=2, initial_delay=0.01, max_delay=0.02))
async def test_a_busy_storage_costs_no_attempt(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path
) -> None:
    """429 and 503 of the storage pause the host without using up attempts."""
    sandbox.inject(Fault(route="storage", kind="status", status=503, times=5))
    sandbox.inject(Fault(route="storage", kind="status", status=429, after=5, times=5))
    async with DownloadManager(client, tmp_path) as manager:
        assert (await manager.fetch(package)).proof == "crc"
    assert len(ground.gets()) == 11


@pytest.mark.slow
async def test_a_storage_that_is_busy_for_ever_is_given_up(tmp_path: Path) -> None:
    """A storage that stays busy for max_busy seconds without progress raises a retryable error with the status."""
    async with Sandbox(clock="manual") as sandbox:
        job = sandbox.add_job(tasks=1, seconds=1)
        sandbox.inject(Fault(route="storage", kind="status", status=503, headers={"Retry-After": "50"}, times=None))
        client = PixxelClient(
            sandbox.api_key, base_url=sandbox.url, timing=Timing(clock=sandbox.clock.now, sleep=sandbox.sleep)
        )
        async with client, DownloadManager(client, tmp_path) as manager:
            await client.jobs.wait(job.workflow_id, job.id)
            with pytest.raises(DownloadError, match=r"busy for 9\d\d s: 503") as caught:
                await manager.fetch(f"job:{job.workflow_id}/{job.id}")
        assert caught.value.retryable and 15 <= sandbox.count("storage") <= 25
