"""The synchronous client and manager offer the same names, from any thread and beside any event loop."""

from __future__ import annotations

import ast
import asyncio
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import pixxel_async.sync
from pixxel_async import ClientClosed, ConfigError, JobPackage, NotFound
from pixxel_async.events import Downloaded
from pixxel_async.models import Job, Workflow
from pixxel_async.sandbox import Fault, Sandbox
from pixxel_async.sync import DownloadManager, PixxelClient
from tests.cli.conftest import in_thread
from tests.support.system import posix


@pytest.fixture
def served() -> Iterator[Sandbox]:
    with in_thread(Sandbox(packing=0.02, package_size=200_000)) as sandbox:
        yield sandbox


@pytest.fixture
def client(served: Sandbox) -> Iterator[PixxelClient]:
    with PixxelClient(served.api_key, base_url=served.url) as opened:
        yield opened


@pytest.fixture
def workflow(client: PixxelClient) -> Workflow:
    return client.workflows.list().page()[0]


def test_reading(client: PixxelClient, workflow: Workflow) -> None:
    """Listings iterate, methods return rows, and errors are those of the asynchronous client."""
    jobs = list(client.jobs.list(workflow.id))
    assert len(jobs) == len(client.jobs.list(workflow.id).page()) > 3
    assert [job.id for job in client.jobs.list(workflow.id).take(2)] == [job.id for job in jobs[:2]]
    assert client.jobs.get(workflow, jobs[0]).id == jobs[0].id
    assert client.jobs.wait(workflow.id, jobs[0].id).status == "completed"
    assert [job.status for job in client.jobs.watch(workflow.id, jobs[0].id)] == ["completed"]
    with pytest.raises(NotFound):
        client.aois.get("00000000-0000-4000-8000-000000000000")


def test_rows_of_a_listing_by_number(served: Sandbox, client: PixxelClient) -> None:
    """Rows and slices read no page beyond them; what needs the end, or the length, says what to write."""
    made = [served.add_aoi().id for _ in range(5)]
    ids = [aoi.aoi_id for aoi in client.aois.list()]
    assert set(made) <= set(ids)
    listing = client.aois.list(limit=2)
    before = served.count("aois.list")
    assert listing[0].aoi_id == ids[0] and served.count("aois.list") == before + 1
    assert listing[2].aoi_id == ids[2] and served.count("aois.list") == before + 3
    assert [aoi.aoi_id for aoi in listing[1:4]] == ids[1:4] and [aoi.aoi_id for aoi in listing[::2]] == ids[::2]
    with pytest.raises(IndexError, match="no row 999"):
        listing[999]
    for index in (-1, slice(-2, None), "0"):
        with pytest.raises(TypeError, match=r"list\(listing\)"):
            listing[index]  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"len\(list\(listing\)\)"):
        len(listing)  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match=r"page\(\)\.total"):
        listing.total  # type: ignore[attr-defined]  # noqa: B018
    assert listing


@pytest.mark.slow
def test_downloads(client: PixxelClient, workflow: Workflow, tmp_path: Path) -> None:
    """`fetch_all` is a plain iterator; a package is fetched, submitted, planned and read by plain calls."""
    with DownloadManager(client, tmp_path) as manager:
        job = next(iter(client.jobs.list(workflow.id, status="completed")))
        done = manager.fetch(job)
        assert done.path.is_file() and done.proof == "crc"
        outcomes = list(manager.fetch_all(client.jobs.list(workflow.id, status="completed")))
        assert sum(isinstance(each, Downloaded) for each in outcomes) == len(outcomes) - 1 > 1
        assert manager.submit(job).result().fetched is False
        assert [each.step for each in manager.plan([job])] == ["done"]
    with client.packages.open(done.package) as stream:
        assert stream.status == 200 and b"".join(stream) == done.path.read_bytes()
    assert client.packages.members(done.package)


def test_leaving_a_batch_early(client: PixxelClient, workflow: Workflow, tmp_path: Path) -> None:
    """Leaving a loop early, or a batch entered by `with`, leaves no download running."""
    packages = [JobPackage(workflow_id=workflow.id, job_id=job.id) for job in client.jobs.list(workflow.id)]
    with DownloadManager(client, tmp_path) as manager:
        for outcome in manager.fetch_all(packages):
            assert outcome
            break
        with manager.fetch_all(packages) as outcomes:
            assert next(iter(outcomes))


def test_light_clients(served: Sandbox, client: PixxelClient) -> None:
    """A client for another key shares the thread, and closing it leaves the owner open."""
    light = client.with_key(served.api_key)
    assert light.projects.list().page()[0].id == client.projects.list().page()[0].id
    light.close()
    assert client.projects.list().page()


async def test_beside_a_running_loop(served: Sandbox) -> None:
    """In a notebook the event loop of the calling thread is neither used nor changed."""
    before = asyncio.get_running_loop()
    with PixxelClient(served.api_key, base_url=served.url) as client:
        assert client.projects.list().page()
    assert asyncio.get_running_loop() is before


def test_many_threads(client: PixxelClient, workflow: Workflow) -> None:
    """Calls of several threads, such as Dask workers, run concurrently."""
    ids = [job.id for job in client.jobs.list(workflow.id)]
    with ThreadPoolExecutor(8) as pool:
        found: list[Job] = list(pool.map(lambda id: client.jobs.get(workflow.id, id), ids * 5))
    assert [job.id for job in found] == ids * 5


