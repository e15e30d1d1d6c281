"""Created objects are listed, advance with the clock, and disappear when deleted."""

from __future__ import annotations

import csv
import io
import struct
import xml.etree.ElementTree as ET

import pytest

from tests.sandbox.conftest import Caller
from tests.sandbox.valid_requests import new_aoi, new_item


async def test_a_job_runs_and_completes_by_the_clock(caller: Caller) -> None:
    """A job's tasks run one after another by the clock, with progress and status, and the job is listed."""
    job = (await caller.do("jobs.create")).json
    path = f"{caller.valid['jobs.list'].path}/{job['id']}"
    assert job["status"] == "running" and [task["status"] for task in job["tasks"]] == [
        "inprogress",
        "created",
        "created",
    ]
    await caller.sandbox.advance(10)
    middle = (await caller.call("GET", path)).json
    assert [task["status"] for task in middle["tasks"]] == ["completed", "inprogress", "created"]
    assert (middle["progress"], middle["finished_at"]) == ("50", "")
    await caller.sandbox.advance(10)
    ended = (await caller.call("GET", path)).json
    assert (ended["status"], ended["progress"]) == ("completed", "100") and ended["finished_at"]
    listed = (await caller.call("GET", f"{caller.valid['jobs.list'].path}?id={job['id']}")).json["jobs"]
    assert [row["status"] for row in listed] == ["completed"]


async def test_the_seeded_running_job_ends(caller: Caller) -> None:
    """The seeded running job ends; it takes thirty times as long as a new one."""
    path = f"{caller.valid['jobs.list'].path}?status=running"
    assert len((await caller.call("GET", path)).json["jobs"]) == 1
    await caller.sandbox.advance(minutes=10)
    assert (await caller.call("GET", path)).json["jobs"] == []


async def test_a_failed_job_names_the_task_that_failed(caller: Caller) -> None:
    """A failed job has a failed last task with progress 100 and a failure type."""
    row = (await caller.call("GET", f"{caller.valid['jobs.list'].path}?status=failed")).json["jobs"][0]
    job = (await caller.call("GET", f"{caller.valid['jobs.list'].path}/{row['id']}")).json
    last = job["tasks"][-1]
    assert (last["status"], last["progress"], last["failure_type"]) == ("failed", 100, "runtime_exception")


async def test_an_aoi_gets_its_assets(caller: Caller) -> None:
    """An AOI goes from started to success and has one asset per scene and one mosaic per day."""
    made = (await caller.do("aois.create")).json
    states = [made["status"]]
    for _ in range(2):
        await caller.sandbox.advance(10)
        states.append((await caller.call("GET", f"/v0/aoi/{made['aoi_id']}")).json["status"])
    assert states == ["started", "running", "success"]
    assets = (await caller.call("GET", f"/v0/aois/{made['aoi_id']}/assets")).json["assets"]
    assert [one["asset_type"] for one in assets] == ["stac_item"] * 2 + ["mosaic"] * 2
    assert (await caller.call("GET", f"/v0/aois?aoi_name={made['name'].replace(' ', '+')}")).json["aois"][0]["aoi_id"]


@pytest.mark.slow
async def test_visualizations_compute_are_changed_and_rolled_back(caller: Caller) -> None:
    """A visualization is created over time; a changed legend is shown until it is rolled back."""
    made = (await caller.do("visualizations.create")).json
    assert made["status"] == "creating"
    await caller.sandbox.advance(10)
    path = f"{caller.valid['visualizations.list'].path}?visualization_id={made['id']}"
    assert [one["status"] for one in (await caller.call("GET", path)).json["visualization"]] == ["success"]
    changed = (await caller.do("visualizations.update_metadata")).json["legend"]
    date, modes = next(iter(changed.items()))
    assert (modes["dynamic"][0]["label"], len(modes["dynamic"]), len(modes["theoretical"])) == ("low", 3, 5)
    back = (await caller.do("visualizations.rollback_metadata")).json
    assert len(back["metadata"]["legend"][date]["dynamic"]) == 5


async def test_the_picture_is_a_png_and_the_style_is_xml(caller: Caller) -> None:
    """The picture is a PNG of its declared size with a palette; the SLD is valid XML for each mode and date."""
    png = (await caller.do("visualizations.png")).body
    assert png[:8] == b"\x89PNG\r\n\x1a\n" and b"PLTE" in png and png.endswith(b"IEND\xaeB`\x82")
    assert struct.unpack(">II", png[16:24]) == (272, 64)
    styles = (await caller.do("visualizations.sld")).json["sld"]
    assert list(styles) == ["dynamic", "theoretical"]
    for text in styles["dynamic"].values():
        assert ET.fromstring(text).tag.endswith("StyledLayerDescriptor")


