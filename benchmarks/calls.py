"""API calls, large responses and decoding: ours, aiohttp with `json`, httpx, and openapi-python-client's output.

The API is a few lines in a process of its own. A run makes so many calls, 64 in flight, or reads one large answer so
many times: a listing of jobs, or a STAC answer of 30 MB, beside which a timer of 1 ms says how long the event loop was
held. Small calls and decoding are measured without the start of their process. Decoding: parsed JSON in, objects out,
those of a STAC item's assets included. openapi-python-client makes a package from our own description first, into a
temporary folder.

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
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from harness import COST, Client, as_case, interleave, left_out, show, show_ratio

IN_FLIGHT = 64
JOBS = 2_000
"""Rows of the large answer."""
ROW = {
    "id": "00000000-5eed-4000-8000-000000000000", "workflow_id": "w-1", "status": "completed", "progress": "100",
    "cost": 12.5, "estimated_duration": 360, "time_taken": "6m 0s", "created_at": "2026-09-20T23:54:00Z",
    "updated_at": "2026-09-21T00:00:00Z", "finished_at": "2026-09-21T00:00:00Z",
}  # fmt: skip

BAND = {
    "name": "B001", "center_wavelength": 0.479, "fwhm": 0.0055, "common_name": "blue", "solar_irradiance": 1782.75,
}  # fmt: skip
FEATURE = {
    "type": "Feature", "stac_version": "1.0.0", "id": "TD1_535660_20241103_L2A_20241106_00301012",
    "stac_extensions": ["https://stac-extensions.github.io/eo/v1.0.0/schema.json"], "collection": "pixxel-td-l2a",
    "bbox": [75.29, 30.86, 75.39, 30.96],
    "geometry": {
        "type": "Polygon",
        "coordinates": [[[75.29, 30.86], [75.39, 30.86], [75.39, 30.96], [75.29, 30.96], [75.29, 30.86]]],
    },
    "properties": {
        "datetime": "2024-11-03T11:25:25.000000Z", "created": "2024-11-04T11:25:25.000000Z", "platform": "TD1",
        "updated": "2024-11-05T11:25:25.000000Z", "instruments": ["VNIR"], "eo:cloud_cover": 50.8, "gsd": 30,
        "proj:shape": [1024, 1024], "proj:transform": [10.0, 0, 527370.0, 0, -10.0, 3424800.0],
        "view:sun_elevation": 45, "proj:code": "EPSG:32643", "view:off_nadir": 15.7, "view:sun_azimuth": 135,
        "startdatetime": "2024-11-03T11:24:55.000000Z", "license": "proprietary", "rd:product_level": "L2A",
    },
    "assets": {
        "data": {
            "href": "https://storage.example/TD1_535660_20241103_L2A.tif", "type": "image/tiff", "roles": ["data"],
            "title": "Surface reflectance", "eo:bands": [{**BAND, "name": f"B{n:03}"} for n in range(12)],
            "raster:bands": [{"nodata": 0, "offset": 0, "scale": 2e-05, "spatial_resolution": 30}],
        },
        "thumbnail": {"href": "https://storage.example/TD1.png", "type": "image/png", "roles": ["thumbnail"]},
    },
    "links": [{"rel": "self", "href": "https://stac.example/items/TD1", "type": "application/json"}],
}  # fmt: skip
FEATURES = 30_000_000 // len(json.dumps(FEATURE))
"""Items of the STAC answer, so that it has 30 MB."""
ORDER_ITEM = {
    "id": "724b3313-ba69-4be4-ba96-2034f3d4ce51", "order_id": "0a8ca6a0-3b3d-4d94-950a-01bfa18cb996",
    "org_id": "05679223-c2ff-4107-ab37-334a4038d2eb", "user_id": "cc575de0-cd70-460a-a01b-523adf6474a6",
    "project_id": "30568fed-3d1e-4ed7-93c5-c5507102d82f", "transaction_id": "2c37b61e-5744-4b11-85fe-86d6364e8b24",
    "name": "Punjab fields", "type": "ARCHIVE", "status": "FULFILLED", "usecase": "agriculture", "area": 4,
    "base_amount": 32, "final_amount": 32, "tokens_used": 32, "payment_status": "PAID", "uplifts": [],
    "bandset": {"bandset_id": "", "bands": [], "custom": []}, "number_of_bands": 12, "image_type": "VNIR",
    "images": [{"item_id": f"S2A_T16R391_2025012{n}_L2A", "geometry": FEATURE["geometry"]} for n in range(2)],
    "cloud_cover": 20, "off_nadir": 20, "cloud_delivery": {"config": "", "path": ""}, "delivery_speed": "STANDARD",
    "recurrence": "ONCE", "no_of_occurrences": 0, "occurrences": [], "feasibility_status": "NOT_APPLICABLE",
    "last_feasibility_check": "2025-03-05T06:30:00Z", "created_at": "2025-03-05T06:30:00Z",
    "updated_at": "2025-03-05T06:30:00Z", "created_by": "cc575de0-cd70-460a-a01b-523adf6474a6",
    "updated_by": "cc575de0-cd70-460a-a01b-523adf6474a6", "validation_errors": [],
    "tasks": [{
        "id": "8a4b3313-ba69-4be4-ba96-2034f3d4ce51", "order_item_id": "724b3313-ba69-4be4-ba96-2034f3d4ce51",
        "status": "FULFILLED", "type": "ARCHIVE", "created_at": "2025-03-05T06:30:00Z", "tokens_used": 32,
    }],
}  # fmt: skip

Run = Callable[[str, int], Coroutine[Any, Any, None]]


@asynccontextmanager
async def api() -> AsyncIterator[str]:
    """Serve one small response and two large ones; yield the base URL."""
    small, large = json.dumps(ROW).encode(), json.dumps({"jobs": [ROW] * JOBS}).encode()
    features = b"".join([b'{"features": [', b", ".join([json.dumps(FEATURE).encode()] * FEATURES), b"]}"])

    async def job(_: web.Request) -> web.Response:
        return web.Response(body=small, content_type="application/json")

    async def jobs(_: web.Request) -> web.Response:
        return web.Response(body=large, content_type="application/json")

    async def search(request: web.Request) -> web.Response:
        first = not (await request.json()).get("offset")
        return web.Response(body=features if first else b'{"features": []}', content_type="application/json")

    app = web.Application()
    app.router.add_post("/v0/archives/search", search)
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


def leave_cost(wall: float, cpu: float) -> None:
    """Leave these seconds for the harness in place of the whole process's."""
    Path(COST).write_text(json.dumps([wall, cpu]))


