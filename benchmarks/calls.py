"""API calls, and reading of large answers: ours beside aiohttp with `json`, httpx, and openapi-python-client's output.

The API is a few lines in a process of its own. A run makes so many calls, 64 in flight, or reads one large answer so
many times. openapi-python-client makes a package from our own description first, into a temporary folder; what it
reads is one answer of its operation, as ours does.

A program of a run: `python benchmarks/calls.py CLIENT WORK COUNT URL`.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from harness import Client, as_case, interleave, left_out, show

IN_FLIGHT = 64
JOBS = 2_000
"""Rows of the large answer."""
ROW = {
    "id": "00000000-5eed-4000-8000-000000000000", "workflow_id": "w-1", "status": "completed", "progress": "100",
    "cost": 12.5, "estimated_duration": 360, "time_taken": "6m 0s", "created_at": "2026-09-20T23:54:00Z",
    "updated_at": "2026-09-21T00:00:00Z", "finished_at": "2026-09-21T00:00:00Z",
}  # fmt: skip

Run = Callable[[str, int], Coroutine[Any, Any, None]]


@asynccontextmanager
async def api() -> AsyncIterator[str]:
    """Serve one small and one large answer; yields the base URL."""
    small, large = json.dumps(ROW).encode(), json.dumps({"jobs": [ROW] * JOBS}).encode()

    async def job(_: web.Request) -> web.Response:
        return web.Response(body=small, content_type="application/json")

    async def jobs(_: web.Request) -> web.Response:
        return web.Response(body=large, content_type="application/json")

    app = web.Application()
    app.router.add_get("/v0/workflows/w-1/jobs", jobs)
    app.router.add_get("/v0/workflows/w-1/jobs/{job}", job)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def spread(call: Callable[[], Awaitable[object]], count: int) -> None:
    """Make so many calls, 64 in flight."""
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            await call()

    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))


async def ours_calls(url: str, count: int) -> None:
    from pixxel_async import PixxelClient

    async with PixxelClient("benchmark", base_url=url) as client:
        await spread(lambda: client.jobs.get("w-1", "j"), count)


async def ours_rows(url: str, count: int) -> None:
    from pixxel_async import PixxelClient

    async with PixxelClient("benchmark", base_url=url) as client:
        for _ in range(count):
            rows = [job.status async for job in client.jobs.list("w-1")]
            assert len(rows) == JOBS


async def aiohttp_calls(url: str, count: int) -> None:
    import aiohttp

    async with aiohttp.ClientSession(headers={"Authorization": "benchmark"}) as session:

        async def call() -> None:
            async with session.get(f"{url}/v0/workflows/w-1/jobs/j") as response:
                json.loads(await response.read())

        await spread(call, count)


async def aiohttp_rows(url: str, count: int) -> None:
    import aiohttp

    async with aiohttp.ClientSession(headers={"Authorization": "benchmark"}) as session:
        for _ in range(count):
            async with session.get(f"{url}/v0/workflows/w-1/jobs") as response:
                rows = [job["status"] for job in json.loads(await response.read())["jobs"]]
            assert len(rows) == JOBS


async def httpx_calls(url: str, count: int) -> None:
    import httpx

    async with httpx.AsyncClient(headers={"Authorization": "benchmark"}) as client:

        async def call() -> None:
            (await client.get(f"{url}/v0/workflows/w-1/jobs/j")).json()

        await spread(call, count)


def generated(name: str) -> Any:
    """Import a module of what openapi-python-client made; its folder is the last argument of the program."""
    sys.path.insert(0, sys.argv[5])
    return importlib.import_module(name)


async def generated_rows(url: str, count: int) -> None:
    made = generated("made_client")
    operation = importlib.import_module("made_client.api.jobs.jobs_list")
    async with made.AuthenticatedClient(base_url=url, token="benchmark", prefix="") as client:
        for _ in range(count):
            found = await operation.asyncio(workflow_id="w-1", client=client)
            assert len([job.status for job in found.jobs]) == JOBS


RUNS: dict[str, dict[str, Run]] = {
    "calls": {"pixxel_async": ours_calls, "aiohttp and json": aiohttp_calls, "httpx": httpx_calls},
    "rows": {"pixxel_async": ours_rows, "aiohttp and json": aiohttp_rows, "openapi-python-client": generated_rows},
}


def clients(work: str, count: int, made: Path | None) -> list[Client]:
    """Return the clients of one kind of work."""

    def client(name: str) -> Client:
        def command(url: str, folder: Path) -> Sequence[str]:
            return [sys.executable, __file__, name, work, str(count), url, str(made)]

        missing = None
        if name == "openapi-python-client" and made is None:
            missing = "openapi-python-client is not installed, or cannot read the description"
        elif name == "httpx" and importlib.util.find_spec("httpx") is None:
            missing = "pip install httpx"
        return Client(name, command, missing)

    return [client(name) for name in RUNS[work]]


def make_client(folder: Path) -> Path | None:
    """Let openapi-python-client make a package from our description; None where it is missing or fails."""
    from pixxel_async import description

    program = shutil.which("openapi-python-client", path=str(Path(sys.executable).parent)) or shutil.which(
        "openapi-python-client"
    )
    if program is None:
        return None
    document = Path(str(description.__file__)).with_name("pixxel.yaml")
    configuration = "package_name_override: made_client\nproject_name_override: made\npost_hooks: []\n"
    (folder / "config.yml").write_text(configuration)
    command = [program, "generate", "--path", str(document), "--config", "config.yml", "--meta", "none"]
    done = subprocess.run(
        [*command, "--output-path", "made_client"], cwd=folder, capture_output=True, text=True, check=False
    )
    return (
        folder if (folder / "made_client" / "api" / "jobs" / "jobs_list.py").exists() and not done.returncode else None
    )


async def calls(rounds: int, short: bool) -> list[dict[str, Any]]:
    """Run both kinds of work; a case's ratios are to ours."""
    cases = []
    with tempfile.TemporaryDirectory() as scratch:
        made = make_client(Path(scratch))
        async with api() as url:
            for work, count in (("calls", 300 if short else 5_000), ("rows", 2 if short else 30)):
                found = clients(work, count, made)
                rows = await asyncio.to_thread(interleave, found, url, Path(scratch), rounds, {})
                what = f"{count:,} calls, {IN_FLIGHT} in flight" if work == "calls" else f"{count} x {JOBS:,} rows"
                show(what, rows, 0, left_out(found))
                cases.append(as_case(what, 0, rows, left_out(found)))
    return cases


