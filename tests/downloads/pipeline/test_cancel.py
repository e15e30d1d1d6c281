"""Cancellation goes through at once from everywhere, and leaves nothing behind but a part file that can go on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pixxel_async import DownloadManager, JobPackage, PixxelClient
from tests.support.ground_truth import GroundTruth, sha256, visible
from tests.support.system import open_in


def ours() -> list[str]:
    """Tasks of the loop that are neither this test's nor the sandbox's."""
    named = (str(task.get_coro()) for task in asyncio.all_tasks() if task is not asyncio.current_task())
    return [coro for coro in named if "RequestHandler" not in coro]


async def export(client: PixxelClient, folder: Path, packages: list[JobPackage]) -> None:
    async with DownloadManager(client, folder) as manager, manager.fetch_all(packages) as outcomes:
        async for _ in outcomes:
            pass


@pytest.mark.fault("P-04")
@pytest.mark.slow
async def test_cancelled_anywhere_and_once_more_while_cleaning_up(
    client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """An export is cancelled after every so many turns of the loop, until one runs through: nothing is ever left."""
    truth = {package.job_id: await ground.truth(package) for package in ground.packages[:2]}
    background, turns, finished = ours(), 0, False
    while not finished:
        folder = tmp_path / str(turns)
        running = asyncio.create_task(export(client, folder, ground.packages[:2]))
        for _ in range(turns):
            await asyncio.sleep(0)
        await asyncio.sleep(0.0005 * turns)
        running.cancel()
        for _ in range(turns % 6):
            await asyncio.sleep(0)
        running.cancel()
        async with asyncio.timeout(30):
            try:
                await running
                finished = True
            except asyncio.CancelledError:
                pass
        assert ours() == background and open_in(folder) == []
        for name in visible(folder):
            assert sha256(folder / name) == truth[Path(name).stem]
        turns += 7

    assert turns > 20


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.1, 0.2])
async def test_a_fetch_that_is_cancelled_goes_on_the_next_time(
    client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path, seconds: float
) -> None:
    """A time-out around `fetch` is let through, and the lease is free at once for the next one."""
    truth = await ground.truth(package)
    async with DownloadManager(client, tmp_path) as manager:
        try:
            async with asyncio.timeout(seconds):
                await manager.fetch(package)
        except TimeoutError:
            pass
        done = await manager.fetch(package)

    assert sha256(done.path) == truth
