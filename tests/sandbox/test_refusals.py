"""Invalid requests and refused keys."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from pixxel_async.sandbox import Sandbox
from pixxel_async.sandbox.http.keys import AuthForm
from tests.sandbox.conftest import Caller, Got
from tests.sandbox.valid_requests import COLLECTION, new_aoi, new_item, new_store


def refused(got: Got, status: int) -> str:
    """Return the message of an error, after checking status and envelope."""
    assert got.status == status, got.body
    assert set(got.json["error"]) == {"code", "message", "details"}
    message: str = got.json["error"]["message"]
    return message


@pytest.mark.parametrize(("operation", "changes", "words"), [
    ("aois.create", {"json": {"name": "x"}}, "description is required"),
    ("aois.create", {"data": b"{"}, "not JSON"),
    ("aois.create", {"json": None}, "a JSON body is required"),
    ("catalogs.search", {"json": {"ids": "x"}}, "ids must be of type array"),
    ("catalogs.search", {"json": {"limit": True}}, "limit must be of type integer"),
    ("workflows.get", {"params": {}}, "project_id is required"),
    ("jobs.create", {"params": {}}, "project_id is required"),
    ("workflows.list", {"params": {"limit": "many"}}, "limit must be a whole number"),
    ("workflows.list", {"params": {"offset": "-1"}}, "offset must be a whole number"),
    ("catalogs.request_download", {"json": {}}, "exactly one of"),
    ("catalogs.request_download", {"json": {"catalog_ids": ["a"], "order_item_ids": ["b"]}}, "exactly one of"),
    ("deliveries.create", {"json": {"deliveries": [{"cloud_info": {"config": "x"}}]}}, "exactly one of"),
    ("visualizations.update_metadata", {"json": {"visualization_mode": "dynamic", "legend": {}}}, "dynamic_bins"),
    ("visualizations.update_metadata",
     {"json": {"visualization_mode": "dynamic", "legend": {}, "dynamic_bins": 16}}, "at most 15"),
    ("archives.search", {"json": {"datetime": "yesterday"}}, "no time"),
    ("archives.search", {"json": {"bbox": [1, 2, 3]}}, "bbox"),
    ("blocks.list", {"params": {"mode": "x"}}, "mode"),
    ("reports.orders", {"params": {"tz": "Mars/Olympus"}}, "is not a time zone"),
    ("orders.create", {"json": {"order_items": []}}, "must not be empty"),
])  # fmt: skip
async def test_an_invalid_request_is_a_400(caller: Caller, operation: str, changes: dict[str, Any], words: str) -> None:
    """An invalid request is a 400 with a message on types or required members of the description."""
    if "data" in changes:
        changes = {"json": None, **changes}
    assert words in refused(await caller.do(operation, **changes), 400)


@pytest.mark.parametrize("path", [
    "/v0/projects/x", "/v0/aoi/x", "/v0/workflows/x/jobs", "/v0/orders/x", "/v0/catalogs/x", "/v0/blocks/x",
    "/v0/nothing", "/v0/archives/collections/x", "/v0/catalogs/download/x", "/v0/order-items/%2F..%2F",
])  # fmt: skip
async def test_unknown_paths_are_a_404(caller: Caller, path: str) -> None:
    """Unknown ids and paths are a 404; an encoded slash is part of an id."""
    refused(await caller.call("GET", path), 404)


async def test_another_method_is_a_405(caller: Caller) -> None:
    """A path with another method is a 405."""
    refused(await caller.call("DELETE", "/v0/projects"), 405)


async def test_names_are_unique(caller: Caller) -> None:
    """AOIs, indices and stores with a taken name are a 409."""
    for operation, body in (("aois.create", new_aoi(caller.sandbox)), ("stores.create", new_store("a"))):
        assert (await caller.do(operation, json=body)).status < 300
        refused(await caller.do(operation, json=body), 409)
    assert (await caller.do("indices.create")).status == 201
    refused(await caller.do("indices.create"), 409)


async def test_errors_keep_the_declared_type_of_the_answer(caller: Caller) -> None:
    """Errors of PNG and report operations are JSON under image/png and text/csv."""
    png = await caller.do("visualizations.png", json={})
    report = await caller.do("reports.orders", params={"tz": "x/y"})
    refused(png, 400)
    refused(report, 400)
    assert png.headers["Content-Type"].startswith("image/png")
    assert report.headers["Content-Type"].startswith("text/csv")


@pytest.mark.parametrize(("change", "words"), [
    ({"bandset": None}, "bandset_id is required"),
    ({"start_date": "2020-01-01T00:00:00Z"}, "24 hours"),
    ({"end_date": "2000-01-01T00:00:00Z"}, "later than start_date"),
    ({"geometry": {"type": "FeatureCollection", "features": []}}, "geometry"),
    ({"item_ids": ["nope"]}, "unknown item"),
    ({"name": "x" * 101}, "100 characters"),
])  # fmt: skip
async def test_the_rules_of_tasking_are_checked(caller: Caller, change: dict[str, Any], words: str) -> None:
    """Tasking orders need a bandset, a polygon, a day's notice and an end after the start."""
    project = next(iter(caller.sandbox.world.projects))
    item = {
        "project_id": project, "usecase": "agriculture", "geometry": COLLECTION, "bandset": {"bandset_id": "b"},
        "start_date": "2099-01-01T00:00:00Z", "end_date": "2099-01-08T00:00:00Z",
    }  # fmt: skip
    assert (await caller.do("orders.create", json={"order_items": [item]})).status == 201
    assert words in refused(await caller.do("orders.create", json={"order_items": [item | change]}), 400)


