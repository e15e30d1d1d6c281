"""Random faults: no wrong file, no hang, and a complete folder once they are over.

Each seed gives a plan of faults; `python -m tests.faults --runs 500 --seed 1000` tries as many as wanted.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from pixxel_async import DownloadManager, Failed, PixxelClient, PixxelError
from pixxel_async.events import Outcome
from pixxel_async.sandbox import Sandbox
from tests.faults.random_plans import SIZE, plan, seeds, settings
from tests.support.ground_truth import GroundTruth, collect, part_bytes, sha256, visible

RUNS = 40
"""Runs after which a folder must be complete; each fault fires a few times only."""


async def one_run(client: PixxelClient, ground: GroundTruth, folder: Path) -> list[Outcome]:
    """Return the outcomes of one export; if it raised, a failure for each package."""
    outcomes: list[Outcome] = []
    async with DownloadManager(client, folder) as manager, asyncio.timeout(40):
        try:
            await collect(manager.fetch_all(ground.packages), outcomes)
        except PixxelError:
            outcomes += [Failed(package, PixxelError()) for package in ground.packages]
    return outcomes


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds())
async def test_random_faults(seed: int, tmp_path: Path) -> None:
    """After each run every final file is correct, and the folder is complete at the end."""
    async with (
        Sandbox(seed=seed, packing=0.02, package_size=SIZE) as sandbox,
        PixxelClient(settings=settings(sandbox)) as client,
    ):
        ground = await GroundTruth.survey(sandbox, client)
        truth = {package.job_id: await ground.truth(package) for package in ground.packages}
        for fault in plan(random.Random(seed)):
            sandbox.inject(fault)
        for _ in range(RUNS):
            failed = [one for one in await one_run(client, ground, tmp_path) if isinstance(one, Failed)]
            found = {Path(name).stem: sha256(tmp_path / name) for name in visible(tmp_path)}
            assert found.items() <= truth.items(), "a wrong file has a final name"
            if not failed:
                break
    assert found == truth, failed
    assert part_bytes(tmp_path) == 0
    sandbox.assert_key_only_at_api()
