"""Pauses requested by the service are capped, reported and bounded by deadlines, and suspended time is not counted."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from pixxel_async import DownloadManager, PixxelClient
from pixxel_async._aio.active_clock import BEAT, LATE, ActiveClock
from pixxel_async.downloads.engine.asker import MAX_PAUSE
from pixxel_async.errors import PackageTimedOut
from pixxel_async.events import Downloaded, Event, Paused
from pixxel_async.sandbox import Fault, Sandbox
from pixxel_async.settings import Timing
from tests.downloads.conftest import quick_settings
from tests.support.ground_truth import GroundTruth, collect

REQUEST = "jobs.request_download"
DAY = Fault(route=REQUEST, kind="status", status=429, headers={"Retry-After": "86400"})


@pytest.mark.slow
async def test_a_pause_of_a_day_is_capped_and_reported(sandbox: Sandbox, ground: GroundTruth, tmp_path: Path) -> None:
    """A Retry-After of a day is capped to some minutes, and one event reports it."""
    seen: list[Event] = []
    ahead = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal ahead
        if seconds > 30:  # the pause
            ahead += seconds
            seconds = 0.0
        await asyncio.sleep(seconds)

    timing = Timing(clock=lambda: time.monotonic() + ahead, sleep=sleep)
    sandbox.inject(DAY)
    async with (
        asyncio.timeout(30),
        PixxelClient(settings=quick_settings(sandbox), timing=timing) as hasty,
        DownloadManager(hasty, tmp_path, on_event=seen.append) as manager,
    ):
        outcomes = await collect(manager.fetch_all(ground.packages))

    assert {type(outcome) for outcome in outcomes} == {Downloaded}
    (paused,) = [event for event in seen if isinstance(event, Paused)]
    assert (paused.seconds, paused.retry_after) == (MAX_PAUSE, 86_400.0)
    assert ahead <= MAX_PAUSE + 1


@pytest.mark.slow
async def test_a_deadline_that_passes_in_a_pause_ends_the_package(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """A package whose deadline passes during a pause ends without another request, and the error names the pause."""
    sandbox.inject(DAY)
    async with asyncio.timeout(30), DownloadManager(client, tmp_path) as manager:
        with pytest.raises(PackageTimedOut, match="asked for a pause"):
            await manager.fetch(ground.packages[0], timeout=1.0)

    assert [seen.operation for seen in sandbox.requests].count(REQUEST) == 1


async def test_a_clock_that_does_not_count_suspended_time() -> None:
    """ActiveClock subtracts the excess over a few seconds between two ticks, once."""
    now = 100.0
    clock = ActiveClock(lambda: now, lambda: now)
    clock.start()
    try:
        now += BEAT + LATE
        assert clock() == now
        now += 60.0
        assert clock() == pytest.approx(100.0 + BEAT)
        now += 1.0
        assert clock() == pytest.approx(101.0 + BEAT) and clock.suspended == pytest.approx(60.0 + LATE)
    finally:
        clock.stop()
    now += 1000.0
    assert clock.suspended == pytest.approx(60.0 + LATE)


PROGRAM = """
import asyncio, sys, time
from pathlib import Path
from pixxel_async import DownloadManager, JobPackage, PixxelClient, Settings
from pixxel_async.events import Asked
from pixxel_async.settings import PollSettings

def note(event):
    if isinstance(event, Asked):
        print("asked", flush=True)

async def main(url, key, workflow, job, folder):
    settings = Settings(api_key=key, base_url=url, poll=PollSettings(initial_interval=0.5))
    async with PixxelClient(settings=settings) as client:
        async with DownloadManager(client, Path(folder), on_event=note) as manager:
            done = await manager.fetch(JobPackage(workflow_id=workflow, job_id=job), timeout=6.0)
            print("size", done.size, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no SIGSTOP here")
async def test_a_process_that_was_stopped_polls_as_soon_as_before(ground: GroundTruth, tmp_path: Path) -> None:
    """A process stopped for 8 s keeps a deadline of 6 s and polls seconds after it continues."""
    async with Sandbox(packing=9.0) as sandbox:
        package, args = ground.packages[0], [sys.executable, "-c", PROGRAM, sandbox.url, sandbox.api_key]
        child = await asyncio.create_subprocess_exec(
            *args, package.workflow_id, package.job_id, str(tmp_path), stdout=asyncio.subprocess.PIPE
        )
        assert child.stdout is not None
        await child.stdout.readline()
        os.kill(child.pid, signal.SIGSTOP)
        await asyncio.sleep(BEAT + LATE + 1)
        os.kill(child.pid, signal.SIGCONT)
        async with asyncio.timeout(30):
            printed = (await child.stdout.read()).decode()
            await child.wait()

    assert "size" in printed
