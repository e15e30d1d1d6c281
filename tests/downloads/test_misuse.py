"""Misuse of the manager raises errors that name the right form."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from pixxel_async import DownloadManager, JobPackage, PixxelClient
from pixxel_async.errors import ClientClosed, ConfigError, PixxelError
from pixxel_async.models import AOI, Job, Workflow
from pixxel_async.sandbox import Sandbox
from tests.downloads.conftest import quick_settings
from tests.support.ground_truth import collect

JOB = JobPackage(workflow_id="w", job_id="j")
Make = Callable[[], Any]


@pytest.fixture
def unopened(client: PixxelClient, tmp_path: Path) -> Any:
    return DownloadManager(client, tmp_path)


async def test_a_manager_is_opened_by_async_with(unopened: Any) -> None:
    """`with`, `await` and a missing `async with` each raise an error with the line to write."""
    with pytest.raises(TypeError, match="async with DownloadManager"), unopened:
        pass
    with pytest.raises(TypeError, match="async with DownloadManager"):
        await unopened
    for call in (unopened.fetch(JOB), unopened.submit(JOB), unopened.plan([JOB]), unopened.forget(JOB)):
        with pytest.raises(ConfigError, match="not open: `async with DownloadManager"):
            await call
    with pytest.raises(ConfigError, match="not open"):
        unopened.fetch_all([JOB])


async def test_outcomes_are_read_by_async_for_inside_async_with(client: PixxelClient, tmp_path: Path) -> None:
    """`for`, `with`, `await` and `async for` without `async with` each raise an error with the lines to write."""
    usage = r"`async with manager\.fetch_all\(…\) as outcomes:`, then `async for outcome in outcomes:`"
    async with DownloadManager(client, tmp_path) as manager:
        outcomes: Any = manager.fetch_all([JOB])
        with pytest.raises(TypeError, match=usage):
            list(outcomes)
        with pytest.raises(TypeError, match=usage), outcomes:
            pass
        with pytest.raises(TypeError, match=usage):
            await outcomes
        with pytest.raises(ConfigError, match=usage):
            await anext(outcomes)
        assert "not entered" in repr(outcomes)


async def test_a_closed_manager_raises(client: PixxelClient, tmp_path: Path) -> None:
    """Every use of a closed manager but its counts raises a `PixxelError`; closing again is harmless."""
    async with DownloadManager(client, tmp_path) as manager:
        pass
    await manager.aclose()
    for call in (manager.fetch(JOB), manager.submit(JOB), manager.plan([JOB]), manager.forget(JOB), manager.open()):
        with pytest.raises(PixxelError, match="closed: create a new one"):
            await call
    for use in (lambda: manager.fetch_all([JOB]), lambda: manager.record):
        with pytest.raises(ClientClosed, match="closed"):
            use()
    assert "closed" in repr(manager) and manager.snapshot().done == 0


async def test_a_manager_works_in_its_own_event_loop_only(client: PixxelClient, tmp_path: Path) -> None:
    """In another event loop each use raises an error that explains where to open client and manager."""
    async with DownloadManager(client, tmp_path) as manager:

        async def later(use: Callable[[], Any]) -> None:
            found = use()
            if asyncio.iscoroutine(found):
                await found

        for use in (
            manager.open,
            manager.aclose,
            lambda: manager.fetch(JOB),
            lambda: manager.fetch_all([JOB]),
            lambda: manager.plan([JOB]),
        ):
            with pytest.raises(ClientClosed, match="inside the `async def` that you run"):
                await asyncio.to_thread(asyncio.run, later(use))


async def test_client_and_folder_in_the_wrong_order(client: PixxelClient, tmp_path: Path) -> None:
    """Swapped or wrong arguments of the manager are named."""
    make: Any = DownloadManager
    with pytest.raises(ConfigError, match=r"the client comes first: DownloadManager\(client, 'exports'\)"):
        make("exports", client)
    with pytest.raises(ConfigError, match="PixxelClient, not str"):
        make("exports", "exports")
    with pytest.raises(ConfigError, match="not as NoneType"):
        make(client, None)
    with pytest.raises(ConfigError, match="PixxelClient, not str"):
        async with DownloadManager(client, tmp_path) as manager:
            await manager.fetch(JOB, client="key")  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "advice"),
    [
        (lambda client: "job:w/j", "goes into a list"),
        (lambda client: JOB, "goes into a list"),
        (lambda client: Job(id="j", workflow_id="w"), "goes into a list"),
        (lambda client: client.jobs.get("w", "j"), "write `await` before"),
        (lambda client: client.jobs.list, "this is the function list: call it"),
        (lambda client: JobPackage, "this is the function JobPackage: call it"),
        (lambda client: None, "not as NoneType"),
        (lambda client: [Workflow(id="w")], r"client\.jobs\.list\(workflow\.id\)"),
        (lambda client: [AOI(aoi_id="a")], r"client\.assets\.list\(aoi\.aoi_id\)"),
        (lambda client: [UUID(int=1)], r"JobPackage\(workflow_id=…, job_id=…\)"),
        (lambda client: [client.jobs.get("w", "j")], "write `await` before"),
        (lambda client: ["30b4c722"], "must begin with job:"),
    ],
)
async def test_invalid_packages(
    client: PixxelClient, tmp_path: Path, source: Callable[[PixxelClient], Any], advice: str
) -> None:
    """A source of `fetch_all` that is no iterable of packages raises an error with advice."""
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(ConfigError, match=advice):
            await collect(manager.fetch_all(source(client)))


def test_asyncio_run_twice_with_one_manager(tmp_path: Path) -> None:
    """A manager closed by a first `asyncio.run` raises in the second."""

    async def start() -> DownloadManager:
        async with (
            Sandbox() as sandbox,
            PixxelClient(settings=quick_settings(sandbox)) as client,
            DownloadManager(client, tmp_path) as manager,
        ):
            return manager

    async def again(manager: DownloadManager) -> None:
        async with manager:
            pass

    with pytest.raises(ClientClosed, match="closed: create a new one"):
        asyncio.run(again(asyncio.run(start())))