async def fastest_tenth(work: Callable[[], Awaitable[object]]) -> None:
    """Do a tenth of the work ten times, and leave ten times the seconds of the fastest.

    A first tenth is not counted, so that imports are not; what else the machine does blurs the others less.
    """
    costs = []
    for _ in range(11):
        cpu, wall = time.process_time(), time.perf_counter()
        await work()
        costs.append((time.process_time() - cpu, time.perf_counter() - wall))
    cpu, wall = min(costs[1:])
    leave_cost(10 * wall, 10 * cpu)


async def spread(call: Callable[[], Awaitable[object]], count: int) -> None:
    """Make this many calls, 64 in flight."""

    async def together() -> None:
        left = iter(range(count // 10))

        async def work() -> None:
            for _ in left:
                await call()

        await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))

    await fastest_tenth(together)


async def ours_calls(url: str, count: int) -> None:
    from pixxel_async import HTTPSettings, PixxelClient, Settings

    http = HTTPSettings(max_concurrent_calls=IN_FLIGHT)
    async with PixxelClient("benchmark", settings=Settings(base_url=url, http=http)) as client:
        await spread(lambda: client.jobs.get("w-1", "j"), count)


async def ours_rows(url: str, count: int) -> None:
    from pixxel_async import PixxelClient

    async with PixxelClient("benchmark", base_url=url) as client:
        for _ in range(count):
            rows = [job.status async for job in client.jobs.list("w-1")]
            assert len(rows) == JOBS


async def ours_stac(url: str, count: int) -> None:
    from pixxel_async import PixxelClient

    async with PixxelClient("benchmark", base_url=url) as client:
        for _ in range(count):
            ids = [item.id async for item in client.archives.search()]
            assert len(ids) == FEATURES


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


async def aiohttp_stac(url: str, count: int) -> None:
    import aiohttp

    async with aiohttp.ClientSession(headers={"Authorization": "benchmark"}) as session:
        for _ in range(count):
            async with session.post(f"{url}/v0/archives/search", json={}) as response:
                ids = [item["id"] for item in json.loads(await response.read())["features"]]
            assert len(ids) == FEATURES


