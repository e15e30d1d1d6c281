"""Methods that build a sandbox's state in a test."""

from __future__ import annotations

import pytest

from pixxel_async.errors import ConfigError
from pixxel_async.sandbox import Sandbox
from tests.sandbox.conftest import Caller


async def test_a_job_fails_at_a_task(caller: Caller) -> None:
    """fails_at: earlier tasks have completed, later ones never start, and the API shows the job as failed."""
    job = caller.sandbox.add_job(tasks=3, fails_at="task-2")
    got = (await caller.call("GET", f"/v0/workflows/{job.workflow_id}/jobs/{job.id}")).json
    assert got["status"] == "failed"
    assert [task["id"] for task in got["tasks"]] == job.task_ids
    assert [task["status"] for task in got["tasks"]] == ["completed", "failed", "created"]


async def test_a_job_runs_for_its_seconds(caller: Caller) -> None:
    """seconds: a job runs that long from when it was added."""
    job = caller.sandbox.add_job(seconds=120)
    path = f"/v0/workflows/{job.workflow_id}/jobs/{job.id}"
    assert (await caller.call("GET", path)).json["status"] == "running"
    await caller.sandbox.advance(minutes=2)
    assert (await caller.call("GET", path)).json["status"] == "completed"


async def test_the_package_of_a_job_takes_its_time_or_fails(caller: Caller) -> None:
    """packing and packs set how long packing takes and whether it fails."""
    slow, never = caller.sandbox.add_job(packing=100), caller.sandbox.add_job(packs=False, packing=1)
    paths = [f"/v0/workflows/{job.workflow_id}/jobs/{job.id}/download" for job in (slow, never)]
    for passed, words in ((0, ["pending", "pending"]), (50, ["pending", "failed"]), (50, ["ready", "failed"])):
        await caller.sandbox.advance(passed)
        assert [(await caller.call("PUT", path)).json["status"] for path in paths] == words


async def test_jobs_may_share_a_workflow(caller: Caller) -> None:
    """Jobs may share a workflow of a given project, and are listed in it."""
    project = caller.sandbox.add_project("My project")
    workflow = caller.sandbox.add_workflow("Mine", tasks=2, project=project)
    jobs = [caller.sandbox.add_job(workflow_id=workflow.id) for _ in range(2)]
    listed = (await caller.call("GET", f"/v0/workflows/{workflow.id}/jobs")).json["jobs"]
    assert [row["id"] for row in listed] == [job.id for job in jobs]
    assert all(len(job.task_ids) == 2 for job in jobs)
    assert (await caller.call("GET", f"/v0/projects/{project}")).json["project"]["title"] == "My project"


@pytest.mark.parametrize("given", [
    {"fails_at": "task-4"}, {"fails_at": "second"}, {"tasks": 0}, {"workflow_id": "nope"},
])  # fmt: skip
def test_invalid_arguments_are_refused(given: dict[str, object]) -> None:
    """Unknown tasks and workflows and a job without tasks raise ConfigError."""
    with pytest.raises(ConfigError):
        Sandbox().add_job(**given)  # type: ignore[arg-type]


async def test_orders_lists_placed_orders(caller: Caller) -> None:
    """sandbox.orders lists orders placed over the API, without dry runs and seeded ones."""
    body = caller.valid["orders.create"].body
    assert caller.sandbox.orders == []
    await caller.do("orders.create", json={**body, "dry_run": True})
    assert caller.sandbox.orders == []
    placed = (await caller.do("orders.create")).json
    assert [order.id for order in caller.sandbox.orders] == [placed["id"]]


async def test_an_aoi_has_its_images_and_insights(caller: Caller) -> None:
    """An AOI is listed with its images and insights; its assets are ready at once or after `seconds`."""
    sandbox = caller.sandbox
    ready, later = sandbox.add_aoi(images=3), sandbox.add_aoi(name="Later", seconds=60)
    good, bad = sandbox.add_insight(ready.id), sandbox.add_insight(ready.id, fails=True)
    rows = (await caller.call("GET", "/v0/aois")).json["aois"]
    assert [(row["name"], row["status"]) for row in rows[-2:]] == [(ready.name, "success"), ("Later", "started")]
    assets = (await caller.call("GET", f"/v0/aois/{ready.id}/assets")).json["assets"]
    assert sum(asset["asset_type"] == "stac_item" for asset in assets) == 3
    listed = (await caller.call("GET", f"/v0/aoi/{ready.id}/insights")).json["insights"]
    assert [(row["id"], row["status"]) for row in listed] == [(good.id, "completed"), (bad.id, "failed")]
    await sandbox.advance(60)
    assert (await caller.call("GET", f"/v0/aoi/{later.id}")).json["status"] == "success"


async def test_an_order_has_items_tasks_and_catalog_entries(caller: Caller) -> None:
    """An order has items and tasks at once, and catalog entries once it is fulfilled; it does not count as placed."""
    sandbox = caller.sandbox
    order = sandbox.add_order(items=2, images=3, seconds=60)
    assert sandbox.orders == [] and len(order.task_ids) == len(order.catalog_ids) == 6
    query = f"order_ids={order.id}"
    items = (await caller.call("GET", f"/v0/order-items?{query}")).json["order_items"]
    assert [item["id"] for item in items] == order.item_ids
    assert [task["id"] for item in items for task in item["tasks"]] == order.task_ids
    path = f"/v0/catalogs/{order.catalog_ids[-1]}"
    assert (await caller.call("GET", path)).status == 404
    await sandbox.advance(60)
    assert (await caller.call("GET", path)).json["task_id"] == order.task_ids[-1]
    assert (await caller.call("GET", f"/v0/orders/{order.id}")).json["order_items"][0]["status"] == "FULFILLED"


def test_invalid_aois_insights_and_orders_are_refused() -> None:
    """Too many or no images, an unknown AOI, block or project, and an order without items raise ConfigError."""
    sandbox = Sandbox()
    for add in (
        lambda: sandbox.add_aoi(images=0), lambda: sandbox.add_aoi(images=17), lambda: sandbox.add_order(items=0),
        lambda: sandbox.add_aoi(project_id="x"), lambda: sandbox.add_insight("x"),
        lambda: sandbox.add_insight(sandbox.add_aoi().id, block="x"),
    ):  # fmt: skip
        with pytest.raises(ConfigError):
            add()
