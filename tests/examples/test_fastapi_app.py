"""The parts particular to `examples/fastapi_app.py`: users with keys of their own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from pixxel_async import PixxelClient
from pixxel_async.sandbox import Sandbox
from tests.examples.conftest import fastapi

pytestmark = pytest.mark.slow


@pytest.fixture
def projects(sandbox: Sandbox) -> list[str]:
    """Add two projects; each user may see one of them."""
    return [sandbox.add_project(), sandbox.add_project()]


@pytest.fixture
async def origin(client: PixxelClient, sandbox: Sandbox, projects: list[str]) -> AsyncIterator[str]:
    """Serve the example for Anna and Ben."""
    keys = {name: sandbox.add_key(projects=[project]) for name, project in zip(("anna", "ben"), projects, strict=True)}
    async with fastapi(client, keys) as serving:
        yield serving


def path_of(sandbox: Sandbox, project: str, **how: float) -> str:
    """Add a job of a project and return the path of its pages."""
    job = sandbox.add_job(workflow_id=sandbox.add_workflow(project=project).id, **how)  # type: ignore[arg-type]
    return f"/jobs/{job.workflow_id}/{job.id}"


@pytest.mark.parametrize(("session", "status"), [("anna", 206), ("ben", 403), ("nobody", 401)])
async def test_users(origin: str, sandbox: Sandbox, projects: list[str], session: str, status: int) -> None:
    """A user gets only packages that their own key may read, cached or not; an anonymous request gets 401."""
    path = f"{path_of(sandbox, projects[0])}/package"
    for who, expected in (("anna", 206), (session, status)):
        async with (
            aiohttp.ClientSession(origin, cookies={"session": who}) as browser,
            browser.get(path, headers={"Range": "bytes=0-9"}) as answer,
        ):
            assert answer.status == expected


async def test_watchers_share_polls(browser: aiohttp.ClientSession, sandbox: Sandbox, projects: list[str]) -> None:
    """Every watcher gets every change and the end; the API is polled as for a single watcher."""
    path = path_of(sandbox, projects[0], seconds=600, packing=30)

    async def states() -> list[str]:
        async with browser.get(f"{path}/events") as answer:
            lines = [json.loads(line[6:]) async for line in answer.content if line.startswith(b"data: ")]
        return [line["state"] for line in lines]

    async with asyncio.timeout(30):
        watched_states = await asyncio.gather(*(states() for _ in range(20)))

    assert all(each[-3:] == ["completed", "packing", "ready"] and each[0] != "completed" for each in watched_states)
    watched = sandbox.count("jobs.get") + sandbox.count("jobs.list")
    assert watched + sandbox.count("jobs.request_download") < 60


async def test_its_page(browser: aiohttp.ClientSession) -> None:
    """The page of a job is static and loads its state by EventSource."""
    async with browser.get("/jobs/w/j") as answer:
        assert "EventSource" in await answer.text()
