"""`examples/cache.py`: one bounded folder for all workers, with the least recently used file evicted first."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from examples.cache import Cache
from pixxel_async import JobPackage, PixxelClient
from pixxel_async.sandbox import Sandbox
from tests.support.system import RUN_MODULE

SIZE = 1 << 20
WORKERS = 3


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Serve a sandbox with small packages that are ready at once."""
    async with Sandbox(packing=0, package_size=SIZE) as started:
        yield started


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[PixxelClient]:
    async with PixxelClient(sandbox.api_key, base_url=sandbox.url) as opened:
        yield opened


@pytest.fixture
def packages(sandbox: Sandbox) -> list[JobPackage]:
    """Add six packages."""
    jobs = [sandbox.add_job() for _ in range(6)]
    return [JobPackage(workflow_id=job.workflow_id, job_id=job.id) for job in jobs]


def kept(folder: Path) -> set[str]:
    """Return the jobs whose files exist."""
    return {path.stem for path in folder.rglob("*.zip")}


async def read(cache: Cache, package: JobPackage) -> bytes:
    with await cache.open(package) as file:
        return file.read()


@pytest.mark.slow
async def test_the_least_recently_used_file_is_evicted(
    client: PixxelClient, sandbox: Sandbox, packages: list[JobPackage], tmp_path: Path
) -> None:
    """The least recently used file is evicted first; an evicted or deleted file is fetched again."""
    first, second, third, fourth, *_ = packages
    async with Cache(client, tmp_path, 3 * SIZE) as cache:
        whole = await read(cache, first)
        for package in (second, third, first, fourth):
            await read(cache, package)
        assert kept(tmp_path) == {first.job_id, third.job_id, fourth.job_id}
        assert sandbox.count("storage") == 4
        assert len(await read(cache, second)) == SIZE
        assert kept(tmp_path) == {first.job_id, second.job_id, fourth.job_id}

        (tmp_path / first.workflow_id / f"{first.job_id}.zip").unlink()
        assert await read(cache, first) == whole


async def test_an_open_file_stays_readable(client: PixxelClient, packages: list[JobPackage], tmp_path: Path) -> None:
    """A file that is evicted while open stays readable for its reader."""
    async with Cache(client, tmp_path, SIZE) as cache:
        with await cache.open(packages[0]) as file:
            await read(cache, packages[1])
            assert kept(tmp_path) == {packages[1].job_id}
            assert len(file.read()) == SIZE


@pytest.mark.slow
async def test_workers_share_it(sandbox: Sandbox, packages: list[JobPackage], tmp_path: Path) -> None:
    """Several processes read the same packages completely, and the folder stays within its bound."""
    asked = [str(package) for package in packages * 3]
    async with asyncio.TaskGroup() as group:
        working = [group.create_task(worker(sandbox, tmp_path, asked[number:])) for number in range(WORKERS)]

    digests: dict[str, set[str]] = defaultdict(set)
    for line in [line for task in working for line in task.result()]:
        package, digest = line.split()
        digests[package].add(digest)
    assert {package: len(seen) for package, seen in digests.items()} == dict.fromkeys(map(str, packages), 1)
    assert len(kept(tmp_path)) <= 4


async def worker(sandbox: Sandbox, folder: Path, packages: list[str]) -> list[str]:
    """Return the lines that a worker process printed."""
    arguments = [sandbox.url, sandbox.api_key, str(folder), str(4 * SIZE), *packages]
    command = [*RUN_MODULE, "tests.examples.cache_worker", *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    try:
        out, _ = await asyncio.wait_for(process.communicate(), 240)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert process.returncode == 0
    return out.decode().splitlines()
