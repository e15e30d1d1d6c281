"""Cancellation takes effect at once anywhere, and leaves only part files that can be resumed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pixxel_async import DownloadManager, JobPackage, PixxelClient
from tests.support.ground_truth import GroundTruth, sha256, visible
from tests.support.system import open_in
from tests.support.tiers import quick_only


def ours() -> list[str]:
    """Return the tasks of the loop except this test's and the sandbox's."""
    named = (str(task.get_coro()) for task in asyncio.all_tasks() if task is not asyncio.current_task())
    return [coro for coro in named if "RequestHandler" not in coro]


async def export(client: PixxelClient, folder: Path, packages: list[JobPackage]) -> None:
    async with DownloadManager(client, folder) as manager, manager.fetch_all(packages) as outcomes:
        async for _ in outcomes:
            pass


@pytest.mark.fault("P-04")
@pytest.mark.slow
async def test_cancelled_anywhere_and_during_clean_up(
    client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """An export cancelled after any number of loop iterations, and again during clean-up, leaves nothing behind."""
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


@pytest.mark.parametrize("seconds", quick_only([0.0, 0.05, 0.1, 0.2], 0.0, 0.05))
async def test_a_cancelled_fetch_resumes(
    client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path, seconds: float
) -> None:
    """A timeout around `fetch` takes effect, and the lease is free for the next call."""
    truth = await ground.truth(package)
    async with DownloadManager(client, tmp_path) as manager:
        try:
            async with asyncio.timeout(seconds):
                await manager.fetch(package)
        except TimeoutError:
            pass
        done = await manager.fetch(package)

    assert sha256(done.path) == truth
