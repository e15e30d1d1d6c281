"""The two example backends, each served over a real socket, for a sandbox whose waits take no time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from examples import backend
from pixxel_async import PixxelClient
from pixxel_async.sandbox import Sandbox
from pixxel_async.settings import Timing


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Serve a sandbox with packages of 64 MiB that are ready at once unless a job says otherwise."""
    async with Sandbox(clock="manual", packing=0, package_size=64 << 20) as started:
        yield started


@pytest.fixture
def client(sandbox: Sandbox) -> PixxelClient:
    """Return the application's client, not opened yet."""
    return PixxelClient(
        sandbox.api_key, base_url=sandbox.url, timing=Timing(clock=sandbox.clock.now, sleep=sandbox.sleep)
    )


@asynccontextmanager
async def aiohttp_web(client: PixxelClient, folder: Path) -> AsyncIterator[str]:
    """Serve `examples/backend.py` like `web.run_app` does."""
    runner = web.AppRunner(backend.application(client, folder), handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def fastapi(client: PixxelClient, keys: Mapping[str, str]) -> AsyncIterator[str]:
    """Serve `examples/fastapi_app.py` with uvicorn."""
    import uvicorn

    from examples import fastapi_app

    app = fastapi_app.application(client, keys)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws="none", timeout_graceful_shutdown=1))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve([listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


@pytest.fixture(params=["aiohttp", "fastapi"])
async def origin(
    request: pytest.FixtureRequest, client: PixxelClient, sandbox: Sandbox, tmp_path: Path
) -> AsyncIterator[str]:
    """Return the URL of each backend in turn."""
    by_kind = {"aiohttp": aiohttp_web(client, tmp_path), "fastapi": fastapi(client, {"anna": sandbox.api_key})}
    async with by_kind[request.param] as serving:
        yield serving


@pytest.fixture
async def browser(origin: str) -> AsyncIterator[aiohttp.ClientSession]:
    """Return a session of a user known to the backend."""
    async with aiohttp.ClientSession(origin, cookies={"session": "anna"}) as session:
        yield session
