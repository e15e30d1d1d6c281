"""The parts particular to `examples/backend.py`: files of a folder, health, metrics, and its page in a browser."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from pixxel_async import DownloadManager, PixxelClient
from pixxel_async.sandbox import Fault, Sandbox
from tests.examples.conftest import aiohttp_web
from tests.support.browser import browser as tab_of
from tests.support.ground_truth import until

SHOWN = "const look = () => link.hidden ? setTimeout(look, 20) : done(true); look()"
"""JavaScript that says when the page has its link."""


@pytest.fixture
async def origin(client: PixxelClient, tmp_path: Path) -> AsyncIterator[str]:
    """Serve the example."""
    async with aiohttp_web(client, tmp_path / "packages") as serving:
        yield serving


def job(sandbox: Sandbox, **how: float) -> str:
    """Add a job and return the path of its pages."""
    added = sandbox.add_job(**how)  # type: ignore[arg-type]
    return f"/jobs/{added.workflow_id}/{added.id}"


async def read(browser: aiohttp.ClientSession, path: str, **headers: str) -> tuple[int, bytes]:
    """Return status and bytes once the response is not 202."""
    async with asyncio.timeout(30):
        while True:
            async with browser.get(path, headers=headers) as answer:
                if answer.status != 202:
                    return answer.status, await answer.read()
                assert answer.headers["Retry-After"] == "5"


@pytest.mark.slow
async def test_a_file_of_the_folder(browser: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    """A file is fetched once for all requests, and served in full or by range."""
    path = f"{job(sandbox)}/file"
    status, whole = await read(browser, path)
    assert (status, len(whole)) == (200, 64 << 20)
    assert await read(browser, path, Range="bytes=1000-1999") == (206, whole[1000:2000])
    assert sandbox.count("storage") == 1
    async with browser.get("/health") as health:
        assert (await health.json())["done"] >= 1


@pytest.mark.slow
async def test_a_file_that_was_removed(browser: aiohttp.ClientSession, sandbox: Sandbox, tmp_path: Path) -> None:
    """A file deleted from the folder is fetched again."""
    path = f"{job(sandbox)}/file"
    digests = []
    for _ in range(2):
        digests.append(hashlib.sha256((await read(browser, path))[1]).digest())
        await asyncio.to_thread(lambda: next(tmp_path.rglob("*.zip")).unlink())
    assert digests[0] == digests[1]
    assert sandbox.count("jobs.request_download") == 3


async def test_unknown_jobs_leave_no_rows(browser: aiohttp.ClientSession, sandbox: Sandbox, tmp_path: Path) -> None:
    """An unknown job is a 404 and leaves no row in the record."""
    sandbox.add_job()
    for number in range(20):
        for what in ("file", "events"):
            async with browser.get(f"/jobs/w{number}/nobody/{what}") as answer:
                assert (answer.status, await answer.text()) == (404, "there is no such job")
    async with DownloadManager(PixxelClient(sandbox.api_key, base_url=sandbox.url), tmp_path / "packages") as other:
        assert [row async for row in other.record.rows()] == []


async def test_a_disk_error_shows_no_path(
    browser: aiohttp.ClientSession, sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk error is a 502 without the path, which is in the log."""
    path = job(sandbox)
    workflow = tmp_path / "packages" / path.split("/")[2]
    workflow.write_bytes(b"a file where a folder is needed")
    status, text = await read(browser, f"{path}/file")
    assert status == 502 and str(tmp_path).encode() not in text
    assert str(tmp_path) in caplog.text


@pytest.mark.slow
async def test_metrics(browser: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    """Metrics have counts and rates in Prometheus format, also during a download."""
    sandbox.inject(Fault(route="storage", kind="stall", at=1_000_000))
    async with browser.get(f"{job(sandbox)}/events"):
        await until(lambda: sandbox.count("storage"))
        async with browser.get("/metrics") as answer:
            values = dict(line.split() for line in (await answer.text()).splitlines())
    assert (values["pixxel_streaming"], values["pixxel_done"], values["pixxel_failed"]) == ("1", "0", "0")


@pytest.mark.slow
async def test_the_last_follower_cancels_the_download(browser: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    """When the last follower of a package disconnects, its download is cancelled; a later request resumes it."""
    sandbox.inject(Fault(route="storage", kind="stall", at=8_000_000))
    path = job(sandbox)
    first, second = await browser.get(f"{path}/events"), await browser.get(f"{path}/events")
    await until(lambda: sandbox.count("storage"))
    first.close()
    async with browser.get("/metrics") as answer:
        assert "pixxel_streaming 1\n" in await answer.text()
    second.close()
    while (await (await browser.get("/health")).json())["streaming"]:  # noqa: ASYNC110 - it is another program
        await asyncio.sleep(0.01)
    status, whole = await read(browser, f"{path}/file")
    assert (status, len(whole)) == (200, 64 << 20)


@pytest.mark.slow
async def test_its_page(origin: str, sandbox: Sandbox, tmp_path: Path) -> None:
    """The page shows that the package is packing, follows it, and links to it once it is ready."""
    path = job(sandbox, packing=3600)
    async with tab_of(tmp_path / "browser") as tab:
        await tab.open(f"{origin}{path}")
        assert "Download" not in await tab.text()
        await tab.value(f"new Promise((done) => {{ {SHOWN} }})")
        assert "Download" in await tab.text()
        assert await tab.value("[bar.value, bar.max].join()") == "1,1"
        asking = "fetch(document.links[0].href, {method: 'HEAD'})"
        size = await tab.value(f"{asking}.then((answer) => answer.headers.get('Content-Length'))")
        loaded = {url.removeprefix(origin) for url in tab.asked if not url.startswith("data:")}
        assert loaded == {path, f"{path}/events", f"{path}/package"}
    assert size == str(64 << 20)
