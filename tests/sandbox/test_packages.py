"""Packages in the sandbox: requested, packing, ready; their links and contents."""

from __future__ import annotations

import io
import json
import zipfile
from urllib.parse import urlsplit

import aiohttp
import pytest
from rasterio.io import MemoryFile
from rasterio.warp import transform_bounds

from pixxel_async.sandbox import Sandbox
from tests.sandbox.conftest import Caller

KINDS = ["jobs.request_download", "tasks.request_download", "insights.request_download"]
POSTED = [
    ("assets.request_download", "assets.get_download", "download_id", ["IN_PROGRESS", "SUCCESS"]),
    ("catalogs.request_download", "catalogs.get_download", "id", ["in_progress", "success"]),
]


@pytest.mark.parametrize("operation", KINDS)
async def test_a_put_package_is_pending_and_then_ready(caller: Caller, operation: str) -> None:
    """The first PUT starts packing, later ones report its state, and a ready package gets a new link each time."""
    first = (await caller.do(operation)).json
    assert (first["status"], first["signed_url"]) == ("pending", "")
    await caller.sandbox.advance(29)
    assert (await caller.do(operation)).json["status"] == "pending"
    await caller.sandbox.advance(1)
    ready = (await caller.do(operation)).json
    assert ready["status"] == "ready" and ready["signed_url"].startswith(caller.sandbox.storage_url)
    await caller.sandbox.advance(5)
    again = (await caller.do(operation)).json["signed_url"]
    assert again != ready["signed_url"] and urlsplit(again).path == urlsplit(ready["signed_url"]).path


@pytest.mark.parametrize(("post", "get", "member", "words"), POSTED)
async def test_a_posted_package_is_polled_by_get(
    caller: Caller, post: str, get: str, member: str, words: list[str]
) -> None:
    """A POST returns a download id whose GET returns the state, in the words of its group."""
    made = (await caller.do(post)).json
    path = caller.valid[get].path.replace(f"{{{post}}}", made[member])
    states = [made["status"]]
    await caller.sandbox.advance(30)
    ended = (await caller.call("GET", path)).json
    assert [*states, ended["status"]] == words
    assert (await caller.fetch(ended["signed_url"])).status == 200


@pytest.mark.parametrize("operation", [*KINDS, "assets.request_download", "catalogs.request_download"])
async def test_every_package_is_a_valid_zip_of_georeferenced_rasters(caller: Caller, operation: str) -> None:
    """Every package is a valid ZIP, and its TIFFs have a projected CRS, bounds, bands and nodata."""
    made = (await caller.do(operation)).json
    await caller.sandbox.advance(30)
    get = operation.replace("request", "get")
    if get in caller.valid:
        path = caller.valid[get].path.replace(f"{{{operation}}}", made.get("id") or made["download_id"])
        made = (await caller.call("GET", path)).json
    else:
        made = (await caller.do(operation)).json
    got = await caller.fetch(made["signed_url"])
    with zipfile.ZipFile(io.BytesIO(got.body)) as archive:
        assert archive.testzip() is None
        rasters = [name for name in archive.namelist() if name.endswith(".tif")]
        assert rasters
        for name in rasters:
            _check_raster(archive.read(name))


def _check_raster(body: bytes) -> None:
    with MemoryFile(body) as memory, memory.open() as raster:
        floats = raster.dtypes[0] == "float32"
        assert raster.crs.is_projected and raster.crs.to_epsg() // 100 in (326, 327)
        assert raster.res == (10.0, 10.0) and raster.bounds.right - raster.bounds.left == 2560.0
        assert 166_000 < raster.bounds.left < 834_000 and 0 < raster.bounds.bottom < 10_000_000
        assert raster.nodata == (-9999 if floats else 0)
        assert set(raster.dtypes) == {"float32" if floats else "uint16"}
        pixels = raster.read()
        assert pixels.shape == (raster.count, raster.height, raster.width)
        assert (pixels[0, :, 0] == raster.nodata).all() and (pixels[0, :, 10] != raster.nodata).all()


async def test_a_raster_lies_in_its_outline(caller: Caller) -> None:
    """A raster's centre is the centre of the outline in its package."""
    got = await caller.fetch(await caller.link())
    with zipfile.ZipFile(io.BytesIO(got.body)) as archive:
        outline = json.loads(archive.read("outputs/boundary/boundary.geojson"))
        image = archive.read("outputs/2025_02_14/imagery/imagery.tif")
    ring = outline["features"][0]["geometry"]["coordinates"][0]
    with MemoryFile(image) as memory, memory.open() as raster:
        west, south, east, north = transform_bounds(raster.crs, "EPSG:4326", *raster.bounds)
    assert abs((west + east) / 2 - (ring[0][0] + ring[1][0]) / 2) < 1e-3
    assert abs((south + north) / 2 - (ring[0][1] + ring[2][1]) / 2) < 1e-3