BARE = "import sys"
SCRIPT = """
import asyncio, json, aiohttp, sys
async def main():
    async with aiohttp.ClientSession() as session:
        async with session.get(sys.argv[1] + "/v0/workflows/w-1/jobs/j") as response:
            json.loads(await response.read())
asyncio.run(main())
"""
OURS = """
import asyncio, sys
from pixxel_async import PixxelClient
async def main():
    async with PixxelClient("benchmark", base_url=sys.argv[1]) as client:
        await client.jobs.get("w-1", "j")
asyncio.run(main())
"""


async def start(rounds: int, short: bool) -> list[dict[str, Any]]:
    """Compare whole processes: the first response, and `pixxel --version` beside an interpreter that does nothing."""

    def program(name: str, *line: str) -> Client:
        return Client(name, lambda url, _: [sys.executable, *line, url])

    first = [program("pixxel_async", "-c", OURS), program("aiohttp script", "-c", SCRIPT)]
    version = [
        Client("pixxel --version", lambda url, _: [sys.executable, "-m", "pixxel_async", "--version"]),
        program("bare python", "-c", BARE),
    ]
    cases = []
    with tempfile.TemporaryDirectory() as scratch:
        async with api() as url:
            for title, found in (("one call, whole process", first), ("--version, whole process", version)):
                rows = await asyncio.to_thread(
                    interleave, found, url, Path(scratch), rounds if short else 4 * rounds, {}
                )
                show(title, rows, 0, {})
                cases.append(as_case(title, 0, rows, {}))
    return cases


if __name__ == "__main__":
    asyncio.run(RUNS[sys.argv[2]][sys.argv[1]](sys.argv[4], int(sys.argv[3])))
