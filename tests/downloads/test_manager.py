"""One package at a time through the manager: joining, skipping, names, failures, and what is left behind."""

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
    """The outcome describes the file on disk; the storage's file name is only a field of it."""
    async with DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(package)

    assert done.path == tmp_path / package.workflow_id / f"{package.job_id}.zip"
    assert (done.fetched, done.proof, done.size) == (True, "crc", done.path.stat().st_size)
    assert done.sha256 == await ground.truth(package)
    assert done.members and done.server_name


async def test_what_is_there_comes_back_at_once(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """Neither this run nor the next asks or fetches again, whatever text or row names the package."""
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
async def test_fifty_who_want_the_same_share_one_transfer(
    client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path
) -> None:
    """Fetching what is being fetched joins it: one body at the storage, one outcome for all."""
    async with DownloadManager(client, tmp_path) as manager:
        outcomes = await asyncio.gather(*(manager.fetch(package) for _ in range(50)))

    assert len(ground.gets()) == 1 and len({id(outcome) for outcome in outcomes}) == 1


@pytest.mark.slow
async def test_one_who_gives_up_leaves_it_to_the_others(
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


async def test_a_file_that_is_not_ours_is_not_touched(
    client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path
) -> None:
    """A stranger's file at the name ends the package before anything is asked for; `replace` replaces it."""
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


async def test_a_file_in_the_way_is_never_a_reason_to_give_up(
    client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """However many runs found a stranger's file at the name: once it is gone, the package comes."""
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
async def test_a_file_that_is_made_anew_stays_ours_when_that_is_broken_off(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path, moved: bool
) -> None:
    """M-04: a damaged file is replaced by the run after the next, too; one that came back whole is done."""
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
async def test_templates_name_packages_and_meetings_are_told_apart(
    client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """Two packages that a template gives one name both get there, and a changed template moves nothing."""
    first, second = ground.packages[:2]
    async with DownloadManager(client, tmp_path, name_template="all/{workflow_id}") as manager:
        one, two = await asyncio.gather(manager.fetch(first), manager.fetch(second))
    async with DownloadManager(client, tmp_path, name_template="elsewhere/{job_id}") as manager:
        again = await manager.fetch(first)

    assert one.path != two.path and one.path.parent == two.path.parent == tmp_path / "all"
    assert again == evolve(one, fetched=False, seconds=0.0, members=())


async def test_another_folder_is_another_fetch(client: PixxelClient, package: JobPackage, tmp_path: Path) -> None:
    """`to=` fetches into another folder, which the same record knows."""
    async with DownloadManager(client, tmp_path / "a") as manager:
        first = await manager.fetch(package)
        second = await manager.fetch(package, to=tmp_path / "b")
        third = await manager.fetch(package, to=tmp_path / "b")

    assert first.path.is_relative_to(tmp_path / "a") and second.path.is_relative_to(tmp_path / "b")
    assert second.fetched and not third.fetched


@pytest.mark.fault("M-04")
async def test_what_was_deleted_stays_done_unless_it_is_wanted_again(
    client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """A file that was moved away counts as done; `on_missing="redo"` fetches it again."""
    async with DownloadManager(client, tmp_path) as manager:
        path = (await manager.fetch(package)).path
        path.unlink()
        assert not (await manager.fetch(package)).fetched
        assert (await manager.fetch(package, on_missing="redo")).fetched and path.exists()


@pytest.mark.fault("P-09")
async def test_a_listener_that_raises_harms_nothing(client: PixxelClient, package: JobPackage, tmp_path: Path) -> None:
    """What `on_event` raises is dropped with the event."""
    seen = []

    def listen(event: Event) -> None:
        seen.append(event)
        raise RuntimeError("the listener's own fault")

    async with DownloadManager(client, tmp_path, on_event=listen) as manager:
        done = await manager.fetch(package)

    assert seen[-1] == done


async def test_watching_ends_with_the_outcome(client: PixxelClient, package: JobPackage, tmp_path: Path) -> None:
    """A slow watcher gets the newest state, and the outcome in any case as the last."""
    async with DownloadManager(client, tmp_path) as manager:
        watching = manager.watch(package)
        transfer = await manager.submit(package)
        states = [state async for state in watching]
        assert transfer.done

    assert isinstance(states[-1], Downloaded) and len(states) < 20


async def test_a_snapshot_counts(client: PixxelClient, package: JobPackage, tmp_path: Path) -> None:
    """Counts and bytes are those of what happened."""
    moved: list[Event] = []
    async with DownloadManager(client, tmp_path, on_event=moved.append) as manager:
        done = await manager.fetch(package)
        snapshot = manager.snapshot()

    assert (snapshot.done, snapshot.failed, snapshot.pending, snapshot.streaming) == (1, 0, 0, 0)
    assert snapshot.received == done.size and snapshot.rate > 0
    assert sum(isinstance(event, Moved) for event in moved) >= 2


@pytest.mark.fault("C-03")
async def test_packing_that_failed_is_told(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """A package that the service gives up fails with the service's word, and the storage is never asked."""
    body = '{"status": "failed", "signed_url": ""}'
    sandbox.inject(Fault(route="jobs.request_download", kind="status", status=200, body=body, times=None))
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(PackageFailed, match="failed") as caught:
            await manager.fetch(package)

    assert caught.value.package == str(package) and caught.value.stage == "wait"


@pytest.mark.fault("C-02")
@pytest.mark.slow
async def test_packing_that_never_ends_times_out(client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """The deadline of one package ends its waiting, and the error says where it stood."""
    ground.sandbox.packing.seconds = 1000.0
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(PackageTimedOut, match=r"pending|packing|in_progress|processing"):
            await manager.fetch(ground.packages[0], timeout=0.3)


@pytest.mark.fault("B-08")
async def test_a_package_that_is_not_there_is_an_error_of_its_own(client: PixxelClient, tmp_path: Path) -> None:
    """An id that does not exist is the API's `NotFound`."""
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(NotFound):
            await manager.fetch(JobPackage(workflow_id="w", job_id="j"))


@pytest.mark.fault("A-12")
async def test_one_forbidden_package_fails_alone(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """403 for one package is its own failure as long as the key may see the projects."""
    sandbox.inject(Fault(route="jobs.request_download", kind="status", status=403))
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(Forbidden):
            await manager.fetch(ground.packages[0])
        assert (await manager.fetch(ground.packages[1])).fetched


@pytest.mark.fault("A-11")
async def test_a_refused_key_stops_everything(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """When the projects are refused too, the batch ends with that error after few requests."""
    sandbox.inject(Fault(route="api", kind="status", status=401, times=None))
    before = len(sandbox.requests)
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(KeyRefused):
            await collect(manager.fetch_all(ground.packages))

    assert len(sandbox.requests) - before <= 24


@pytest.mark.slow
async def test_a_pause_that_the_service_asks_for_fails_nothing(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """A pause beyond what a call waits for is waited for by the manager."""
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
    """Without room beside the reserve nothing is begun, and the batch ends with `DiskFull`."""
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(DiskFull, match="min_free_space"):
            await collect(manager.fetch_all(ground.packages, min_free_space=1 << 60))

    assert visible(tmp_path) == []


@posix
@pytest.mark.parametrize("own_record", [True, False])
async def test_a_folder_that_is_removed_ends_the_run(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, tmp_path: Path, own_record: bool
) -> None:
    """C13: at the first package that notices, with the record inside of the folder and elsewhere."""
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


async def test_settings_are_checked_where_they_are_given(
    client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """An unknown setting or a closed manager raises at once."""
    manager = DownloadManager(client, tmp_path)
    with pytest.raises(ConfigError, match="not open"):
        await manager.fetch(package)
    async with manager:
        with pytest.raises(ConfigError, match="stream_s"):
            await manager.fetch(package, stream_s=3)
    await manager.aclose()
    with pytest.raises(ClientClosed, match="closed"):
        manager.snapshot()


async def test_leaving_waits_for_what_was_submitted(client: PixxelClient, package: JobPackage, tmp_path: Path) -> None:
    """A normal end of the block finishes what was submitted."""
    async with DownloadManager(client, tmp_path) as manager:
        transfer = await manager.submit(package)

    assert transfer.done and (await transfer).path.exists()


async def test_leaving_by_an_exception_cancels(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """An exception in the block ends everything at once, and the next run goes on."""
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
async def test_nothing_is_left_behind(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """After closing there is no task, no thread and no descriptor more than before."""
    await ground.truth(ground.packages[0])
    before = open_in(tmp_path), _tasks()
    async with DownloadManager(client, tmp_path) as manager:
        await asyncio.gather(*(manager.fetch(package) for package in ground.packages))

    assert _tasks() == before[1]
    assert open_in(tmp_path) == before[0]
    await asyncio.sleep(0.05)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("pixxel")]


def _tasks() -> set[str]:
    """The tasks of this loop, without those that serve the sandbox's connections."""
    coros = {str(task.get_coro()) for task in asyncio.all_tasks()}
    return {coro for coro in coros if "RequestHandler" not in coro}


@pytest.mark.slow
async def test_a_record_belongs_to_one_organization(tmp_path: Path) -> None:
    """A key of another organization does not add to this record; another key of the same one does."""
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


async def test_a_fault_between_two_packages_lets_nobody_wait_for_ever(tmp_path: Path) -> None:
    """When the workers fail, here because sleeping raises, every waiter gets the error, single or batch."""

    async def sleep(seconds: float) -> None:
        raise RuntimeError("no sleep")

    async with (
        Sandbox(packing=600) as sandbox,  # whoever asks has to sleep, however slow the machine is
        PixxelClient(settings=quick_settings(sandbox), timing=Timing(sleep=sleep)) as client,
        asyncio.timeout(20),
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
async def test_it_is_closed_where_it_was_opened(client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """P-06: closing from another event loop raises instead of hanging; the manager goes on in its own."""

    def elsewhere(manager: DownloadManager) -> None:
        async def close() -> None:
            async with asyncio.timeout(30):
                await manager.aclose()

        asyncio.run(close())

    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(ClientClosed, match="opened in another event loop"):
            await asyncio.to_thread(elsewhere, manager)
        assert (await manager.fetch(ground.packages[0])).path is not None


async def test_the_outcome_says_how_much_came_in_an_earlier_run(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
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