def held(work: Run) -> Run:
    """Return a run that leaves the greatest lateness of a timer of 1 ms beside the work, and its 99th percentile."""

    async def run(url: str, count: int) -> None:
        late: list[float] = []
        loop = asyncio.get_running_loop()

        def tick(due: float) -> None:
            now = loop.time()
            late.append(now - due)
            loop.call_at(now + 0.001, tick, now + 0.001)

        await work(url, 1)  # modules are loaded
        loop.call_soon(tick, loop.time())
        await work(url, count)
        late.sort()
        leave_cost(late[-1], late[len(late) * 99 // 100])

    return run


async def httpx_calls(url: str, count: int) -> None:
    import httpx

    async with httpx.AsyncClient(headers={"Authorization": "benchmark"}) as client:

        async def call() -> None:
            (await client.get(f"{url}/v0/workflows/w-1/jobs/j")).json()

        await spread(call, count)


def generated(name: str) -> Any:
    """Import a module generated by openapi-python-client; its folder is the last argument of the program."""
    sys.path.insert(0, sys.argv[5])
    return importlib.import_module(name)


async def generated_rows(url: str, count: int) -> None:
    module = generated("made_client")
    operation = importlib.import_module("made_client.api.jobs.jobs_list")
    async with module.AuthenticatedClient(base_url=url, token="benchmark", prefix="") as client:
        for _ in range(count):
            answer = await operation.asyncio(workflow_id="w-1", client=client)
            assert len([job.status for job in answer.jobs]) == JOBS


def decode(read: Callable[[], Callable[[Any], object]], row: dict[str, Any]) -> Run:
    """Return a run that decodes a row so many times."""

    async def run(url: str, count: int) -> None:
        call = read()

        async def again() -> None:
            for _ in range(count // 10):
                call(row)

        await fastest_tenth(again)

    return run


def ours_reads(model: str) -> Callable[[Any], object]:
    """Return our decoding of a response's object, its lazy member included."""
    from pixxel_async import models
    from pixxel_async._http.codec.convert import Drift, read

    kind, drift = getattr(models, model), Drift()
    return lambda row: getattr(read(kind, row, drift), "assets", None)


def generated_reads(model: str) -> Callable[[Any], object]:
    """Return openapi-python-client's decoding."""
    kind = getattr(generated("made_client.models"), model)
    return lambda row: kind.from_dict(row)


def decoders(model: str, row: dict[str, Any]) -> dict[str, Run]:
    """Return the runs that decode rows of one model."""
    return {
        "pixxel_async": decode(lambda: ours_reads(model), row),
        "openapi-python-client": decode(lambda: generated_reads(model), row),
    }


RUNS: dict[str, dict[str, Run]] = {
    "calls": {"pixxel_async": ours_calls, "aiohttp and json": aiohttp_calls, "httpx": httpx_calls},
    "rows": {"pixxel_async": ours_rows, "aiohttp and json": aiohttp_rows, "openapi-python-client": generated_rows},
    "stac": {"pixxel_async": ours_stac, "aiohttp and json": aiohttp_stac},
    "held": {"pixxel_async": held(ours_stac), "aiohttp and json": held(aiohttp_stac)},
    "decode-stac": decoders("STACItem", FEATURE),
    "decode-order": decoders("OrderItem", ORDER_ITEM),
}
AIOHTTP, GENERATED = "aiohttp and json", "openapi-python-client"
CASES = (
    ("calls", 2_000, 300, f"{{count:,}} calls, {IN_FLIGHT} in flight", AIOHTTP, 1.5),
    ("rows", 30, 2, f"{{count}} x {JOBS:,} rows", GENERATED, 1.0),
    ("stac", 2, 1, "{count} STAC answers of 30 MB", AIOHTTP, 0.8),
    (
        "held",
        2,
        1,
        "lateness of a timer beside {count} STAC answers of 30 MB: greatest (wall), p99 (CPU)",
        AIOHTTP,
        1.0,
    ),
    ("decode-stac", 10_000, 100, "{count:,} x a STAC item with 12 bands, decoded", GENERATED, 1.0),
    ("decode-order", 20_000, 100, "{count:,} x an order item, decoded", GENERATED, 1.0),
)
"""Work, its count, that of a short run, title, the peer, and the CPU of ours as a multiple of the peer's at most."""


def clients(work: str, count: int, generated_in: Path | None) -> list[Client]:
    """Return the clients of one kind of work."""

    def client(name: str) -> Client:
        def command(url: str, folder: Path) -> Sequence[str]:
            return [sys.executable, __file__, name, work, str(count), url, str(generated_in)]

        missing = None
        if name == "openapi-python-client" and generated_in is None:
            missing = "openapi-python-client is not installed, or cannot read the description"
        elif name == "httpx" and importlib.util.find_spec("httpx") is None:
            missing = "pip install httpx"
        return Client(name, command, missing)

    return [client(name) for name in RUNS[work]]


def make_client(folder: Path) -> Path | None:
    """Generate a package from our description by openapi-python-client; None if that is missing or fails."""
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
    """Run all kinds of work; a case's ratios are to ours."""
    cases = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = make_client(Path(scratch))
        async with api() as url:
            for work, full, few, pattern, peer, target in CASES:
                count = few if short else full
                compared = clients(work, count, folder)
                rows = await asyncio.to_thread(interleave, compared, url, Path(scratch), rounds, {})
                title = pattern.format(count=count)
                show(title, rows, 0, left_out(compared))
                show_ratio(rows, peer, target)
                cases.append(as_case(title, 0, rows, left_out(compared)))
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
    """Compare whole processes: the first response, and `pixxel --version` with an idle interpreter."""

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
            for title, compared, target in (
                ("one call, whole process", first, 1.4),
                ("--version, whole process", version, 2.0),
            ):
                rows = await asyncio.to_thread(
                    interleave, compared, url, Path(scratch), rounds if short else 4 * rounds, {}
                )
                show(title, rows, 0, {})
                show_ratio(rows, compared[1].name, target)
                cases.append(as_case(title, 0, rows, {}))
    return cases


if __name__ == "__main__":
    asyncio.run(RUNS[sys.argv[2]][sys.argv[1]](sys.argv[4], int(sys.argv[3])))
