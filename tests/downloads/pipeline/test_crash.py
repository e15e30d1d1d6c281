"""Processes killed at any moment, and processes that share a folder."""

from __future__ import annotations

import asyncio
import json
import os
import random
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pixxel_async import DownloadManager, JobPackage, PixxelClient
from pixxel_async.sandbox import Fault, Sandbox
from tests.support.ground_truth import GroundTruth, part_bytes, sha256, until, visible
from tests.support.system import RUN_MODULE, posix


@pytest.fixture
async def small() -> AsyncIterator[GroundTruth]:
    """Return the truth about a sandbox whose packages are fetched at once, since each step needs two exports."""
    async with (
        Sandbox(packing=0.0, package_size=200_000) as sandbox,
        PixxelClient(api_key=sandbox.api_key, base_url=sandbox.url) as client,
    ):
        yield await GroundTruth.survey(sandbox, client)


async def start(ground: GroundTruth, folder: Path, packages: list[JobPackage]) -> Process:
    """Start an export in a process of its own."""
    sandbox = ground.sandbox
    command = [sandbox.url, sandbox.api_key, str(folder), *map(str, packages)]
    return await asyncio.create_subprocess_exec(
        *RUN_MODULE, "tests.downloads.programs.export", *command, stdout=PIPE, stderr=STDOUT
    )


async def ended(process: Process, seconds: float = 50) -> str:
    """Return the output of a process after it exited with 0."""
    output, _ = await asyncio.wait_for(process.communicate(), seconds)
    assert process.returncode == 0, output.decode()
    return output.decode()


async def killed(process: Process, folder: Path, later: float) -> None:
    """Kill a process some time after its first bytes are on disk."""
    await until(lambda: part_bytes(folder) or process.returncode is not None)
    await asyncio.sleep(later)
    if process.returncode is None:
        process.kill()
    await process.communicate()


@pytest.mark.fault("P-01")
@pytest.mark.slow
async def test_killed_at_random_and_continued(sandbox: Sandbox, ground: GroundTruth, tmp_path: Path) -> None:
    """After SIGKILL at random moments no incomplete file has a final name, and the next run completes the folder."""
    truth = {package.job_id: await ground.truth(package) for package in ground.packages}
    sandbox.inject(Fault(route="storage", kind="drip", rate=8_000_000, times=None))
    dice = random.Random(11)
    for _ in range(3):
        process = await start(ground, tmp_path, ground.packages)
        await killed(process, tmp_path, dice.uniform(0.0, 0.25))
        for name in visible(tmp_path):
            assert sha256(tmp_path / name) == truth[Path(name).stem], f"{name} is not what it should be"

    await ended(await start(ground, tmp_path, ground.packages))

    assert {Path(name).stem: sha256(tmp_path / name) for name in visible(tmp_path)} == truth
    assert part_bytes(tmp_path) == 0
    assert any(gotten.startswith("bytes=") for gotten in ground.gets()), "what was on disk was gone on from"


@pytest.mark.slow
async def test_a_part_file_of_a_killed_run_is_continued(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path
) -> None:
    """The next run resumes a killed run's part file and hashes its prefix from disk."""
    truth = await ground.truth(package)
    sandbox.inject(Fault(route="storage", kind="stall", at=2_000_000))
    process = await start(ground, tmp_path, [package])
    await until(lambda: part_bytes(tmp_path) >= 1_900_000)
    process.kill()
    await process.communicate()
    kept = part_bytes(tmp_path)

    async with DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(package)

    assert ground.gets()[-1] == f"bytes={kept}-"
    assert sha256(done.path) == done.sha256 == truth


@pytest.mark.fault("Q-01")
@pytest.mark.slow
async def test_processes_share_a_folder(sandbox: Sandbox, ground: GroundTruth, tmp_path: Path) -> None:
    """Three processes with the same list fetch each package once, and all succeed."""
    truth = {package.job_id: await ground.truth(package) for package in ground.packages}
    already = len(ground.begun())  # by the truth
    processes = [await start(ground, tmp_path, ground.packages) for _ in range(3)]
    said = [await ended(process) for process in processes]

    assert {Path(name).stem: sha256(tmp_path / name) for name in visible(tmp_path)} == truth
    assert len(ground.begun()) - already == len(ground.packages)
    assert all(len(text.splitlines()) == len(ground.packages) for text in said)


