"""Exports on a Dask cluster of processes: each package once, despite kills, with one record for all machines."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

pytest.importorskip("distributed", reason="the extra dask is not installed")

import cloudpickle
import dask
from distributed import Client, LocalCluster

from pixxel_async import DownloadManager, PixxelClient, Settings
from pixxel_async.errors import ConfigError, PixxelError
from pixxel_async.events import Skipped
from pixxel_async.integrations.dask import Export, Result, export
from pixxel_async.integrations.dask.tasks import AHEAD
from pixxel_async.integrations.dask.worker import WorkerConfig, WorkerSession
from pixxel_async.sandbox import Sandbox

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

COUNT = 60
UNDER_WAY = 8
"""Downloads of a worker at one time: as many packages may be requested again after it was killed."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(packing=0.05, package_size=30_000, job_seconds=0.0) as served:
        yield served


@pytest.fixture(scope="module")
def packages(sandbox: Sandbox) -> list[str]:
    jobs = [sandbox.add_job() for _ in range(COUNT)]
    return [f"job:{job.workflow_id}/{job.id}" for job in jobs]


def cluster_of(sandbox: Sandbox, workers: int, threads: int = 1) -> LocalCluster:
    """Start a cluster of processes that have the key in their environment."""
    environ = {"PIXXEL_API_KEY": sandbox.api_key, "PIXXEL_BASE_URL": sandbox.url}
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=threads,
        processes=True,
        dashboard_address="127.0.0.1:0",
        env=environ,
        silence_logs=50,
    )


@pytest.fixture(scope="module")
def client(sandbox: Sandbox) -> Iterator[Client]:
    with cluster_of(sandbox, 2) as cluster, Client(cluster) as opened:
        yield opened


def exported(sandbox: Sandbox, packages: Any, to: Path | str, client: Client, **options: Any) -> Export:
    return export(packages, to, client=client, settings={"base_url": sandbox.url}, batch=5, **options)


def task_bytes(dask_scheduler: Any) -> bytes:
    """Return all tasks that the scheduler holds, as they travel."""
    return b"".join(cloudpickle.dumps(task.run_spec) for task in dask_scheduler.tasks.values())


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each archive by its path below the folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*.zip")
    }


def gets(sandbox: Sandbox, before: int = 0) -> Counter[str]:
    """Return the number of storage requests for each path."""
    return Counter(seen.path for seen in sandbox.requests[before:] if seen.host == "storage")


def test_each_package_is_fetched_once(sandbox: Sandbox, packages: list[str], client: Client, tmp_path: Path) -> None:
    """All files are complete, and no package is requested twice in this run or in the next."""
    before = len(sandbox.requests)
    results = list(exported(sandbox, packages, tmp_path, client))
    assert Counter(result.state for result in results) == {"fetched": COUNT}
    found = digests(tmp_path)
    assert {result.location: result.sha256 for result in results} == {
        str(tmp_path / name): digest for name, digest in found.items()
    }
    assert set(gets(sandbox, before).values()) == {1}
    assert len({result.worker for result in results}) == 2
    assert not list(tmp_path.rglob("*.part"))

    before = len(sandbox.requests)
    again = exported(sandbox, packages, tmp_path, client)
    assert {result.state for result in again} == {"there"}
    assert (again.there, again.fetched, again.received) == (COUNT, 0, 0)
    assert not sandbox.requests[before:]


async def test_a_single_machine_shares_the_record(
    sandbox: Sandbox, packages: list[str], client: Client, tmp_path: Path
) -> None:
    """A manager without a cluster skips what the cluster fetched, and the cluster skips what the manager fetched."""
    async with PixxelClient(settings=Settings(api_key=sandbox.api_key, base_url=sandbox.url)) as own:
        async with DownloadManager(own, tmp_path) as manager, manager.fetch_all(packages[:20]) as outcomes:
            assert len([outcome async for outcome in outcomes]) == 20
        before = len(sandbox.requests)
        states = Counter([result.state async for result in exported(sandbox, packages[:40], tmp_path, client)])
        assert states == {"there": 20, "fetched": 20}
        async with DownloadManager(own, tmp_path) as manager, manager.fetch_all(packages[:40]) as outcomes:
            assert [type(outcome) async for outcome in outcomes] == [Skipped] * 40
    assert set(gets(sandbox, before).values()) == {1}


