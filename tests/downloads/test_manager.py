"""Single packages through the manager: joining, skipping, names, failures, and clean-up."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from attrs import evolve

from pixxel_async import DownloadManager, JobPackage, PixxelClient, Settings
from pixxel_async.errors import (
    ClientClosed,
    ConfigError,
    DiskError,
    DiskFull,
    DownloadError,
    Forbidden,
    KeyRefused,
    NameTaken,
    NotFound,
    PackageFailed,
    PackageTimedOut,
    PixxelError,
)
from pixxel_async.events import Downloaded, Event, Failed, Moved
from pixxel_async.sandbox import Fault, Sandbox
from pixxel_async.settings import Timing
from pixxel_async.settings.constants import Constants
from tests.downloads.conftest import quick_settings
from tests.support.ground_truth import GroundTruth, collect, part_bytes, sha256, tuned, until, visible
from tests.support.system import open_in, posix


async def test_a_package_gets_a_name_of_its_ids(
    client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path
) -> None:
    """The file is named by the package's ids, and the outcome describes it; the storage's name is only a field."""
    async with DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(package)

    assert done.path == tmp_path / package.workflow_id / f"{package.job_id}.zip"
    assert (done.fetched, done.proof, done.size) == (True, "crc", done.path.stat().st_size)
    assert done.sha256 == await ground.truth(package)
    assert done.members and done.server_name


async def test_a_fetched_package_is_not_fetched_again(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """A fetched package is neither requested nor fetched again, in this run or the next, by package, text or row."""
    async with DownloadManager(client, tmp_path) as manager:
        first = await manager.fetch(package)
        second = await manager.fetch(str(package))
    calls = len(sandbox.requests)
    async with DownloadManager(client, tmp_path) as manager:
        third = await manager.fetch(package)

    assert (second.fetched, third.fetched) == (False, False)
    assert first.path == second.path == third.path and third.sha256 == first.sha256
    assert len(sandbox.requests) == calls


@pytest.mark.fault("Q-04")
async def test_concurrent_fetches_share_one_transfer(
    client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path
) -> None:
    """Fifty concurrent fetches of one package share one body and one outcome."""
    async with DownloadManager(client, tmp_path) as manager:
        outcomes = await asyncio.gather(*(manager.fetch(package) for _ in range(50)))

    assert len(ground.begun()) == 1 and len({id(outcome) for outcome in outcomes}) == 1


@pytest.mark.slow
async def test_cancelling_one_waiter_leaves_the_others(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """Cancelling one waiter leaves the transfer while another waits; cancelling the last ends it."""
    sandbox.inject(Fault(route="storage", kind="stall", at=100_000, seconds=0.3, times=1))
    async with DownloadManager(client, tmp_path) as manager:
        first, second = await manager.submit(package), await manager.submit(package)
        await until(lambda: first.progress.status == "streaming")
        assert repr(second) == f"Transfer({package}, streaming, {second.progress.received:,} bytes)"
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert (await second).fetched
        assert repr(second) == f"Transfer({package}, downloaded, 3,000,000 bytes)"

        alone = await manager.submit(JobPackage(workflow_id=package.workflow_id, job_id="no-such-job"))
        alone.cancel()
        assert manager.snapshot().waiting == 0 and alone.progress.status == "cancelled"


async def test_a_foreign_file_is_not_replaced(
    client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path
) -> None:
    """A foreign file at the name fails the package before any request; `replace` replaces it."""
    path = tmp_path / package.workflow_id / f"{package.job_id}.zip"
    path.parent.mkdir()
    path.write_text("mine")
    calls = len(ground.sandbox.requests)
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(NameTaken):
            await manager.fetch(package)
        assert path.read_text() == "mine" and len(ground.sandbox.requests) == calls

        done = await manager.fetch(package, on_existing="replace")
    assert done.path == path and sha256(path) == done.sha256


async def test_a_foreign_file_is_no_reason_to_give_up(
    client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """A foreign file at the name never makes a package given up."""
    path = tmp_path / package.workflow_id / f"{package.job_id}.zip"
    path.parent.mkdir()
    path.write_text("mine")
    async with DownloadManager(client, tmp_path) as manager:
        found = [await collect(manager.fetch_all([package])) for _ in range(4)]
        assert [type(outcome) for (outcome,) in found] == [Failed] * 4
        path.unlink()
        (outcome,) = await collect(manager.fetch_all([package]))
    assert isinstance(outcome, Downloaded)


@pytest.mark.slow
@tuned(constants=Constants(chunk_bytes=64 * 1024))
@pytest.mark.parametrize("moved", [False, True])
async def test_an_interrupted_redo_stays_ours(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path, moved: bool
) -> None:
    """M-04: a file being redone stays ours if the run is interrupted, and is replaced by a later run unless intact."""
    async with DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(package)
    whole = done.path.read_bytes()
    done.path.rename(tmp_path / "aside") if moved else done.path.write_bytes(whole[:-1])
    sandbox.inject(Fault(route="storage", kind="stall", at=1_000_000))
    async with DownloadManager(client, tmp_path) as manager:
        fetching = asyncio.create_task(manager.fetch(package, on_missing="redo"))
        await until(lambda: part_bytes(tmp_path))
        fetching.cancel()
        await asyncio.wait([fetching])
    if moved:
        (tmp_path / "aside").rename(done.path)

    async with DownloadManager(client, tmp_path) as manager:
        again = await manager.fetch(package)

    assert done.path.read_bytes() == whole and again.fetched is not moved
    assert part_bytes(tmp_path) == 0


@pytest.mark.slow
async def test_template_names_are_made_distinct(client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """Two packages with one template name get distinct files, and a changed template moves nothing."""
    first, second = ground.packages[:2]
    async with DownloadManager(client, tmp_path, name_template="all/{workflow_id}") as manager:
        one, two = await asyncio.gather(manager.fetch(first), manager.fetch(second))
    async with DownloadManager(client, tmp_path, name_template="elsewhere/{job_id}") as manager:
        again = await manager.fetch(first)

    assert one.path != two.path and one.path.parent == two.path.parent == tmp_path / "all"
    assert again == evolve(one, fetched=False, seconds=0.0, members=())


async def test_another_folder_is_another_fetch(client: PixxelClient, package: JobPackage, tmp_path: Path) -> None:
    """`to=` fetches into another folder, in the same record."""
    async with DownloadManager(client, tmp_path / "a") as manager:
        first = await manager.fetch(package)
        second = await manager.fetch(package, to=tmp_path / "b")
        third = await manager.fetch(package, to=tmp_path / "b")

    assert first.path.is_relative_to(tmp_path / "a") and second.path.is_relative_to(tmp_path / "b")
    assert second.fetched and not third.fetched


@pytest.mark.fault("M-04")
async def test_a_deleted_file_stays_done_unless_redone(
    client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """A deleted file counts as done; `on_missing="redo"` fetches it again."""
    async with DownloadManager(client, tmp_path) as manager:
        path = (await manager.fetch(package)).path
        path.unlink()
        assert not (await manager.fetch(package)).fetched
        assert (await manager.fetch(package, on_missing="redo")).fetched and path.exists()


@pytest.mark.fault("P-09")
async def test_an_exception_of_on_event_is_dropped(client: PixxelClient, package: JobPackage, tmp_path: Path) -> None:
    """An exception of `on_event` is dropped with its event."""
    seen = []

    def listen(event: Event) -> None:
        seen.append(event)
        raise RuntimeError("the listener's own fault")

    async with DownloadManager(client, tmp_path, on_event=listen) as manager:
        done = await manager.fetch(package)

    assert seen[-1] == done


async def test_watching_ends_with_the_outcome(client: PixxelClient, package: JobPackage, tmp_path: Path) -> None:
    """A slow watcher gets the newest state, and always the outcome last."""
    async with DownloadManager(client, tmp_path) as manager:
        watching = manager.watch(package)
        transfer = await manager.submit(package)
        states = [state async for state in watching]
        assert transfer.done

    assert isinstance(states[-1], Downloaded) and len(states) < 20


async def test_a_snapshot_counts(client: PixxelClient, package: JobPackage, tmp_path: Path) -> None:
    """A snapshot has the counts and bytes of what happened."""
    moved: list[Event] = []
    async with DownloadManager(client, tmp_path, on_event=moved.append) as manager:
        done = await manager.fetch(package)
        snapshot = manager.snapshot()

    assert (snapshot.done, snapshot.failed, snapshot.pending, snapshot.streaming) == (1, 0, 0, 0)
    assert snapshot.received == done.size and snapshot.rate > 0
    assert sum(isinstance(event, Moved) for event in moved) >= 2


@pytest.mark.fault("C-03")
async def test_packing_that_failed_is_raised(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """A failed packing raises PackageFailed with the service's status, without a storage request."""
    body = '{"status": "failed", "signed_url": ""}'
    sandbox.inject(Fault(route="jobs.request_download", kind="status", status=200, body=body, times=None))
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(PackageFailed, match="failed") as caught:
            await manager.fetch(package)

    assert caught.value.package == str(package) and caught.value.stage == "wait"


