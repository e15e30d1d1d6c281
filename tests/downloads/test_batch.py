"""Batches: one outcome per package, bounded read-ahead, and a clean end however the iteration is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from pixxel_async import DownloadManager, JobPackage, PixxelClient
from pixxel_async.downloads import Outcomes
from pixxel_async.errors import ConfigError, DownloadError, PackageFailed, PackageTimedOut
from pixxel_async.events import Downloaded, Failed, Outcome, Skipped
from pixxel_async.sandbox import Fault, Sandbox
from tests.support.ground_truth import GroundTruth, collect, sha256, until, visible


@pytest.mark.slow
async def test_every_package_has_one_outcome(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """Each element of the source has one outcome, and a failed package affects no other."""
    source = [*ground.packages, ground.failed, str(ground.packages[0]), JobPackage(workflow_id="w", job_id="j")]
    async with DownloadManager(client, tmp_path) as manager:
        outcomes = await collect(manager.fetch_all(source))

    kinds = sorted(type(outcome).__name__ for outcome in outcomes)
    assert kinds == ["Downloaded"] * len(ground.packages) + ["Failed", "Failed", "Skipped"]
    for outcome in outcomes:
        if isinstance(outcome, Downloaded):
            assert sha256(outcome.path) == outcome.sha256
    assert len(visible(tmp_path)) == len(ground.packages)
    sandbox.assert_key_only_at_api()


@pytest.mark.slow
async def test_a_second_run_sends_no_request(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """A finished batch run again sends no request."""
    async with DownloadManager(client, tmp_path) as manager:
        await collect(manager.fetch_all(ground.packages))
    calls = len(sandbox.requests)
    async with DownloadManager(client, tmp_path) as manager:
        outcomes = await collect(manager.fetch_all(ground.packages))

    assert all(isinstance(outcome, Skipped) and outcome.path is not None for outcome in outcomes)
    assert len(outcomes) == len(ground.packages) and len(sandbox.requests) == calls


@pytest.mark.slow
async def test_rows_of_a_listing_are_packages(client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """An async listing of jobs is a source, and its fields name the files."""
    jobs = client.jobs.list(ground.packages[0].workflow_id, status="completed")
    async with DownloadManager(client, tmp_path, name_template="{finished_at:%Y}/{status}-{job_id}") as manager:
        outcomes = await collect(manager.fetch_all(jobs))

    assert {type(outcome) for outcome in outcomes} == {Downloaded}
    assert all("/completed-" in name for name in visible(tmp_path))


@pytest.mark.slow
async def test_the_source_is_read_with_bounded_read_ahead(client: PixxelClient, tmp_path: Path) -> None:
    """Of an endless source only a few more packages are taken than were requested."""
    taken = 0

    def endless() -> Iterator[JobPackage]:
        nonlocal taken
        while True:
            taken += 1
            yield JobPackage(workflow_id="w", job_id=str(taken))

    async with (
        DownloadManager(client, tmp_path) as manager,
        manager.fetch_all(endless(), max_concurrent_requests=2) as outcomes,
    ):
        for _ in range(5):
            assert isinstance(await anext(outcomes), Failed)
        before = -1
        async with asyncio.timeout(30):
            while before != taken:
                before = taken
                await asyncio.sleep(0.4)
        assert taken <= 5 + 64 + 16, "a slow reader stops new work"


@pytest.mark.slow
async def test_a_slow_source_does_not_delay_its_packages(
    client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """Each package starts as soon as the source yields it."""
    more = asyncio.Event()

    async def slow() -> AsyncIterator[JobPackage]:
        yield ground.packages[0]
        await more.wait()
        yield ground.packages[1]

    async with DownloadManager(client, tmp_path) as manager, manager.fetch_all(slow()) as outcomes:
        async with asyncio.timeout(30):
            assert (await anext(outcomes)).package == ground.packages[0]
            more.set()
            assert (await anext(outcomes)).package == ground.packages[1]
            with pytest.raises(StopAsyncIteration):
                await anext(outcomes)


async def first_then(batch: Outcomes, error: Exception | None) -> None:
    async with batch as outcomes:
        async for _ in outcomes:
            if error is not None:
                raise error
            break


@pytest.mark.fault("P-08")
@pytest.mark.slow
@pytest.mark.parametrize("way", ["break", "raise", "timeout", "kept", "other task", "never entered"])
async def test_every_way_out_is_clean(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, tmp_path: Path, way: str
) -> None:
    """However the iteration is left, no task of it runs on, and the manager closes at once."""
    sandbox.inject(Fault(route="storage", kind="stall", at=100_000, after=1, times=None))
    manager = await DownloadManager(client, tmp_path).open()
    batch = manager.fetch_all(ground.packages)

    async with asyncio.timeout(30):
        if way == "break":
            await first_then(batch, None)
        elif way == "raise":
            with pytest.raises(ZeroDivisionError):
                await first_then(batch, ZeroDivisionError())
        elif way == "timeout":
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(collect(batch), 0.3)
        elif way == "kept":
            await anext(aiter(await batch.__aenter__()))
        elif way == "other task":
            await asyncio.create_task(batch.__aenter__())
            await asyncio.create_task(batch.aclose())
        await manager.aclose(drain=0 if way == "kept" else None)

    assert not [task for task in asyncio.all_tasks() if (task.get_name() or "").startswith("pixxel")]


async def test_an_error_of_the_source_is_raised_last(client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """Packages yielded before the source's error are completed, then the error is raised."""

    def source() -> Iterator[JobPackage]:
        yield ground.packages[0]
        raise LookupError("the source's own")

    got: list[Outcome] = []
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(LookupError):
            await collect(manager.fetch_all(source()), got)

    assert [type(outcome) for outcome in got] == [Downloaded]


