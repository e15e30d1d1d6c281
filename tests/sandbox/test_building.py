"""What a test adds to a sandbox."""

from __future__ import annotations

import pytest

from pixxel_async.errors import ConfigError
from pixxel_async.sandbox import Sandbox

from .conftest import Caller


async def test_a_job_fails_at_a_task(caller: Caller) -> None:
    """Those before it have completed, those after it never begin; the API shows it like any other job."""
    job = caller.sandbox.add_job(tasks=3, fails_at="task-2")
    got = (await caller.call("GET", f"/v0/workflows/{job.workflow_id}/jobs/{job.id}")).json
    assert got["status"] == "failed"
    assert [task["id"] for task in got["tasks"]] == job.task_ids
    assert [task["status"] for task in got["tasks"]] == ["completed", "failed", "created"]


async def test_a_job_runs_as_long_as_was_said(caller: Caller) -> None:
    """From the moment on at which it is added."""
    job = caller.sandbox.add_job(seconds=120)
    path = f"/v0/workflows/{job.workflow_id}/jobs/{job.id}"
    assert (await caller.call("GET", path)).json["status"] == "running"
    await caller.sandbox.advance(minutes=2)
    assert (await caller.call("GET", path)).json["status"] == "completed"


async def test_the_package_of_a_job_takes_its_time_or_fails(caller: Caller) -> None:
    """Each as it was said of it."""
    slow, never = caller.sandbox.add_job(packing=100), caller.sandbox.add_job(packs=False, packing=1)
    paths = [f"/v0/workflows/{job.workflow_id}/jobs/{job.id}/download" for job in (slow, never)]
    for passed, words in ((0, ["pending", "pending"]), (50, ["pending", "failed"]), (50, ["ready", "failed"])):
        await caller.sandbox.advance(passed)
        assert [(await caller.call("PUT", path)).json["status"] for path in paths] == words


async def test_jobs_share_a_workflow_if_that_is_said(caller: Caller) -> None:
    """A workflow of a project of one's own, listed like the others."""
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
def test_what_cannot_be_is_refused(given: dict[str, object]) -> None:
    """A task that is not there, no task at all, a workflow that is not there."""
    with pytest.raises(ConfigError):
        Sandbox().add_job(**given)  # type: ignore[arg-type]


async def test_orders_are_those_that_were_placed(caller: Caller) -> None:
    """Neither a dry run nor what was there from the start; an order whose answer was lost is one."""
    body = caller.valid["orders.create"].body
    assert caller.sandbox.orders == []
    await caller.do("orders.create", json={**body, "dry_run": True})
    assert caller.sandbox.orders == []
    placed = (await caller.do("orders.create")).json
    assert [order.id for order in caller.sandbox.orders] == [placed["id"]]
