"""Every member that the vendor's document declares occurs in some response of the sandbox."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import aiohttp
import pytest
import rasterio

from pixxel_async.sandbox import Sandbox
from pixxel_async.sandbox.clock import at
from pixxel_async.sandbox.routes import Routes

from . import vendor_document as vendor
from .conftest import Caller, Got
from .valid_requests import COLLECTION, SQUARE

ROUTES = Routes().all
FAR = {
    "type": "Polygon",
    "coordinates": [[[lon + 4, lat] for lon, lat in ring] for ring in SQUARE["coordinates"]],
}
Schema = Mapping[str, Any]
Call = Callable[[], Awaitable[Got]]


def resolved(schema: Schema) -> Schema:
    """Return the schema that a reference names, or the schema itself."""
    found: Schema = vendor.load()["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], schema)
    return found


def members(schema: Schema, where: str = "", within: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the path of each member that a value of a schema may have."""
    if schema.get("$ref") in within:
        return
    within = (*within, schema["$ref"]) if "$ref" in schema else within
    schema = resolved(schema)
    for part in schema.get("allOf", ()):
        yield from members(part, where, within)
    for name, inner in schema.get("properties", {}).items():
        yield f"{where}.{name}"
        yield from members(inner, f"{where}.{name}", within)
    for inner, mark in ((schema.get("items"), "[]"), (schema.get("additionalProperties"), "{}")):
        if isinstance(inner, dict):
            yield from members(inner, where + mark, within)


def shown(value: Any, schema: Schema, where: str = "") -> Iterator[str]:
    """Yield the path of each member of a schema that a value has."""
    schema = resolved(schema)
    for part in schema.get("allOf", ()):
        yield from shown(value, part, where)
    if isinstance(value, list):
        for one in value:
            yield from shown(one, schema.get("items", {}), f"{where}[]")
    if not isinstance(value, dict):
        return
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    for name, one in value.items():
        if name in known:
            yield f"{where}.{name}"
            yield from shown(one, known[name], f"{where}.{name}")
        elif isinstance(others, dict):
            yield from shown(one, others, f"{where}{{}}")


def declared(operation: str, got: Got) -> Schema:
    """Return the schema of a response in the vendor's document."""
    answers = vendor.declared(ROUTES[operation].method, ROUTES[operation].template)
    content = answers.get(str(got.status), {"content": {}})["content"].values()
    return next((media["schema"] for media in content), {})


def wanted(caller: Caller, **members: Any) -> dict[str, Any]:
    """Return a tasking order item for two days, starting the day after tomorrow."""
    project, now = next(iter(caller.sandbox.world.projects)), caller.sandbox.clock.now()
    start = at(now).replace(microsecond=0) + timedelta(days=2)
    return {
        "project_id": project,
        "usecase": "agriculture",
        "geometry": COLLECTION,
        "start_date": start.isoformat(),
        "end_date": (start + timedelta(days=2)).isoformat(),
        **members,
    }


async def ordered(caller: Caller, **members: Any) -> dict[str, Any]:
    """Order an item and return it with its tasks."""
    got = await caller.call("POST", "/v0/orders", json={"order_items": [wanted(caller, **members)]})
    assert got.status == 201, got.body
    items = got.json["order_items"]
    full: dict[str, Any] = (await caller.call("GET", f"/v0/order-items/{items[0]['id']}")).json
    return full


async def new_store(caller: Caller) -> str:
    """Create a store and return its id."""
    body = {**caller.valid["stores.create"].body, "name": "for automated deliveries"}
    body["configs"] = {**body["configs"], "path_prefix": "pixxel/"}
    id: str = (await caller.do("stores.create", json=body)).json["id"]
    return id


@pytest.fixture
async def bandset(caller: Caller) -> dict[str, Any]:
    """Return a bandset to order by."""
    made: dict[str, Any] = (await caller.do("bandsets.list")).json["bandsets"][0]
    return made


