"""Processes of one host share a folder: each package is fetched once, the others wait."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pixxel_async import DownloadManager, PixxelClient
from pixxel_async.sandbox import Fault, Sandbox
from tests.support.ground_truth import GroundTruth, part_bytes, until, visible

PROCESSES, CALLERS = 3, 50


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Serve a sandbox whose packages pack for a second, so that all processes wait at once."""
    async with Sandbox(packing=1.0, package_size=3_000_000) as started:
        yield started


async def joiner(sandbox: Sandbox, folder: Path, package: str) -> Process:
    """Start a process whose callers fetch the package when it receives a line on stdin."""
    arguments = [sandbox.url, sandbox.api_key, str(folder), package, str(CALLERS)]
    command = [sys.executable, "-m", "tests.downloads.programs.concurrent_callers", *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    assert process.stdout is not None and await process.stdout.readline() == b"ready\n"
    return process


@pytest.mark.fault("Q-01")
@pytest.mark.slow
async def test_callers_in_all_processes_join(sandbox: Sandbox, ground: GroundTruth, tmp_path: Path) -> None:
    """Q-01: 50 callers in each of three processes share one body and one file."""
    package = str(ground.packages[0])
    processes = await asyncio.gather(*(joiner(sandbox, tmp_path, package) for _ in range(PROCESSES)))
    said = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))

    assert [process.returncode for process in processes] == [0] * PROCESSES
    assert len(ground.begun()) == 1
    assert visible(tmp_path) == [f"{ground.packages[0].workflow_id}/{ground.packages[0].job_id}.zip"]
    lines = [line.split() for text, _ in said for line in text.decode().splitlines()]
    assert sum(int(count) for *_, count in lines) == PROCESSES * CALLERS
    assert {digest for digest, *_ in lines} == {await ground.truth(ground.packages[0])}
    fetched = [int(count) for _, fetched, count in lines if fetched == "True"]
    assert fetched == [CALLERS], "one process fetched for all"


@pytest.mark.fault("Q-02")
@pytest.mark.slow
async def test_a_waiting_process_takes_over_from_a_killed_one(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """Q-02: a process that waits for a killed one takes over its package; no lock has to be removed."""
    sandbox.inject(Fault(route="storage", kind="drip", rate=2_000_000, times=2))
    process = await joiner(sandbox, tmp_path, str(ground.packages[0]))
    assert process.stdin is not None
    process.stdin.write(b"go\n")
    async with DownloadManager(client, tmp_path) as manager:
        await until(lambda: part_bytes(tmp_path) > 0)
        fetching = asyncio.ensure_future(manager.fetch(ground.packages[0]))
        states = manager.watch(ground.packages[0])
        await anext(state async for state in states if getattr(state, "status", "") == "another process is fetching it")
        process.kill()
        await process.communicate()
        done = await fetching

    assert done.sha256 == await ground.truth(ground.packages[0])
