"""A process is killed at random moments while faults fire, and the last run completes the folder."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pixxel_async import PixxelClient
from pixxel_async.sandbox import Fault, Sandbox
from tests.downloads.pipeline.test_crash import ended, killed, start
from tests.faults.random_plans import SIZE, plan, seeds, settings
from tests.support.ground_truth import GroundTruth, part_bytes, sha256, visible

KILLS = 4


@pytest.mark.fault("P-01")
@pytest.mark.slow
@pytest.mark.parametrize("seed", list(seeds())[:2] if len(seeds()) == 6 else seeds())
async def test_kills_at_random_moments(seed: int, tmp_path: Path) -> None:
    """P-01: after each kill every visible file is correct; an undisturbed run completes the folder."""
    dice = random.Random(f"kill {seed}")
    async with (
        Sandbox(seed=seed, packing=0.02, package_size=SIZE) as sandbox,
        PixxelClient(settings=settings(sandbox)) as client,
    ):
        ground = await GroundTruth.survey(sandbox, client)
        truth = {package.job_id: await ground.truth(package) for package in ground.packages}
        for _ in range(KILLS):
            sandbox.plan.clear()
            sandbox.inject(Fault(route="storage", kind="drip", rate=2_000_000, times=None))
            for fault in plan(dice)[:2]:
                sandbox.inject(fault)
            process = await start(ground, tmp_path, ground.packages)
            await killed(process, tmp_path, dice.uniform(0.0, 0.3))
            found = {Path(name).stem: sha256(tmp_path / name) for name in visible(tmp_path)}
            assert found.items() <= truth.items(), "a wrong file has a final name"
        sandbox.plan.clear()
        await ended(await start(ground, tmp_path, ground.packages))
    assert {Path(name).stem: sha256(tmp_path / name) for name in visible(tmp_path)} == truth
    assert part_bytes(tmp_path) == 0
    sandbox.assert_key_only_at_api()
