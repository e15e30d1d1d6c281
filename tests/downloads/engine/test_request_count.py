"""The number of requests per package, and the behaviour under rate limits."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from attrs import evolve

from pixxel_async import DownloadManager, JobPackage, PixxelClient, Settings
from pixxel_async.events import Downloaded
from pixxel_async.sandbox import Fault, Sandbox
from pixxel_async.settings import HTTPSettings, PollSettings, RetrySettings, Timing
from tests.downloads.conftest import quick_settings
from tests.support.ground_truth import GroundTruth, collect


async def some_packages(client: PixxelClient, count: int) -> list[JobPackage]:
    """Create jobs, wait for them, and return their packages."""
    workflow = (await client.workflows.list())[0]
    project = (await client.projects.list())[0]
    jobs = [await client.jobs.create(workflow.id, project_id=project.id) for _ in range(count)]
    await asyncio.gather(*(client.jobs.wait(workflow.id, job.id) for job in jobs))
    return [JobPackage(workflow_id=workflow.id, job_id=job.id) for job in jobs]


async def requests(sandbox: Sandbox, client: PixxelClient, packages: list[JobPackage], folder: Path) -> Counter[int]:
    """Fetch all packages and return the statuses of the package requests."""
    before = len(sandbox.requests)
    async with DownloadManager(client, folder) as manager:
        outcomes = await collect(manager.fetch_all(packages))
    assert all(isinstance(outcome, Downloaded) for outcome in outcomes), outcomes
    assert len(outcomes) == len(packages)
    return Counter(seen.status for seen in list(sandbox.requests)[before:] if seen.method == "PUT")


@pytest.mark.slow
@pytest.mark.parametrize(("packing", "most"), [(0.0, 1.05), (0.3, 3.0)], ids=["ready at once", "packed on demand"])
async def test_requests_per_package(packing: float, most: float, tmp_path: Path) -> None:
    """A ready package costs one request, one packed on demand at most three."""
    async with (
        Sandbox(packing=packing, package_size=20_000, job_seconds=0.0) as sandbox,
        PixxelClient(settings=quick_settings(sandbox)) as client,
    ):
        packages = await some_packages(client, 100)
        answers = await requests(sandbox, client, packages, tmp_path)

    assert answers.total() <= most * len(packages)


@pytest.mark.slow
async def test_too_many_requests_fail_no_package(tmp_path: Path) -> None:
    """429 responses fail no package: requests pause and continue, even after a long pause."""
    async with Sandbox(packing=0.0, package_size=20_000, job_seconds=0.0) as sandbox:
        settings = evolve(
            quick_settings(sandbox), retry=RetrySettings(initial_delay=0.01, max_delay=0.02, max_retry_after=0.5)
        )
        async with PixxelClient(settings=settings) as client:
            packages = await some_packages(client, 20)
            refusal = {"Retry-After": "1"}
            sandbox.inject(Fault(route="jobs.request_download", kind="status", status=429, headers=refusal, times=3))
            answers = await requests(sandbox, client, packages, tmp_path)

    assert answers[429] == 3
    assert answers[200] <= 1.1 * len(packages)


@pytest.mark.slow
async def test_a_service_that_restarts_packing_gets_done(tmp_path: Path) -> None:
    """With a service that restarts packing on each request, intervals grow until packages get done."""
    async with Sandbox(clock="manual", packing=60.0, package_size=20_000, restarts=True) as sandbox:
        now = sandbox.clock.now

        async def sleep(seconds: float) -> None:
            end = now() + seconds
            while now() < end:  # noqa: ASYNC110 - the clock is stepped by the loop below
                await asyncio.sleep(0.002)

        async with PixxelClient(sandbox.api_key, base_url=sandbox.url, timing=Timing(clock=now, sleep=sleep)) as client:
            ground = await GroundTruth.survey(sandbox, client)
            fetching = asyncio.create_task(requests(sandbox, client, ground.packages, tmp_path))
            while not fetching.done():
                await asyncio.sleep(0.008)
                await sandbox.advance(1.0)

    assert (await fetching)[200] <= 12 * len(ground.packages)


@pytest.mark.slow
async def test_an_allowed_rate_is_kept_from_the_first_call(tmp_path: Path) -> None:
    """With `http.calls_per_second` at the allowed rate no call is refused."""
    async with Sandbox(packing=0.0, package_size=20_000, job_seconds=0.0) as sandbox:
        settings = Settings(
            api_key=sandbox.api_key,
            base_url=sandbox.url,
            http=HTTPSettings(calls_per_second=200.0),
            poll=PollSettings(initial_interval=0.03),
        )
        async with PixxelClient(settings=settings) as client:
            packages = await some_packages(client, 20)
            answers = await requests(sandbox, client, packages, tmp_path)

    assert set(answers) == {200}