async def test_an_estimate_creates_no_insight(caller: Caller) -> None:
    """`estimate` answers 200 with a price and creates nothing; without it a 201 insight is listed and completes."""
    body = caller.valid["insights.create"].body
    priced = await caller.do("insights.create", json={**body, "estimate": True})
    assert (priced.status, priced.json) == (200, {"estimate": 15})
    before = (await caller.do("insights.list")).json["insights"]
    made = (await caller.do("insights.create")).json
    await caller.sandbox.advance(20)
    after = (await caller.do("insights.list")).json["insights"]
    assert len(after) == len(before) + 1
    assert [one["status"] for one in after if one["id"] == made["id"]] == ["completed"]


async def test_a_deleted_insight_is_gone(caller: Caller) -> None:
    """Deleting an insight is a 200 without a body, and then a 404."""
    first, again = await caller.do("insights.delete"), await caller.do("insights.delete")
    assert (first.status, first.body, again.status) == (200, b"", 404)


async def test_a_dry_run_places_nothing(caller: Caller) -> None:
    """A dry run returns form and price of the order, which is not listed."""
    body = {"order_items": [new_item(caller.sandbox)]}
    dry = (await caller.do("orders.create", json={**body, "dry_run": True})).json
    assert (await caller.do("orders.list")).json["pagination"]["total"] == 1
    real = (await caller.do("orders.create", json=body)).json
    assert dry["total_amount"] == real["total_amount"] > 0
    assert (dry["status"], real["status"]) == ("UNPAID", "PAID")
    assert (await caller.do("orders.list")).json["pagination"]["total"] == 2


async def test_an_order_is_fulfilled_and_its_imagery_appears(caller: Caller) -> None:
    """An order gets tasks, is fulfilled over time, and appears in catalog and report."""
    order = (await caller.do("orders.create")).json
    item = order["order_items"][0]["id"]
    assert (await caller.call("GET", f"/v0/order-items/{item}")).json["tasks"][0]["status"] == "IN_PROGRESS"
    await caller.sandbox.advance(20)
    assert (await caller.call("GET", f"/v0/order-items/{item}")).json["status"] == "FULFILLED"
    found = (await caller.do("catalogs.search", json={"order_item_ids": [item]})).json["catalogs"]
    assert len(found) == 1
    assert (await caller.call("GET", f"/v0/catalogs/{found[0]['id']}")).json == found[0]
    table = list(csv.DictReader(io.StringIO((await caller.do("reports.orders")).body.decode())))
    assert item in [row["id"] for row in table] and table[0]["created_at"].endswith("+05:30")


async def test_deliveries_reach_their_store(caller: Caller) -> None:
    """A delivery goes from created to success; one to an unknown store is a 404."""
    made = (await caller.do("deliveries.create")).json["deliveries"][0]
    states = [made["status"]]
    for _ in range(2):
        await caller.sandbox.advance(10)
        path = f"/v0/catalogs/deliveries?delivery_id={made['delivery_id']}"
        states.append((await caller.call("GET", path)).json["deliveries"][0]["status"])
    assert states == ["CREATED", "IN_PROGRESS", "SUCCESS"]
    wish = {"catalog_ids": [made["catalog_id"]], "cloud_info": {"config": "nope"}}
    assert (await caller.call("POST", "/v0/catalogs/deliveries", json={"deliveries": [wish]})).status == 404


async def test_secrets_of_a_store_are_never_shown(caller: Caller) -> None:
    """Secrets of a store are never returned; deleting it twice is a 404."""
    made = await caller.do("stores.create")
    listed = await caller.do("stores.list")
    assert b"s3cr3t" not in made.body + listed.body and len(listed.json["stores"]) == 1
    path = f"/v0/stores/{made.json['id']}"
    assert [(await caller.call("DELETE", path)).status for _ in range(2)] == [204, 404]


async def test_a_duplicate_aoi_leaves_the_first_alone(caller: Caller) -> None:
    """A refused creation changes nothing."""
    made = (await caller.do("aois.create")).json
    await caller.do("aois.create", json={**new_aoi(caller.sandbox), "description": "other"})
    assert (await caller.call("GET", f"/v0/aoi/{made['aoi_id']}")).json["description"] == ""
