"""The main job works in common event loops and frameworks, and leaves no task or descriptor behind."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import time
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from pixxel_async import DownloadManager, PackageStream, PixxelClient, Settings
from pixxel_async.sandbox import Fault, Sandbox
from pixxel_async.settings import PollSettings
from tests.support import system
from tests.support.ground_truth import until
from tests.support.tiers import quick_only

uvloop = pytest.importorskip("uvloop")
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


def client_of(served: Sandbox) -> PixxelClient:
    """Return a client with short poll intervals that is not open yet."""
    settings = Settings(api_key=served.api_key, base_url=served.url, poll=PollSettings(initial_interval=0.1))
    return PixxelClient(settings=settings)


async def main_job(client: PixxelClient, folder: Path) -> int:
    """List, watch and fetch; return the number of packages on disk."""
    workflow = (await client.workflows.list())[0]
    jobs = await client.jobs.list(workflow.id, status="completed")
    async for state in client.jobs.watch(workflow.id, jobs[0].id):
        assert state.status == "completed"
    async with DownloadManager(client, folder) as manager, manager.fetch_all(jobs) as outcomes:
        return len([outcome async for outcome in outcomes])


def descriptors() -> set[str]:
    """Return the targets of this process's open descriptors, after opening what each kind of loop keeps open."""
    for make in LOOPS.values():
        with asyncio.Runner(loop_factory=make) as runner:
            runner.run(asyncio.sleep(0))
    found = set()
    for name in system.descriptors():
        try:
            found.add(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")
        except OSError:
            continue
    return found


def left_open(before: set[str]) -> set[str]:
    """Return the descriptors opened since `before`, once the sandbox has had up to 10 s to close its ends."""
    ends = time.monotonic() + 10
    while (left := descriptors() - before) and time.monotonic() < ends:
        time.sleep(0.05)
    return left


@pytest.fixture
def served() -> Any:
    """Serve a sandbox from a thread, so that it shares no event loop with the client."""
    with Sandbox(packing=0.05) as sandbox:
        yield sandbox


@pytest.mark.slow
@pytest.mark.fault("P-06")
@pytest.mark.parametrize("name", quick_only(LOOPS, "uvloop"))
@pytest.mark.parametrize("debug", quick_only([False, True], False))
def test_loops(served: Sandbox, tmp_path: Path, name: str, debug: bool) -> None:
    """In each event loop, also in debug mode, the main job leaves no task, descriptor or loop error behind."""
    said: list[Any] = []

    async def main() -> tuple[int, set[Any]]:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
        async with client_of(served) as client:
            fetched = await main_job(client, tmp_path)
        return fetched, asyncio.all_tasks() - {asyncio.current_task()}

    before = descriptors()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with asyncio.Runner(loop_factory=LOOPS[name], debug=debug) as runner:
            fetched, tasks = runner.run(main())
        gc.collect()

    assert (fetched, tasks, said) == (4, set(), [])
    assert left_open(before) == set()


@pytest.mark.fault("P-05")
@pytest.mark.slow
@pytest.mark.parametrize("name", LOOPS)
def test_anyio(served: Sandbox, tmp_path: Path, name: str) -> None:
    """The main job runs in anyio's task groups, and a cancel scope that times out cancels it at once."""

    async def main() -> tuple[int, bool]:
        counts: list[int] = []
        async with client_of(served) as client:
            async with anyio.create_task_group() as group:

                async def one() -> None:
                    counts.append(await main_job(client, tmp_path))

                group.start_soon(one)
            workflow = (await client.workflows.list())[0]
            running = (await client.jobs.list(workflow.id, status="running"))[0]
            with anyio.move_on_after(0.05) as scope:
                await client.jobs.wait(workflow.id, running.id)
        return counts[0], scope.cancelled_caught

    assert anyio.run(main, backend_options={"loop_factory": LOOPS[name]}) == (4, True)


def test_made_at_import_and_opened_in_a_lifespan(served: Sandbox) -> None:
    """A client may be created without a loop and opened and closed in an application's lifespan."""
    applications = pytest.importorskip("starlette.applications")
    from starlette.responses import JSONResponse
    from starlette.routing import Route
    from starlette.testclient import TestClient

    client = client_of(served)

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        async with client:
            yield

    async def projects(request: Any) -> Any:
        return JSONResponse([project.name async for project in client.projects.list()])

    app = applications.Starlette(routes=[Route("/projects", projects)], lifespan=lifespan)
    with TestClient(app) as browser:
        answers = [browser.get("/projects").json() for _ in range(3)]

    assert answers == [answers[0]] * 3 and len(answers[0]) == 3


@pytest.mark.slow
@pytest.mark.parametrize("name", LOOPS)
def test_shutdown_during_downloads(served: Sandbox, tmp_path: Path, name: str) -> None:
    """`aclose(drain=)` during downloads leaves no task, descriptor or lease, and the next run continues."""
    served.inject(Fault(route="storage", kind="drip", rate=100_000.0, times=4))

    async def stopped() -> tuple[list[str], set[Any]]:
        async with client_of(served) as client:
            manager = await DownloadManager(client, tmp_path).open()
            workflow = (await client.workflows.list())[0]
            jobs = await client.jobs.list(workflow.id, status="completed")
            transfers = [await manager.submit(job) for job in jobs]
            await until(lambda: sum(seen.host == "storage" for seen in served.requests) == 4)
            await manager.aclose(drain=0.1)
            ended = await asyncio.gather(*transfers, return_exceptions=True)
        return [type(each).__name__ for each in ended], asyncio.all_tasks() - {asyncio.current_task()}

    async def gone_on() -> int:
        async with client_of(served) as client:
            return await main_job(client, tmp_path)

    before = descriptors()
    with asyncio.Runner(loop_factory=LOOPS[name]) as runner:
        ended, tasks = runner.run(stopped())
    assert (set(ended), tasks) == ({"DownloadError"}, set())
    assert left_open(before) == set()
    assert not list(tmp_path.rglob("*.zip"))

    with asyncio.Runner(loop_factory=LOOPS[name]) as runner:
        assert runner.run(gone_on()) == 4
    assert len(list(tmp_path.rglob("*.zip"))) == 4


SUITE = """
import pytest
import pytest_asyncio

from pixxel_async import DownloadManager, PixxelClient
from pixxel_async.sandbox import Sandbox


@pytest.fixture(scope="{scope}")
def sandbox():
    with Sandbox(packing=0) as sandbox:
        yield sandbox


@pytest_asyncio.fixture(scope="{scope}", loop_scope="{scope}")
async def client(sandbox):
    async with PixxelClient(sandbox.api_key, base_url=sandbox.url) as client:
        yield client


@pytest_asyncio.fixture(scope="{scope}", loop_scope="{scope}")
async def manager(client, tmp_path_factory):
    async with DownloadManager(client, tmp_path_factory.mktemp("exports")) as manager:
        yield manager


async def jobs_of(client):
    workflow = (await client.workflows.list())[0]
    return await client.jobs.list(workflow.id, status="completed")


@pytest.mark.asyncio(loop_scope="{scope}")
async def test_fetch(client, manager):
    async with manager.fetch_all(await jobs_of(client)) as outcomes:
        assert len([outcome async for outcome in outcomes]) == 4


@pytest.mark.asyncio(loop_scope="{scope}")
async def test_pass_through(client, manager):
    job = (await jobs_of(client))[0]
    async with client.packages.open(job) as stream:
        passed = sum([len(chunk) async for chunk in stream])
    assert passed == int(stream.headers["Content-Length"]) == (await manager.fetch(job)).size


@pytest.mark.asyncio(loop_scope="function")
async def test_another_loop(client):
    with pytest.raises(RuntimeError, match="belongs to another event loop"):
        await client.projects.list()
"""
"""Share one client and one manager among tests; a test in another loop gets an error."""

OTHER = """

@pytest.mark.asyncio(loop_scope="session")
async def test_elsewhere(client, manager):
    async with manager.fetch_all(await jobs_of(client)) as outcomes:
        assert [type(outcome).__name__ async for outcome in outcomes] == ["Skipped"] * 4
"""
"""In a second file, where the session's loop, client and manager are still the same."""


@pytest.mark.slow
@pytest.mark.parametrize("scope", ["module", "session"])
def test_pytest_asyncio(tmp_path: Path, scope: str) -> None:
    """A client and manager shared by tests through the loop scope of pytest-asyncio end without a warning."""
    fixtures, mark, tests = SUITE.format(scope=scope).partition("@pytest.mark")
    (tmp_path / "conftest.py").write_text(fixtures)
    head = "import pytest\n\nfrom conftest import jobs_of\n\n\n"
    (tmp_path / "test_one.py").write_text(head + mark + tests)
    if scope == "session":
        (tmp_path / "test_two.py").write_text(head + OTHER)
    assert f"{4 if scope == 'session' else 3} passed" in run_pytest(
        tmp_path, "-p", "pytest_asyncio.plugin", "-o", "asyncio_default_fixture_loop_scope=function"
    )


ANYIO = """
import pytest

from pixxel_async import DownloadManager

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module", params=[("asyncio", {"use_uvloop": False}), ("asyncio", {"use_uvloop": True})])
def anyio_backend(request):
    return request.param


@pytest.fixture
async def client(pixxel_client):
    async with pixxel_client as client:
        yield client


async def test_fetch_and_leave(client, tmp_path):
    workflow = (await client.workflows.list())[0]
    jobs = await client.jobs.list(workflow.id, status="completed")
    async with DownloadManager(client, tmp_path) as manager, manager.fetch_all(jobs) as outcomes:
        async for outcome in outcomes:
            break


async def test_pass_through(client):
    workflow = (await client.workflows.list())[0]
    job = (await client.jobs.list(workflow.id, status="completed"))[0]
    await client.packages.wait(job)
    async with client.packages.open(job) as stream:
        assert sum([len(chunk) async for chunk in stream]) == int(stream.headers["Content-Length"])
"""


@pytest.mark.slow
def test_anyio_plugin(tmp_path: Path) -> None:
    """Fixtures of anyio's plugin, set up and torn down in another task, may hold a client and leave a batch early."""
    (tmp_path / "test_mine.py").write_text(ANYIO)
    assert "4 passed" in run_pytest(tmp_path, "-p", "anyio.pytest_plugin")


def run_pytest(folder: Path, *arguments: str) -> str:
    """Run pytest with warnings as errors in a process of its own and return its output.

    It loads our plugin and those in the arguments alone: loading all of this environment takes seconds.
    """
    options = ["-q", "--assert=plain", "-p", "no:cacheprovider", "-p", "pixxel_async.pytest_plugin", *arguments]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-X", "dev", "-W", "error", "-m", "pytest", *options]
    ended = subprocess.run(command, cwd=folder, env=alone, capture_output=True, text=True, timeout=240)
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.slow
def test_packages_in_a_test_client(served: Sandbox) -> None:
    """Starlette's TestClient serves a package in full, by range and by HEAD."""
    testclient = pytest.importorskip("starlette.testclient")
    from examples import fastapi_app

    job = served.add_job(packing=0)
    path = f"/jobs/{job.workflow_id}/{job.id}/package"
    client = client_of(served)
    app = fastapi_app.application(client, {"anna": served.api_key})

    with testclient.TestClient(app, cookies={"session": "anna"}) as browser:
        whole = browser.get(path)
        part = browser.get(path, headers={"Range": "bytes=10-19"})
        head = browser.head(path)

    assert (whole.status_code, len(whole.content)) == (200, int(whole.headers["Content-Length"]))
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert (head.status_code, head.content, head.headers["ETag"]) == (200, b"", whole.headers["ETag"])


@pytest.mark.slow
@pytest.mark.parametrize("name", LOOPS)
def test_shutdown_while_packages_pass_through(served: Sandbox, name: str) -> None:
    """Closing a client while bodies are passed through ends their readers with an error and leaves nothing open."""
    served.inject(Fault(route="storage", kind="drip", rate=100_000.0, times=4))
    jobs = [served.add_job(packing=0) for _ in range(4)]
    said: list[Any] = []

    async def main() -> tuple[list[str], set[Any]]:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
        async with client_of(served) as client:
            streams = [await client.packages.open(f"job:{job.workflow_id}/{job.id}") for job in jobs]
            readers = [asyncio.create_task(drained(stream)) for stream in streams]
            await asyncio.sleep(0.05)
        ended = await asyncio.wait_for(asyncio.gather(*readers, return_exceptions=True), 30)
        return [str(each) for each in ended], asyncio.all_tasks() - {asyncio.current_task()}

    before = descriptors()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with asyncio.Runner(loop_factory=LOOPS[name]) as runner:
            ended, tasks = runner.run(main())
        gc.collect()

    assert ([text.partition(";")[0] for text in ended], tasks, said) == (["this client is closed"] * 4, set(), [])
    assert left_open(before) == set()


async def drained(stream: PackageStream) -> None:
    async with stream:
        async for _ in stream:
            pass