@pytest.mark.slow
async def test_every_member_of_the_vendor_occurs(caller: Caller, bandset: dict[str, Any]) -> None:
    """Recurring, short and delivered orders and a workflow with errors together show every declared member."""
    store = await new_store(caller)
    chosen, delivery = {"bandset_id": bandset["id"]}, {"config": store, "path": "out"}
    recurring = {"recurrence": "MONTHLY", "no_of_occurrences": 3}
    await ordered(caller, bandset=chosen, cloud_delivery=delivery, **recurring)
    body = {"order_items": [wanted(caller, bandset=chosen, **recurring)]}
    broken = caller.sandbox.add_job(workflow_id=caller.sandbox.add_workflow(broken=True).id)
    flow = f"/v0/workflows/{broken.workflow_id}"
    asks: dict[str, list[Call]] = {operation: [partial(caller.do, operation)] for operation in sorted(ROUTES)}
    placed = caller.sandbox.orders[0].id
    asks["orders.create"].append(partial(caller.call, "POST", "/v0/orders", json=body))
    asks["orders.get"].append(partial(caller.call, "GET", f"/v0/orders/{placed}"))
    asks["order_items.get"].append(
        partial(caller.call, "GET", f"/v0/order-items/{caller.sandbox.orders[0].item_ids[0]}")
    )
    asks["workflows.get"].append(partial(caller.call, "GET", flow, params=caller.valid["workflows.get"].query))
    asks["jobs.get"].append(partial(caller.call, "GET", f"{flow}/jobs/{broken.id}"))
    asks["jobs.create"].append(partial(caller.call, "POST", f"{flow}/jobs", params=caller.valid["jobs.create"].query))
    never: dict[str, list[str]] = {}
    for operation, calls in asks.items():
        met: set[str] = set()
        schema: Schema = {}
        for call in calls:
            got = await call()
            schema = declared(operation, got)
            met |= set(shown(got.json, schema))
        if missing := [path for path in members(schema) if path not in met and schema.get("type") != "string"]:
            never[operation] = missing
    assert never == {}


async def test_uplifts_follow_the_window_and_the_speed(caller: Caller, bandset: dict[str, Any]) -> None:
    """Uplifts depend on window and notice (40, 25, 50 or 0 %), and their sum is charged."""
    start = at(caller.sandbox.clock.now()).replace(microsecond=0)
    for ahead, days, per_cent in ((2, 2, [40]), (2, 5, [25]), (8, 1, [50]), (2, 7, [])):
        window = {"start_date": start + timedelta(days=ahead), "end_date": start + timedelta(days=ahead + days)}
        given = {name: time.isoformat() for name, time in window.items()}
        item = await ordered(caller, bandset={"bandset_id": bandset["id"]}, **given)
        assert [uplift["percentage"] for uplift in item["uplifts"]] == per_cent
        assert item["final_amount"] == item["base_amount"] + sum(uplift["amount"] for uplift in item["uplifts"])
    order = caller.sandbox.add_order(images=2, expedited=True)
    bought = (await caller.call("GET", f"/v0/order-items/{order.item_ids[0]}")).json
    scenes = [scene.id for scene in order.lines[0].scenes]
    assert [(uplift["item_id"], uplift["percentage"]) for uplift in bought["uplifts"]] == [(id, 20) for id in scenes]


async def test_a_recurring_order_has_its_windows(caller: Caller, bandset: dict[str, Any]) -> None:
    """A recurring order has one window per occurrence, equally long, a month apart, on the month's last day at most."""
    december = at(caller.sandbox.clock.now()).replace(month=12, day=1)
    caller.sandbox.step(december.timestamp() - caller.sandbox.clock.now())
    year = at(caller.sandbox.clock.now()).year
    item = await ordered(
        caller,
        bandset={"bandset_id": bandset["id"]},
        start_date=f"{year}-12-31T00:00:00Z",
        end_date=f"{year + 1}-01-03T00:00:00Z",
        recurrence="MONTHLY",
        no_of_occurrences=3,
    )
    assert [one["start"][5:10] for one in item["occurrences"]][:2] == ["12-31", "01-31"]
    assert item["occurrences"][2]["start"][5:8] == "02-" and item["occurrences"][0]["end"][5:10] == "01-03"


async def test_problems_of_an_accepted_item_are_shown(caller: Caller, bandset: dict[str, Any]) -> None:
    """Polygons 300 km apart are a validation error in a 2xx, and feasibility depends on cloud cover."""
    far = {"type": "FeatureCollection", "features": [*COLLECTION["features"], {"type": "Feature", "geometry": FAR}]}
    chosen = {"bandset_id": bandset["id"]}
    item = await ordered(caller, bandset=chosen, geometry=far, cloud_cover=0)
    assert list(item["validation_errors"][0]) == ["geometry"] and item["feasibility_status"] == "FAILED"
    sound = await ordered(caller, bandset=chosen, cloud_cover=5)
    assert (sound["validation_errors"], sound["feasibility_status"]) == ([], "WEAK_SUCCESS")


async def test_an_automated_delivery_has_a_status(caller: Caller, bandset: dict[str, Any]) -> None:
    """An automated delivery is FAILED without its store, or else created, in progress and successful over time."""
    store = await new_store(caller)
    chosen = {"bandset_id": bandset["id"]}
    lost = await ordered(caller, bandset=chosen, cloud_delivery={"config": "nowhere", "path": ""})
    assert lost["tasks"][0]["delivery_status"] == "FAILED"
    item = await ordered(caller, bandset=chosen, cloud_delivery={"config": store, "path": ""})
    assert item["tasks"][0]["delivery_status"] == "CREATED"
    caller.sandbox.step(hours=1)
    again = (await caller.call("GET", f"/v0/order-items/{item['id']}")).json
    assert again["tasks"][0]["delivery_status"] == "SUCCESS"
    body = {"order_item_ids": [item["id"]], "catalog_ids": [], "limit": 1}
    found = (await caller.call("POST", "/v0/catalogs/search", json=body)).json["catalogs"]
    assert [row["delivery_status"] for row in found] == ["SUCCESS"]