async def test_a_job_package_holds_inputs_and_outputs_with_their_specs(caller: Caller) -> None:
    """A job package holds outputs/<group?>/<output>/<file> and inputs/<input>/<file>, with a spec.json in each."""
    job = await caller.fetch(await caller.link())
    task = await caller.fetch(await caller.link("tasks.request_download"))
    with zipfile.ZipFile(io.BytesIO(job.body)) as archive:
        names = archive.namelist()
        spec = json.loads(archive.read("outputs/ndvi/spec.json"))
    assert "inputs/input_image/input_image.tif" in names and "outputs/2025_02_14/imagery/imagery.tif" in names
    assert (spec["name"], spec["format"], spec["metadata"]) == ("ndvi", "raster", {"block-name": "gap-filled-ndvi"})
    with zipfile.ZipFile(io.BytesIO(task.body)) as archive:
        assert all(name.startswith("outputs/") for name in archive.namelist())


async def test_an_insight_package_holds_the_named_members(caller: Caller) -> None:
    """An insight package holds the named inputs and outputs; an unknown name is refused."""
    await caller.do("insights.request_download", json={"inputs": ["input_image"]})
    await caller.sandbox.advance(30)
    link = (await caller.do("insights.request_download", json={"inputs": ["input_image"]})).json["signed_url"]
    with zipfile.ZipFile(io.BytesIO((await caller.fetch(link)).body)) as archive:
        assert archive.namelist() == ["inputs/input_image/input_image.tif", "inputs/input_image/spec.json"]
    assert (await caller.do("insights.request_download", json={"outputs": ["nope"]})).status == 400


async def test_single_packages_can_be_slow_or_fail(caller: Caller) -> None:
    """Packing of single packages may be slow or fail, by id."""
    run = caller.valid["jobs.get"].path.rpartition("/")[2]
    caller.sandbox.packing.slow[run] = 300.0
    caller.sandbox.packing.failing.add(run)
    await caller.do("jobs.request_download")
    await caller.sandbox.advance(60)
    assert (await caller.do("jobs.request_download")).json["status"] == "pending"
    await caller.sandbox.advance(240)
    assert (await caller.do("jobs.request_download")).json == {
        **(await caller.do("jobs.request_download")).json,
        "status": "failed",
        "signed_url": "",
    }


async def test_requests_may_restart_packing(session: aiohttp.ClientSession) -> None:
    """With `restarts` each request restarts packing, so that only a patient client gets the package."""
    async with Sandbox(clock="manual", packing=30.0, restarts=True) as sandbox:
        caller = Caller(sandbox, session)
        for _ in range(3):
            assert (await caller.do("jobs.request_download")).json["status"] == "pending"
            await sandbox.advance(20)
        await sandbox.advance(10)
        assert (await caller.do("jobs.request_download")).json["status"] == "ready"


@pytest.mark.slow
@pytest.mark.parametrize("size", [5_000, 262_144, 1_000_003, 70_000_000])
async def test_package_size_is_exact(session: aiohttp.ClientSession, size: int) -> None:
    """package_size sets the exact size of valid, distinct archives."""
    async with Sandbox(clock="manual", packing=0.0, package_size=size) as sandbox:
        caller = Caller(sandbox, session)
        job = await caller.fetch((await caller.do("jobs.request_download")).json["signed_url"])
        task = await caller.fetch((await caller.do("tasks.request_download")).json["signed_url"])
    assert len(job.body) == len(task.body) == size and job.body != task.body
    with zipfile.ZipFile(io.BytesIO(job.body)) as archive:
        assert archive.testzip() is None


@pytest.mark.slow
async def test_two_sandboxes_of_one_seed_have_the_same_bytes(session: aiohttp.ClientSession) -> None:
    """Ids, bytes and ETags depend on the seed only, not on port, clock or earlier requests."""
    seen = []
    for seed, packing in ((5, 0.0), (5, 1.0), (6, 0.0)):
        async with Sandbox(seed=seed, clock="manual", packing=packing) as sandbox:
            await sandbox.advance(hours=packing)
            caller = Caller(sandbox, session)
            got = await caller.fetch(await caller.link())
            seen.append((sandbox.api_key, sorted(sandbox.world.runs), got.headers["ETag"], got.body))
    assert seen[0] == seen[1]
    assert all(one != other for one, other in zip(seen[0], seen[2], strict=True))


async def test_other_sizes_have_other_tags(session: aiohttp.ClientSession) -> None:
    """Different bytes have different ETags, also in different sandboxes."""
    tags = set()
    for size in (None, 5000, 6000):
        async with Sandbox(clock="manual", packing=0.0, package_size=size) as sandbox:
            caller = Caller(sandbox, session)
            tags.add((await caller.fetch(await caller.link())).headers["ETag"])
    assert len(tags) == 3
