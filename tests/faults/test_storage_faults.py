"""Each kind of storage fault once: the file is correct, or there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pixxel_async import DownloadError, DownloadManager, PixxelClient, TooLarge
from pixxel_async.sandbox import Fault, Sandbox
from tests.faults.random_plans import SIZE, STORAGE_KINDS, settings
from tests.support.ground_truth import GroundTruth, part_bytes, sha256, visible

FINAL = {"gzip": DownloadError, "endless": TooLarge}
"""Kinds that end the package at once; every other one is lived through."""


@pytest.mark.slow
@pytest.mark.fault("F-03")
@pytest.mark.parametrize("kind", STORAGE_KINDS)
async def test_one_fault_of_each_kind(kind: Any, tmp_path: Path) -> None:
    """A body is cut and the fault fires in the response for the rest; the file is correct, or there is none."""
    async with (
        Sandbox(packing=0.0, package_size=SIZE) as sandbox,
        PixxelClient(settings=settings(sandbox)) as client,
        DownloadManager(client, tmp_path) as manager,
    ):
        ground = await GroundTruth.survey(sandbox, client)
        package = ground.packages[0]
        truth = await ground.truth(package)
        sandbox.inject(Fault(route="storage", kind="cut", at=SIZE // 2))
        sandbox.inject(Fault(route="storage", kind=kind, after=1, at=SIZE // 4, status=503, location="/elsewhere"))
        if kind in FINAL:
            with pytest.raises(FINAL[kind]):
                await manager.fetch(package)
            assert visible(tmp_path) == []
        else:
            done = await manager.fetch(package)
            assert sha256(done.path) == done.sha256 == truth
            assert visible(tmp_path) == [done.path.relative_to(tmp_path).as_posix()] and part_bytes(tmp_path) == 0
        sandbox.assert_key_only_at_api()


@pytest.mark.fault("G-08")
async def test_a_body_without_end(tmp_path: Path) -> None:
    """An endless body ends at `max_package_bytes`, and no file gets a final name."""
    async with (
        Sandbox(packing=0.0, package_size=SIZE) as sandbox,
        PixxelClient(settings=settings(sandbox)) as client,
        DownloadManager(client, tmp_path) as manager,
    ):
        sandbox.inject(Fault(route="storage", kind="endless", times=None))
        ground = await GroundTruth.survey(sandbox, client)
        with pytest.raises(TooLarge):
            await manager.fetch(ground.packages[0])
        assert visible(tmp_path) == []


@pytest.mark.fault("G-17")
async def test_another_etag_in_each_answer(tmp_path: Path) -> None:
    """A body whose ETag changes with every response restarts after each cut, and completes once it is not cut."""
    async with (
        Sandbox(packing=0.0, package_size=SIZE) as sandbox,
        PixxelClient(settings=settings(sandbox)) as client,
        DownloadManager(client, tmp_path) as manager,
    ):
        ground = await GroundTruth.survey(sandbox, client)
        truth = await ground.truth(ground.packages[0])
        sandbox.inject(Fault(route="storage", kind="etag", times=None))
        sandbox.inject(Fault(route="storage", kind="cut", at=SIZE // 2, times=3))
        assert sha256((await manager.fetch(ground.packages[0])).path) == truth