@pytest.mark.parametrize(
    ("path", "filters"),
    [
        ("/v0/aois", {"created_at": "yesterday"}),
        ("/v0/workflows", {"created_on": "2025-13-40"}),
        ("/v0/indices", {"type": "nonsense"}),
        ("/v0/indices", {"expression_type": "sum"}),
        ("/v0/order-items", {"type": "GIFT"}),
        ("/v0/order-items", {"status": "lost"}),
        ("/v0/order-items", {"area": "big"}),
        ("/v0/order-items", {"created_at": "soon"}),
        ("/v0/projects", {"page_num": "first"}),
    ],
)
async def test_an_invalid_filter_is_refused(caller: Caller, path: str, filters: dict[str, str]) -> None:
    """An invalid filter value is a 400 that names the filter."""
    got = await caller.call("GET", path, params=filters)
    assert got.status == 400 and next(iter(filters)) in got.json["error"]["message"]
    assert (await caller.call("GET", path)).status == 200


async def test_unlisted_words_are_accepted(caller: Caller) -> None:
    """An unknown job status is no error and finds nothing, since the vendor lists no words."""
    got = await caller.do("jobs.list", params={"status": "queued"})
    assert (got.status, got.json) == (200, {"jobs": []})


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
async def test_thumbnails_are_pictures_without_a_key(caller: Caller) -> None:
    """Thumbnails of archive and ordered scenes need no key, and have the type that the item declares."""
    scene = (await caller.do("archives.get_item")).json
    bought = (await caller.do("catalogs.get")).json["details"]
    for item in (scene, bought):
        thumbnail = item["assets"]["thumbnail"]
        got = await caller.fetch(thumbnail["href"])
        assert (got.status, got.headers["Content-Type"]) == (200, thumbnail["type"])
        with rasterio.MemoryFile(got.body) as file, file.open() as picture:
            assert (picture.count, picture.dtypes[0]) == (3, "uint8") and picture.read().max() > 0
    assert (await caller.fetch(scene["assets"]["thumbnail"]["href"] + "x")).status == 403


async def test_rasters_name_their_bands(caller: Caller) -> None:
    """A raster's band names and wavelengths equal those of its item, in order."""
    entry = (await caller.do("catalogs.get")).json
    await caller.do("catalogs.get_download")
    await caller.sandbox.advance(minutes=5)
    link = (await caller.do("catalogs.get_download")).json["signed_url"]
    with zipfile.ZipFile(io.BytesIO((await caller.fetch(link)).body)) as archive:
        name = next(name for name in archive.namelist() if name.endswith(f"{entry['details']['id']}.tif"))
        raster = archive.read(name)
    bands = entry["details"]["assets"]["data"]["eo:bands"]
    with rasterio.MemoryFile(raster) as file, file.open() as opened:
        assert list(opened.descriptions) == [band["name"] for band in bands]
        tags = [opened.tags(at) for at in opened.indexes]
        assert [float(tag["wavelength"]) for tag in tags] == [band["center_wavelength"] for band in bands]
        assert {tag["wavelength_units"] for tag in tags} == {"nanometers"}
        micrometres = opened.tags(1, ns="IMAGERY")
        assert float(micrometres["CENTRAL_WAVELENGTH_UM"]) == bands[0]["center_wavelength"] / 1000
        assert opened.crs.to_epsg() == entry["details"]["properties"]["proj:epsg"]


@pytest.mark.parametrize(("profile", "rels"), [({}, ["root"]), ({"next_links": True}, ["root", "next"])])
async def test_an_unfinished_list_of_scenes_can_link_onward(
    session: aiohttp.ClientSession, profile: dict[str, bool], rels: list[str]
) -> None:
    """A list of scenes links to the root, and to the next page if the profile says so and scenes are left."""
    async with Sandbox(clock="manual", profile=profile) as sandbox:
        links = (await Caller(sandbox, session).do("archives.list_items")).json["links"]
    assert [link["rel"] for link in links] == rels


def test_descriptions_are_well_formed() -> None:
    """Band names are escaped in the GDAL metadata."""
    from pixxel_async.sandbox.files.geotiff import BandLabel, _metadata

    kind, text = _metadata([BandLabel("a<b&c"), BandLabel("B02", 493.0, 5.5)])[42112]
    assert kind == 2 and isinstance(text, bytes)
    assert ET.fromstring(text.rstrip(b"\0"))[0].text == "a<b&c"
