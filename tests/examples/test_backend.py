"""`examples/backend.py` as its users meet it: a browser's requests over a real socket."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from zipfile import ZipFile

import aiohttp
import pytest
from aiohttp import web

from examples.backend import application
from pixxel_async.sandbox import Fault, Sandbox


@pytest.fixture
async def served() -> AsyncIterator[Sandbox]:
    """A sandbox whose packages take as long as its clock is stepped."""
    async with Sandbox(clock="manual", packing=30) as sandbox:
        yield sandbox


@pytest.fixture
async def browser(served: Sandbox, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[aiohttp.ClientSession]:
    """A session on the example, which got its key from the environment."""
    monkeypatch.setenv("PIXXEL_API_KEY", served.api_key)
    monkeypatch.setenv("PIXXEL_BASE_URL", served.url)
    runner = web.AppRunner(application(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as session:
            yield session
    finally:
        await runner.cleanup()


@pytest.fixture
def path(served: Sandbox) -> str:
    """The package of a job that has ended well."""
    workflow, jobs = next(iter(served.world.runs.items()))
    return f"/jobs/{workflow}/{next(iter(jobs))}/package"


async def test_package(browser: aiohttp.ClientSession, served: Sandbox, path: str) -> None:
    """202 with a time to come back, then 307 to a link that serves the archive; the key is seen by the API alone."""
    async with browser.get(path, allow_redirects=False) as packing:
        assert (packing.status, packing.headers["Retry-After"]) == (202, "5")
    await served.advance(31)

    async with browser.get(path, allow_redirects=False) as ready:
        assert (ready.status, ready.headers["Cache-Control"]) == (307, "no-store")
        assert ready.headers["Location"].startswith(served.storage_url)
    async with browser.get(path) as followed:
        archive = ZipFile(io.BytesIO(await followed.read()))

    assert archive.testzip() is None
    assert served.count("jobs.request_download") == 2
    served.assert_key_only_at_api()


async def test_unknown_job(browser: aiohttp.ClientSession, served: Sandbox) -> None:
    """A job that is not there is 404, with a text that says so and no key."""
    async with browser.get("/jobs/w-1/j-1/package", allow_redirects=False) as answer:
        assert answer.status == 404
        assert "not found" in await answer.text()
        assert served.api_key not in await answer.text()


async def test_service_that_is_at_fault(browser: aiohttp.ClientSession, served: Sandbox, path: str) -> None:
    """What is neither the browser's nor the application's fault is 502."""
    served.inject(Fault(route="jobs.request_download", kind="status", status=403, times=None))

    async with browser.get(path, allow_redirects=False) as answer:
        assert answer.status == 502
