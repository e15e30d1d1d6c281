"""One client in a process of its own: `python benchmarks/clients.py NAME FOLDER JOB.json`.

It fetches every link of the job into the folder, eight at once, and prints as JSON what that cost: seconds of wall
clock and of CPU, peak memory, and how late a timer of 10 ms was (`late_*`, seconds).
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from pixxel_async import Downloaded, DownloadManager, PixxelClient, Settings
from pixxel_async.cli.malloc import keep_memory

Job = dict[str, Any]
STREAMS = 8


async def ours(job: Job, folder: Path, **settings: Any) -> None:
    """Fetch by pixxel_async: request, stream, prove, sync, rename, record."""
    client = PixxelClient(settings=Settings(api_key=job["api_key"], base_url=job["api"]))
    async with (
        client,
        DownloadManager(client, folder) as manager,
        manager.fetch_all(job["links"], max_concurrent_downloads=STREAMS, min_free_space=0, **settings) as outcomes,
    ):
        async for outcome in outcomes:
            assert isinstance(outcome, Downloaded), outcome


async def ours_size_only(job: Job, folder: Path) -> None:
    """Fetch by pixxel_async like the others: only the length proved, no checksum; malloc as in `pixxel export`."""
    keep_memory()
    await ours(job, folder, verify="size", checksum=None)


async def aiohttp_as_written(job: Job, folder: Path) -> None:
    """Fetch by common aiohttp code: iter_chunked(64 KiB) and a write on the loop."""
    import aiohttp

    async with aiohttp.ClientSession() as session:

        async def get(name: str, link: str) -> None:
            async with session.get(link) as response:
                response.raise_for_status()
                with (folder / f"{name}.zip").open("wb") as file:
                    async for chunk in response.content.iter_chunked(65536):
                        file.write(chunk)

        await side_by_side(get, job)


async def httpx_as_written(job: Job, folder: Path) -> None:
    """Fetch by common httpx code: aiter_bytes() and a write on the loop."""
    import httpx

    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=STREAMS)) as client:

        async def get(name: str, link: str) -> None:
            async with client.stream("GET", link) as response:
                response.raise_for_status()
                with (folder / f"{name}.zip").open("wb") as file:
                    async for chunk in response.aiter_bytes():
                        file.write(chunk)

        await side_by_side(get, job)


async def stac_asset(job: Job, folder: Path) -> None:
    """Fetch by stac-asset's HTTP client."""
    from stac_asset import Config, HttpClient

    config = Config(http_assert_content_type=False)
    client = await HttpClient.from_config(config)
    async with client:

        async def get(name: str, link: str) -> None:
            await client.download_href(link, folder / f"{name}.zip")

        await side_by_side(get, job)


async def obstore_as_written(job: Job, folder: Path) -> None:
    """Fetch by obstore's HTTP store, streamed to a file."""
    from obstore.store import HTTPStore

    origin = next(iter(job["links"].values())).rpartition("/")[0]
    trust = {"allow_invalid_certificates": True} if origin.startswith("https") else {"allow_http": True}
    store = HTTPStore.from_url(origin, client_options=trust)  # type: ignore[arg-type]

    async def get(name: str, link: str) -> None:
        response = await store.get_async(link.rpartition("/")[2])
        with (folder / f"{name}.zip").open("wb") as file:
            async for chunk in response.stream(min_chunk_size=1 << 20):
                file.write(chunk)

    await side_by_side(get, job)


async def pycurl_as_written(job: Job, folder: Path) -> None:
    """Fetch by pycurl in eight threads; libcurl writes the files."""
    import pycurl

    def fetch(name: str, link: str) -> None:
        handle = pycurl.Curl()
        with (folder / f"{name}.zip").open("wb") as file:
            handle.setopt(pycurl.URL, link)
            handle.setopt(pycurl.WRITEDATA, file)
            handle.setopt(pycurl.FAILONERROR, True)
            if job["authority"]:
                handle.setopt(pycurl.CAINFO, job["authority"])
            handle.perform()
        handle.close()

    async def get(name: str, link: str) -> None:
        await asyncio.to_thread(fetch, name, link)

    await side_by_side(get, job)


async def side_by_side(get: Callable[[str, str], Awaitable[None]], job: Job) -> None:
    """Run eight workers over one queue of links."""
    numbered = iter(enumerate(job["links"].values()))

    async def work() -> None:
        for number, link in numbered:
            await get(str(number), link)

    await asyncio.gather(*(work() for _ in range(STREAMS)))


CLIENTS: dict[str, Callable[[Job, Path], Awaitable[None]]] = {
    "pixxel_async": ours,
    "pixxel_async size only": ours_size_only,
    "aiohttp": aiohttp_as_written,
    "httpx": httpx_as_written,
    "obstore": obstore_as_written,
    "pycurl": pycurl_as_written,
    "stac-asset": stac_asset,
}


def peak_memory(process: int) -> float:
    """Return a process's peak memory in bytes, without the parent's share in `ru_maxrss`; 0 if unknown."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    return sum(float(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


async def measured(run: Callable[[Job, Path], Awaitable[None]], job: Job, folder: Path) -> dict[str, float]:
    """Run a client and return its cost, with the lateness of a timer of 10 ms."""
    late: list[float] = []

    async def timer() -> None:
        while True:
            due = time.perf_counter() + 0.010
            await asyncio.sleep(0.010)
            late.append(time.perf_counter() - due)

    ticking = asyncio.create_task(timer())
    wall, cpu = time.perf_counter(), time.process_time()
    await run(job, folder)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    ticking.cancel()
    late.sort()
    return {
        "wall": wall,
        "cpu": cpu,
        "rss": peak_memory(os.getpid()),
        "late_p50": late[len(late) // 2] if late else 0.0,
        "late_p99": late[int(len(late) * 0.99)] if late else 0.0,
        "late_max": late[-1] if late else 0.0,
    }


if __name__ == "__main__":
    job = json.loads(Path(sys.argv[3]).read_text())
    print(json.dumps(asyncio.run(measured(CLIENTS[sys.argv[1]], job, Path(sys.argv[2])))))