async def test_jobs_are_waited_for(sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """With `wait_for_jobs` a package is requested once its job has ended well; a failed job fails its package."""
    jobs = [ground.running, ground.failed]
    async with DownloadManager(client, tmp_path) as manager, manager.fetch_all(jobs, wait_for_jobs=True) as outcomes:
        failed = await anext(outcomes)
        assert isinstance(failed, Failed) and isinstance(failed.error, PackageFailed)
        assert sandbox.count("jobs.request_download") == 0
        await sandbox.advance(hours=1)
        done = await anext(outcomes)

    assert isinstance(done, Downloaded) and done.package == ground.running


@pytest.mark.fault("C-07")
@pytest.mark.slow
async def test_waiting_for_jobs_takes_few_tasks(sandbox: Sandbox, client: PixxelClient, tmp_path: Path) -> None:
    """Waiting for 300 jobs takes a few tasks, which end with the batch."""
    workflow = sandbox.add_workflow()
    runs = [sandbox.add_job(seconds=3600, workflow_id=workflow.id) for _ in range(300)]
    jobs = [JobPackage(workflow_id=workflow.id, job_id=run.id) for run in runs]
    async with DownloadManager(client, tmp_path) as manager:
        async with manager.fetch_all([], wait_for_jobs=True):
            before = len(asyncio.all_tasks())
        async with manager.fetch_all(jobs, wait_for_jobs=True) as outcomes:
            await until(lambda: outcomes.to_come == 0 and sandbox.count("jobs.list"))
            assert len(asyncio.all_tasks()) <= before + 10
        assert sandbox.count("jobs.get") < 20 and sandbox.count("jobs.request_download") == 0


@pytest.mark.slow
async def test_shards_share_out_the_work(client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """Shards 1/2 and 2/2 together fetch every package exactly once."""
    fetched = []
    for share in (1, 2):
        async with DownloadManager(client, tmp_path / str(share)) as manager:
            outcomes = await collect(manager.fetch_all(ground.packages, shard=(share, 2)))
        assert len(outcomes) == len(ground.packages)
        fetched += [outcome.package for outcome in outcomes if isinstance(outcome, Downloaded)]

    assert sorted(map(str, fetched)) == sorted(map(str, ground.packages))


@pytest.mark.slow
async def test_total_timeout(sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """`total_timeout` fails running packages with the reason, then ends the iteration with it."""
    sandbox.inject(Fault(route="storage", kind="stall", at=100_000, times=None))
    got: list[Outcome] = []
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(PackageTimedOut, match="total_timeout"):
            await collect(manager.fetch_all(ground.packages, total_timeout=1.5), got)

    assert got and all(isinstance(outcome, Failed) and "total_timeout" in str(outcome.error) for outcome in got)


@pytest.mark.slow
async def test_closing_the_manager_ends_a_batch_that_is_being_read(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """Closing the manager raises in a task that reads a batch."""
    sandbox.inject(Fault(route="storage", kind="stall", at=100_000, times=None))
    manager = await DownloadManager(client, tmp_path).open()
    reading = asyncio.create_task(collect(manager.fetch_all(ground.packages)))
    await asyncio.sleep(0.2)
    await manager.aclose(drain=0.1)

    with pytest.raises(DownloadError, match="closed"):
        async with asyncio.timeout(30):
            await reading


async def test_invalid_sources_are_refused(client: PixxelClient, package: JobPackage, tmp_path: Path) -> None:
    """A single text is not a source, and a batch can be entered once."""
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(ConfigError, match="iterable"):
            manager.fetch_all(str(package))
        batch = manager.fetch_all([])
        with pytest.raises(ConfigError, match="enter it first"):
            await anext(batch)
        assert await collect(batch) == []
        with pytest.raises(ConfigError, match="once"):
            await collect(batch)