@pytest.mark.fault("C-02")
@pytest.mark.slow
async def test_packing_that_never_ends_times_out(client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """Packing beyond the deadline raises PackageTimedOut with the last status."""
    ground.sandbox.packing.seconds = 1000.0
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(PackageTimedOut, match=r"pending|packing|in_progress|processing"):
            await manager.fetch(ground.packages[0], timeout=0.3)


@pytest.mark.fault("B-08")
async def test_a_package_that_does_not_exist(client: PixxelClient, tmp_path: Path) -> None:
    """A package that does not exist raises the API's `NotFound`."""
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(NotFound):
            await manager.fetch(JobPackage(workflow_id="w", job_id="j"))


@pytest.mark.fault("A-12")
async def test_one_forbidden_package_fails_alone(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """A 403 for one package fails it alone while the key may list the projects."""
    sandbox.inject(Fault(route="jobs.request_download", kind="status", status=403))
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(Forbidden):
            await manager.fetch(ground.packages[0])
        assert (await manager.fetch(ground.packages[1])).fetched


@pytest.mark.fault("A-11")
async def test_a_refused_key_ends_the_batch(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """If the projects are refused too, the batch ends with that error after few requests."""
    sandbox.inject(Fault(route="api", kind="status", status=401, times=None))
    before = len(sandbox.requests)
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(KeyRefused):
            await collect(manager.fetch_all(ground.packages))

    assert len(sandbox.requests) - before <= 24


@pytest.mark.slow
async def test_a_long_pause_fails_nothing(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """A Retry-After beyond the cap of a call is waited for by the manager."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(min(seconds, 0.02))

    sandbox.inject(
        Fault(route="jobs.request_download", kind="status", status=429, headers={"Retry-After": "100"}, times=1)
    )

    def clock() -> float:
        return asyncio.get_running_loop().time() + sum(pause for pause in pauses if pause > 1)

    slow = PixxelClient(settings=client.settings, timing=Timing(clock=clock, sleep=sleep))
    async with slow, DownloadManager(slow, tmp_path) as manager:
        assert (await manager.fetch(package)).fetched

    assert max(pauses) > 90


@pytest.mark.fault("F-12")
@pytest.mark.slow
async def test_a_full_disk_ends_the_run(client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """Without space beside min_free_space nothing is downloaded, and the batch ends with `DiskFull`."""
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(DiskFull, match="min_free_space"):
            await collect(manager.fetch_all(ground.packages, min_free_space=1 << 60))

    assert visible(tmp_path) == []


@posix
@pytest.mark.parametrize("own_record", [True, False])
@pytest.mark.slow
async def test_a_folder_that_is_removed_ends_the_run(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, tmp_path: Path, own_record: bool
) -> None:
    """C13: a removed folder ends the run at the first package that notices, wherever the record is."""
    sandbox.inject(Fault(route="storage", kind="drip", rate=1_000_000, times=None))
    folder, record = tmp_path / "exports", None if own_record else tmp_path / "record.sqlite"
    async with DownloadManager(client, folder, record=record) as manager:
        outcomes = manager.fetch_all(ground.packages, max_concurrent_requests=1, max_concurrent_downloads=1)
        running = asyncio.ensure_future(collect(outcomes))
        await until(lambda: part_bytes(folder))
        folder.rename(tmp_path / "elsewhere")
        before = len(sandbox.requests)
        with pytest.raises(DiskError, match=r"is gone|could not|cannot be|No such file"):
            await running
    opened = {seen.path for seen in sandbox.requests[before:] if seen.host == "storage"}
    assert len(opened) < 3 < len(ground.packages)


async def test_settings_are_checked_at_the_call(client: PixxelClient, package: JobPackage, tmp_path: Path) -> None:
    """Unknown settings and unopened or closed managers raise at once."""
    manager = DownloadManager(client, tmp_path)
    with pytest.raises(ConfigError, match="not open"):
        await manager.fetch(package)
    async with manager:
        with pytest.raises(ConfigError, match="stream_s"):
            await manager.fetch(package, stream_s=3)
    await manager.aclose()
    with pytest.raises(ClientClosed, match="closed"):
        await manager.fetch(package)


async def test_leaving_completes_what_was_submitted(client: PixxelClient, package: JobPackage, tmp_path: Path) -> None:
    """Leaving the block normally completes submitted packages."""
    async with DownloadManager(client, tmp_path) as manager:
        transfer = await manager.submit(package)

    assert transfer.done and (await transfer).path.exists()


async def test_leaving_by_an_exception_cancels(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """Leaving the block by an exception cancels, and the next run resumes."""
    sandbox.inject(Fault(route="storage", kind="stall", at=1_500_000))

    async def leave_by_an_exception() -> None:
        async with DownloadManager(client, tmp_path) as manager:
            transfer = await manager.submit(package)
            await until(lambda: transfer.progress.received >= 1_000_000)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await leave_by_an_exception()

    async with DownloadManager(client, tmp_path) as manager:
        assert (await manager.fetch(package)).proof == "crc"


@pytest.mark.slow
async def test_closing_leaves_nothing_behind(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """Closing leaves no additional task, thread or descriptor."""
    await ground.truth(ground.packages[0])
    before = open_in(tmp_path), _tasks()
    async with DownloadManager(client, tmp_path) as manager:
        await asyncio.gather(*(manager.fetch(package) for package in ground.packages))

    assert _tasks() == before[1]
    assert open_in(tmp_path) == before[0]
    await asyncio.sleep(0.05)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("pixxel")]


def _tasks() -> set[str]:
    """Return the tasks of this loop except those of the sandbox's connections."""
    coros = {str(task.get_coro()) for task in asyncio.all_tasks()}
    return {coro for coro in coros if "RequestHandler" not in coro}


@pytest.mark.slow
async def test_a_record_belongs_to_one_organization(tmp_path: Path) -> None:
    """A record accepts other keys of its organization, and refuses those of another."""
    for seed, fits in ((1, True), (1, True), (2, False)):
        async with Sandbox(packing=0.0, seed=seed) as sandbox:
            settings = Settings(api_key=sandbox.api_key, base_url=sandbox.url, origin="sandbox")
            async with PixxelClient(settings=settings) as client, DownloadManager(client, tmp_path) as manager:
                wanted = (await GroundTruth.survey(sandbox, client)).packages[seed]
                if fits:
                    assert (await manager.fetch(wanted)).path.exists()
                else:
                    with pytest.raises(ConfigError, match="organization"):
                        await manager.fetch(wanted)


async def test_a_failure_of_the_workers_reaches_every_waiter(tmp_path: Path) -> None:
    """If the workers fail, every waiter gets the error, single or in a batch."""

    async def sleep(seconds: float) -> None:
        raise RuntimeError("no sleep")

    async with (
        Sandbox(packing=600) as sandbox,  # every request is followed by a sleep, on any machine
        PixxelClient(settings=quick_settings(sandbox), timing=Timing(sleep=sleep)) as client,
        asyncio.timeout(100),
    ):
        jobs = [sandbox.add_job() for _ in range(4)]
        packages = [JobPackage(workflow_id=job.workflow_id, job_id=job.id) for job in jobs]
        async with DownloadManager(client, tmp_path / "one") as manager:
            with pytest.raises(DownloadError, match="unforeseen: RuntimeError: no sleep"):
                await manager.fetch(packages[0])
        async with DownloadManager(client, tmp_path / "many") as manager:
            with pytest.raises(DownloadError, match="unforeseen: RuntimeError: no sleep"):
                await collect(manager.fetch_all(packages[1:]))


@pytest.mark.fault("P-06")
async def test_closing_needs_the_own_loop(client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """P-06: closing from another event loop raises, and the manager continues in its own."""

    def elsewhere(manager: DownloadManager) -> None:
        async def close() -> None:
            async with asyncio.timeout(30):
                await manager.aclose()

        asyncio.run(close())

    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(ClientClosed, match="opened in another event loop"):
            await asyncio.to_thread(elsewhere, manager)
        assert (await manager.fetch(ground.packages[0])).path is not None


@pytest.mark.slow
async def test_resumed_from(sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path) -> None:
    """`resumed_from` counts the bytes that a resumed package did not fetch again; none if it starts over."""
    sandbox.inject(Fault(route="storage", kind="cut", at=2_000_000, times=1))
    sandbox.inject(Fault(route="storage", kind="stall", at=0, times=1, after=1))
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(PixxelError):
            await manager.fetch(package, timeout=1.5)
    async with DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(package)
        received = manager.snapshot().received

    assert 0 < done.resumed_from <= 2_000_000 and done.resumed_from + received == done.size
