"""Downloads from other servers, with their own ranges, ETags and keep-alive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from benchmarks.server import asks_for, nginx, write_archives
from pixxel_async import DownloadManager, PixxelClient
from pixxel_async.events import Downloaded
from tests.support.ground_truth import collect, sha256
from tests.support.tools import tool

COUNT = 5


@asynccontextmanager
async def origin(server: str, folder: Path) -> AsyncIterator[str]:
    """Yield the URL where a server serves `folder/files`."""
    if server == "nginx":
        tool("nginx")
        with nginx(folder, tls=False) as (found, _):
            yield found
        return
    app = web.Application()
    app.router.add_static("/", folder / "files")
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("server", ["nginx", "aiohttp's own files"])
async def test_files_are_fetched_and_proved(server: str, tmp_path: Path) -> None:
    """Every file is fetched byte for byte and proved, and a second run fetches nothing."""
    write_archives(tmp_path / "files", COUNT, 300_000)
    async with origin(server, tmp_path) as at:
        links = {f"job:w-1/job-{number}": f"{at}/job-{number}.zip" for number in range(COUNT)}
        async with (
            asks_for(links) as api,
            PixxelClient(api_key="a-key", base_url=api) as client,
            DownloadManager(client, tmp_path / "here") as manager,
        ):
            outcomes = await collect(manager.fetch_all(links))
            again = await collect(manager.fetch_all(links))
    got = sorted(sha256(outcome.path) for outcome in outcomes if isinstance(outcome, Downloaded))
    assert got == sorted(sha256(path) for path in (tmp_path / "files").iterdir())
    assert [type(outcome).__name__ for outcome in again] == ["Skipped"] * COUNT