def test_a_killed_worker_loses_nothing(sandbox: Sandbox, packages: list[str], tmp_path: Path) -> None:
    """The batches of a killed worker run again; its published files are kept, and no file is wrong or missing."""
    before = len(sandbox.requests)
    with cluster_of(sandbox, 3) as cluster, Client(cluster) as client:
        results: list[Result] = []
        run = exported(sandbox, packages, tmp_path, client, spool=tmp_path / "spool")
        for result in run:
            results.append(result)
            if len(results) == 10:
                victim = next(iter(cluster.workers.values()))
                os.kill(victim.process.pid, signal.SIGKILL)
    assert Counter(result.state for result in results) == {"fetched": COUNT}
    assert {result.sha256 for result in results} == set(digests(tmp_path).values())
    assert gets(sandbox, before).total() <= COUNT + UNDER_WAY


def read_page(url: str) -> str:
    """Return the text of a page, of an error page, too: some versions of the dashboard fail at some of theirs."""
    try:
        with urlopen(url) as page:
            return str(page.read().decode())
    except HTTPError as error:
        with error:
            return error.read().decode()


def test_the_key_is_nowhere_on_the_cluster(
    sandbox: Sandbox, packages: list[str], client: Client, tmp_path: Path
) -> None:
    """The key is in no task, state, log or page of scheduler and workers; one among the settings is refused."""
    with pytest.raises(ConfigError, match="task graph"):
        export(packages, tmp_path, client=client, settings={"api_key": sandbox.api_key})
    run = iter(exported(sandbox, packages[:40], tmp_path / "exports", client))
    next(run)
    graph = client.run_on_scheduler(task_bytes)
    client.dump_cluster_state(str(tmp_path / "state"), format="yaml")
    logs = repr([client.get_scheduler_logs(), client.get_worker_logs()])
    pages = [
        read_page(f"{client.dashboard_link.rpartition('/')[0]}/{page}")
        for page in ("info/main/workers.html", "json/counts.json", "json/identity.json")
    ]
    state = (tmp_path / "state.yaml").read_text()
    assert len(list(run)) == 39
    assert str(tmp_path).encode() in graph, "the tasks were found"
    assert not [text for text in (state, logs, *pages) if sandbox.api_key in text]
    assert sandbox.api_key.encode() not in graph


def test_failures_are_results(sandbox: Sandbox, client: Client, tmp_path: Path) -> None:
    """A package that does not exist yields a failed result with its error."""
    (result,) = exported(sandbox, ["job:w/j"], tmp_path, client)
    assert (result.state, result.error_kind) == ("failed", "NotFound")


def test_map_runs_on_the_cluster(sandbox: Sandbox, packages: list[str], client: Client, tmp_path: Path) -> None:
    """`map` runs a function on each location on the cluster."""
    sizes = {
        result.package: future.result()
        for result, future in exported(sandbox, packages[:10], tmp_path, client).map(os.path.getsize)
    }
    assert sorted(sizes) == sorted(packages[:10])
    assert all(sizes.values())


def test_a_table_is_a_frame(sandbox: Sandbox, packages: list[str], client: Client, tmp_path: Path) -> None:
    """`to_frame` has one row per package."""
    pytest.importorskip("pandas")
    frame = exported(sandbox, packages[:10], tmp_path, client).to_frame()
    assert list(frame["state"]) == ["fetched"] * 10


def test_a_store(sandbox: Sandbox, packages: list[str], client: Client, tmp_path: Path) -> None:
    """With an object store as destination, a second run skips every package by the store's table."""
    url = (tmp_path / "store").as_uri()
    assert {result.state for result in exported(sandbox, packages[:10], url, client)} == {"fetched"}
    assert {result.state for result in exported(sandbox, packages[:10], url, client)} == {"there"}
    rows = [
        json.loads(line) for path in (tmp_path / "store").rglob("*.ndjson") for line in path.read_text().splitlines()
    ]
    assert sorted(row["package"] for row in rows) == sorted(packages[:10])


def test_a_missing_file_is_redone_on_demand(
    sandbox: Sandbox, packages: list[str], client: Client, tmp_path: Path
) -> None:
    """A deleted file stays done, and is fetched again with `on_missing="redo"`."""
    (result,) = exported(sandbox, packages[:1], tmp_path, client)
    assert result.location is not None
    os.unlink(result.location)
    assert [again.state for again in exported(sandbox, packages[:1], tmp_path, client)] == ["there"]
    assert [again.state for again in exported(sandbox, packages[:1], tmp_path, client, on_missing="redo")] == [
        "fetched"
    ]
    assert os.path.exists(result.location)