async def test_only_ping_needs_no_key(caller: Caller) -> None:
    """Only ping works without a key; other calls are a 403 in the vendor's envelope."""
    assert (await caller.call("GET", "/ping", key="")).json == "pong"
    refused(await caller.call("GET", "/v0/projects", key=""), 403)


@pytest.mark.fault("S-05")
@pytest.mark.parametrize(("key", "status"), [("sandbox-wrong", 403), ("Bearer sandbox-wrong", 403), ("Basic abc", 401)])
async def test_wrong_keys_are_refused(caller: Caller, key: str, status: int) -> None:
    """An unknown key is a 403, an unknown auth scheme a 401."""
    refused(await caller.call("GET", "/v0/projects", key=key), status)


@pytest.mark.parametrize(("form", "raw", "bearer"), [("both", 200, 200), ("raw", 200, 401), ("bearer", 401, 200)])
async def test_the_form_of_the_key_is_a_switch(
    form: AuthForm, raw: int, bearer: int, session: aiohttp.ClientSession
) -> None:
    """`auth_form` accepts the key bare, as Bearer, or both."""
    async with Sandbox(auth_form=form) as sandbox:
        caller = Caller(sandbox, session)
        assert (await caller.call("GET", "/v0/projects")).status == raw
        assert (await caller.call("GET", "/v0/projects", key=f"Bearer {sandbox.api_key}")).status == bearer


async def test_keys_are_added_end_and_are_revoked(caller: Caller) -> None:
    """A second key works until it ends by the sandbox's clock or is revoked."""
    sandbox = caller.sandbox
    sandbox.keys.add("second", ends=sandbox.clock.now() + 60)
    assert (await caller.call("GET", "/v0/projects", key="second")).status == 200
    await sandbox.advance(minutes=1)
    refused(await caller.call("GET", "/v0/projects", key="second"), 403)
    sandbox.keys.revoke(sandbox.api_key)
    refused(await caller.call("GET", "/v0/projects"), 403)


async def test_only_completed_jobs_can_be_packed(caller: Caller) -> None:
    """Packages of running and failed jobs and failed tasks are a 400."""
    world = caller.sandbox.world
    workflow, runs = next(iter(world.runs.items()))
    for run in list(runs.values())[-2:]:
        got = await caller.call("PUT", f"/v0/workflows/{workflow}/jobs/{run.id}/download")
        assert "only a completed job" in refused(got, 400)
        task = f"/v0/workflows/{workflow}/jobs/{run.id}/tasks/{run.steps[-1].id}/download"
        refused(await caller.call("PUT", task), 400)


async def test_an_order_item_that_is_not_fulfilled_has_nothing_to_download(caller: Caller) -> None:
    """A package of an unfulfilled order item is a 400."""
    order = (await caller.do("orders.create", json={"order_items": [new_item(caller.sandbox)]})).json
    wish = {"order_item_ids": [order["order_items"][0]["id"]]}
    refused(await caller.do("catalogs.request_download", json=wish), 400)
    await caller.sandbox.advance(minutes=1)
    assert (await caller.do("catalogs.request_download", json=wish)).status == 201