@pytest.mark.slow
def test_in_dask_workers(served: Sandbox, client: PixxelClient, workflow: Workflow, tmp_path: Path) -> None:
    """Tasks in the threads of worker processes call the client and fetch into folders."""
    distributed = pytest.importorskip("distributed", reason="needs the extra dask")
    jobs = [job.id for job in client.jobs.list(workflow.id, status="completed")]
    environ = {"PIXXEL_API_KEY": served.api_key, "PIXXEL_BASE_URL": served.url}
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None, env=environ, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as dask,
    ):
        sizes = dask.gather(
            dask.map(_fetched, [workflow.id] * 8, (jobs * 8)[:8], [str(tmp_path)] * 8, range(8), pure=False)
        )
    assert len(sizes) == 8 and all(size > 0 for size in sizes)
    assert len(list(tmp_path.rglob("*.zip"))) == 8


def _fetched(workflow: str, job: str, folder: str, number: int) -> int:
    with PixxelClient() as client, DownloadManager(client, f"{folder}/{number}") as manager:
        assert client.jobs.get(workflow, job).status == "completed"
        return int(manager.fetch(f"job:{workflow}/{job}").size)


def test_closed(served: Sandbox) -> None:
    """Closing ends the thread and may be repeated; a later call raises ClientClosed."""
    before = set(threading.enumerate())
    client = PixxelClient(served.api_key, base_url=served.url)
    client.projects.list().page()
    client.close()
    client.close()
    assert not [each for each in set(threading.enumerate()) - before if each.name == "pixxel sync"]
    with pytest.raises(ClientClosed, match="closed"):
        client.projects.list().page()


def test_asynchronous_names_are_refused(client: PixxelClient, tmp_path: Path) -> None:
    """Asynchronous names and classes are refused with an error that names the synchronous ones."""
    with pytest.raises(AttributeError, match="close"):
        client.aclose  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ConfigError, match=r"pixxel_async\.sync"):
        DownloadManager(pixxel_async.PixxelClient("a-key"), tmp_path)  # type: ignore[arg-type]


def test_the_stub_names_existing_members(client: PixxelClient, tmp_path: Path) -> None:
    """Every member in the stub exists on the client, its resources, the manager and the results."""
    stub = Path(pixxel_async.sync.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    classes = {node.name: node for node in ast.parse(stub).body if isinstance(node, ast.ClassDef)}
    manager = DownloadManager(client, tmp_path)
    found: dict[str, Any] = {"PixxelClient": client, "DownloadManager": manager}
    for node in classes["PixxelClient"].body:
        if isinstance(node, ast.AnnAssign):
            found[ast.unparse(node.annotation)] = getattr(client, ast.unparse(node.target))
    for name, thing in found.items():
        for node in classes[name].body:
            if isinstance(node, ast.FunctionDef) and node.name != "folder":
                assert hasattr(thing, node.name), f"{name}.{node.name}"


PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
import sys
from pixxel_async.sync import DownloadManager, PixxelClient
with PixxelClient(sys.argv[2], base_url=sys.argv[1]) as client, DownloadManager(client, sys.argv[3]) as manager:
    jobs = client.jobs.list(client.workflows.list().page()[0].id, status="completed")
    print("began", flush=True)
    for outcome in manager.fetch_all(jobs):
        print(outcome)
"""


@posix
@pytest.mark.slow
def test_ctrl_c_stops_cleanly(served: Sandbox, tmp_path: Path) -> None:
    """One Ctrl-C ends a waiting call; no partial file has a final name and no thread hangs."""
    served.inject(Fault(route="storage", kind="stall", at=1000, times=None))
    command = [sys.executable, "-c", PROGRAM, served.url, served.api_key, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "began\n"
        while not any(seen.host == "storage" for seen in list(served.requests)):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in errors and "never closed" not in errors
    assert process.returncode in (1, 130, -signal.SIGINT) and not list(tmp_path.rglob("*.zip"))


@pytest.mark.slow
def test_a_program_that_forgets_to_close_ends(served: Sandbox) -> None:
    """A script that does not close its client exits, because the thread is a daemon."""
    program = (
        "import sys; from pixxel_async.sync import PixxelClient\n"
        "client = PixxelClient(sys.argv[2], base_url=sys.argv[1])\n"
        "print(client.projects.list().page()[0].id)"
    )
    command = [sys.executable, "-c", program, served.url, served.api_key]
    done = subprocess.run(command, timeout=60, capture_output=True, text=True, check=True)
    assert done.stdout.strip() and not done.stderr


def test_the_asynchronous_client_names_a_way_under_trio(client: PixxelClient, tmp_path: Path) -> None:
    """Whatever is called under trio says what to use instead, and that works there."""
    trio = pytest.importorskip("trio")
    stranger = pixxel_async.PixxelClient("a-key", base_url="http://127.0.0.1:9")

    async def rows() -> None:
        async for _ in stranger.jobs.list("w"):
            pass

    async def manage() -> None:
        async with pixxel_async.DownloadManager(stranger, tmp_path):
            pass

    async def plainly() -> str:
        row = await trio.to_thread.run_sync(lambda: client.projects.list()[0])
        return str(row.id)

    calls = [rows, manage, stranger.ping, stranger.open, partial(stranger.jobs.wait, "w", "j")]
    for call in [
        *calls,
        partial(stranger.packages.fetch_member, "job:w/j", "*"),
        partial(stranger.packages.wait, "job:w/j"),
    ]:
        with pytest.raises(ClientClosed, match=r"asyncio.*trio.*pixxel_async\.sync"):
            trio.run(call)
    assert trio.run(plainly)