def test_a_new_cluster_continues(sandbox: Sandbox, packages: list[str], client: Client, tmp_path: Path) -> None:
    """After scheduler and workers are killed, a new cluster fetches the rest; twice only what was under way."""
    before = len(sandbox.requests)
    with cluster_of(sandbox, 2) as cluster, Client(cluster) as first:
        run = iter(exported(sandbox, packages, tmp_path, first, spool=tmp_path / "spool"))
        done = {next(run).package for _ in range(15)}
        for worker in cluster.workers.values():
            os.kill(worker.process.pid, signal.SIGKILL)
        run.close()  # type: ignore[attr-defined]
    again = list(exported(sandbox, packages, tmp_path, client, spool=tmp_path / "spool"))
    assert {result.package for result in again if result.state == "there"} >= done
    assert {result.sha256 for result in again} == set(digests(tmp_path).values())
    assert gets(sandbox, before).total() <= COUNT + 2 * UNDER_WAY


def test_workers_that_join_get_batches(sandbox: Sandbox, packages: list[str], tmp_path: Path) -> None:
    """A cluster without workers waits for them; those that an adaptive cluster adds in the middle work, too."""
    with cluster_of(sandbox, 0) as cluster, Client(cluster) as client:
        run = exported(sandbox, packages, tmp_path, client, per_worker=1)
        cluster.adapt(minimum=1, maximum=3, interval="200ms", target_duration="100ms")
        results = list(run)
    assert Counter(result.state for result in results) == {"fetched": COUNT}
    assert len({result.worker for result in results}) > 1


def test_a_source_is_read_no_further_than_workers_need(
    sandbox: Sandbox, packages: list[str], client: Client, tmp_path: Path
) -> None:
    """Memory is bounded: the batches under way, and one that is being filled, are all that was read of a source."""
    read = 0

    def source() -> Iterator[str]:
        nonlocal read
        for package in packages:
            read += 1
            yield package

    most = 0
    for ended, _ in enumerate(exported(sandbox, source(), tmp_path, client)):
        most = max(most, read - ended)
    assert most <= (2 * AHEAD + 1) * 5


def test_batches_of_a_killed_worker_are_split(sandbox: Sandbox, packages: list[str], tmp_path: Path) -> None:
    """When Dask gives a batch up since its worker died, its packages are submitted one by one."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        cluster_of(sandbox, 2) as cluster,
        Client(cluster) as client,
    ):
        results: list[Result] = []
        for result in exported(sandbox, packages, tmp_path, client, spool=tmp_path / "spool"):
            results.append(result)
            if len(results) == 10:
                os.kill(next(iter(cluster.workers.values())).process.pid, signal.SIGKILL)
    assert Counter(result.state for result in results) == {"fetched": COUNT}


def test_first_batches_at_the_same_moment(sandbox: Sandbox, packages: list[str], tmp_path: Path) -> None:
    """Threads of one worker share a session, which closes with the worker, once."""
    before = len(sandbox.requests)
    with cluster_of(sandbox, 1, threads=4) as cluster, Client(cluster) as client:
        assert Counter(result.state for result in exported(sandbox, packages, tmp_path, client)) == {"fetched": COUNT}
        (logs,) = client.get_worker_logs().values()
        assert sum("pixxel-sessions" in line for _, line in logs) <= 1
    assert set(gets(sandbox, before).values()) == {1}


def test_a_session_that_cannot_open_leaves_no_thread(sandbox: Sandbox, tmp_path: Path) -> None:
    """A store or folder that cannot be used, or a missing key, ends the session's event loop thread."""
    worker: Any = SimpleNamespace(local_directory=str(tmp_path))
    values = {"base_url": sandbox.url, "api_key": sandbox.api_key}
    (tmp_path / "file").touch()
    before = set(threading.enumerate())
    with pytest.raises(ConfigError):
        WorkerSession(WorkerConfig(to="nowhere://bucket", values=values), worker)
    with pytest.raises(PixxelError):
        WorkerSession(WorkerConfig(to=str(tmp_path / "file"), values=values), worker)
    with pytest.raises(ConfigError, match="no API key"):
        WorkerSession(WorkerConfig(to=str(tmp_path / "folder"), values={"base_url": sandbox.url}), worker)
    assert set(threading.enumerate()) <= before