@pytest.mark.slow
async def test_a_dead_process_is_taken_over(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path
) -> None:
    """A process that waits for a package of another takes it over soon after that one is killed."""
    truth = await ground.truth(package)
    sandbox.inject(Fault(route="storage", kind="stall", at=1_000_000))
    process = await start(ground, tmp_path, [package])
    await until(lambda: part_bytes(tmp_path))

    async with DownloadManager(client, tmp_path) as manager:
        transfer = await manager.submit(package)
        await asyncio.sleep(0.5)
        assert not transfer.done and sandbox.count("jobs.request_download") <= 8, "waiting asks for nothing"
        process.kill()
        await process.communicate()
        async with asyncio.timeout(40):
            done = await transfer

    assert done.fetched and sha256(done.path) == truth


@pytest.mark.fault("P-01")
@pytest.mark.slow
@posix
@pytest.mark.parametrize("extract", [False, True])
async def test_every_step_may_be_the_last(small: GroundTruth, tmp_path: Path, extract: bool) -> None:
    """P-01: an export ended at any file operation leaves only complete files, and the next one completes the folder."""
    options = ["--extract"] if extract else []
    package = small.packages[0]
    command = [*options, small.sandbox.url, small.sandbox.api_key, str(tmp_path), str(package)]
    process = await asyncio.create_subprocess_exec(
        *RUN_MODULE, "tests.downloads.programs.crash_at_step", *command, stdout=PIPE, stderr=STDOUT
    )
    *died, whole = [json.loads(line) for line in (await ended(process, 200)).splitlines()]

    assert whole["code"] == 0 and whole["files"][f"{package.workflow_id}/{package.job_id}.zip"]
    assert len(died) > (20 if extract else 10) and {run["code"] for run in died} == {99}
    for run in (*died, whole):
        assert run["left"].items() <= whole["files"].items(), f"half a file after call {run['number']}"
        assert (run["again"], run["files"]) == (0, whole["files"]), f"not completed after call {run['number']}"


@pytest.mark.fault("P-01")
@pytest.mark.slow
@posix
async def test_every_step_of_a_group_may_be_the_last(small: GroundTruth, tmp_path: Path) -> None:
    """P-01: ended at any step of publishing, files are whole and the next run completes the folder."""
    packages = [str(package) for package in small.packages[:2]]
    command = ["--publish", small.sandbox.url, small.sandbox.api_key, str(tmp_path), *packages]
    process = await asyncio.create_subprocess_exec(
        *RUN_MODULE, "tests.downloads.programs.crash_at_step", *command, stdout=PIPE, stderr=STDOUT
    )
    *died, whole = [json.loads(line) for line in (await ended(process, 300)).splitlines()]

    names = {f"{package.workflow_id}/{package.job_id}.zip" for package in small.packages[:2]}
    assert whole["code"] == 0 and names <= whole["files"].keys()
    assert len(died) > 15 and {run["code"] for run in died} == {99}
    for run in (*died, whole):
        assert run["left"].items() <= whole["files"].items(), f"half a file after call {run['number']}"
        assert (run["again"], run["files"]) == (0, whole["files"]), f"not completed after call {run['number']}"


@pytest.mark.slow
@posix
@pytest.mark.parametrize(("size", "at"), [(900_000, 800_000), (3_000_000, 2_500_000)])
async def test_a_kill_loses_at_most_half_a_mebibyte(tmp_path: Path, size: int, at: int) -> None:
    """C15: after a kill at most 512 KiB of received bytes are fetched again, for small bodies as well."""
    async with (
        Sandbox(packing=0.0, package_size=size) as sandbox,
        PixxelClient(api_key=sandbox.api_key, base_url=sandbox.url) as client,
    ):
        ground = await GroundTruth.survey(sandbox, client)
        sandbox.inject(Fault(route="storage", kind="stall", at=at))
        sets = ("--set", "http.read_timeout=600", "--set", "http.max_connections_per_host=1")
        command = [*sets, "export", str(ground.packages[0]), "--to", str(tmp_path), "--quiet"]
        environment = os.environ | {"PIXXEL_API_KEY": sandbox.api_key, "PIXXEL_BASE_URL": sandbox.url}
        process = await asyncio.create_subprocess_exec(*RUN_MODULE, "pixxel_async", *command, env=environment)
        async with asyncio.timeout(300):  # before the stall is detected and the buffer written
            await until(lambda: part_bytes(tmp_path) > at - 524_288)
        process.kill()
        await process.communicate()
        async with DownloadManager(client, tmp_path) as manager:
            done = await manager.fetch(ground.packages[0])
            first, second = ground.gets()[:2]

        assert sha256(done.path) == await ground.truth(ground.packages[0])
    assert first == "" and int(second.removeprefix("bytes=").removesuffix("-")) > at - 524_288
