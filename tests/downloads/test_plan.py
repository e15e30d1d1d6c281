"""Plans of a batch, and forgetting packages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pixxel_async import DownloadManager, JobPackage, PixxelClient
from pixxel_async.errors import DownloadError, KeyRefused
from pixxel_async.sandbox import Fault, Sandbox
from tests.support.ground_truth import GroundTruth, part_bytes, until


@pytest.mark.slow
async def test_forgetting_fetches_again(client: PixxelClient, package: JobPackage, tmp_path: Path) -> None:
    """A forgotten package is fetched again; with `delete` its file is removed."""
    async with DownloadManager(client, tmp_path) as manager:
        path = (await manager.fetch(package)).path
        assert await manager.forget(package, delete=True) and not path.exists()
        assert not await manager.forget(package)
        assert (await manager.fetch(package)).fetched


async def test_a_plan_sends_no_request(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """A plan is made from record and disk without a request."""
    done, new = ground.packages[:2]
    async with DownloadManager(client, tmp_path) as manager:
        await manager.fetch(done)
        calls = len(sandbox.requests)
        steps = [planned.step for planned in await manager.plan([done, new])]

    assert steps == ["done", "fetch"] and len(sandbox.requests) == calls


async def test_a_plan_accepts_what_fetch_all_accepts(client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """A plan accepts async sources, shards and templates, and tells where each file would be."""

    async def source() -> AsyncIterator[JobPackage]:
        for package in ground.packages:
            yield package

    async with DownloadManager(client, tmp_path) as manager:
        planned = await manager.plan(source(), shard=(1, 2), name_template="all/{job_id}")
        other = await manager.plan(source(), shard=(2, 2))

    assert [one.package for one in planned] == ground.packages
    assert planned[0].path == tmp_path / "all" / f"{ground.packages[0].job_id}.zip"
    for one, two in zip(planned, other, strict=True):
        assert {one.step, two.step} == {"fetch", "elsewhere"}


async def test_sizes_are_requested(sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """With `sizes` each package that is not done is requested once, which starts packing; no body is fetched."""
    async with DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(ground.packages[0])
        await client.packages.wait(ground.packages[1])
        asks, gets = sandbox.count("jobs.request_download"), len(ground.gets())
        planned = await manager.plan([*ground.packages[:2], ground.failed], sizes=True)

    assert [one.size for one in planned] == [done.size, len(await body(ground, ground.packages[1])), None]
    assert [one.step for one in planned] == ["done", "fetch", "fetch"] and planned[2].status
    assert sandbox.count("jobs.request_download") - asks == 3, "two by the plan, one by this test"
    assert ground.gets()[gets:][0] == "bytes=0-0"


async def body(ground: GroundTruth, package: JobPackage) -> bytes:
    state = await ground.client.packages.ask(package)
    assert state.link is not None
    async with ground.client.storage.get(state.link.url) as reply:
        return b"".join([chunk async for chunk in reply.chunks()])


async def test_a_refused_key_ends_a_plan(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """A refused key ends a plan with sizes."""
    sandbox.inject(Fault(route="jobs.request_download", kind="status", status=401, times=None))
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(KeyRefused):
            await manager.plan(ground.packages, sizes=True)


@pytest.mark.slow
async def test_a_package_being_fetched_is_not_forgotten(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """A package that is being fetched cannot be forgotten."""
    sandbox.inject(Fault(route="storage", kind="stall", at=2_000_000))
    async with DownloadManager(client, tmp_path) as manager:
        fetching = asyncio.ensure_future(manager.fetch(package))
        await until(lambda: part_bytes(tmp_path) > 0)
        with pytest.raises(DownloadError, match="being fetched"):
            await manager.forget(package, delete=True)
        assert part_bytes(tmp_path) > 0
        await manager.aclose(drain=0)
        with pytest.raises(DownloadError):
            await fetching
