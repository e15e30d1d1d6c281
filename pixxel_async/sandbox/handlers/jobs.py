"""Jobs, their tasks, and the packages of both."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from ..answers import invalid, not_found
from ..data.contents import list_block_members, list_input_members
from ..data.entities.job_rows import job_detail, job_row
from ..data.entities.jobs import JobRun, JobStep, SandboxWorkflow
from ..data.seed_data import add_run
from ..data.world import World
from ..files.archive import ArchiveMember
from ..routes import Ask
from ..rules.rows import match_rows
from .workflows import find_workflow


def _run(world: World, ask: Ask) -> tuple[SandboxWorkflow, JobRun]:
    workflow, id = find_workflow(world, ask), ask.path["job_id"]
    if id not in world.runs[workflow.id]:
        raise not_found("job", id)
    return workflow, world.runs[workflow.id][id]


def list_jobs(world: World, ask: Ask) -> Any:
    """Return all jobs of a workflow, oldest first."""
    filters = {name: ask.query.get(name) for name in ("id", "status", "created_by")}
    filters["created_at"] = ask.query.get("created_on")
    rows = (job_row(run, ask.now) for run in world.runs[find_workflow(world, ask).id].values())
    return {"jobs": match_rows(rows, filters, times=world.behaviour.created_on)}


def create_job(world: World, ask: Ask) -> Any:
    """Create a job."""
    workflow = find_workflow(world, ask)
    if ask.query["project_id"] != workflow.project_id:
        raise invalid("the workflow belongs to another project")
    return job_detail(add_run(world, workflow, ask.now, world.job_seconds), ask.now)


def get_job(world: World, ask: Ask) -> Any:
    """Return a job with its tasks."""
    return job_detail(_run(world, ask)[1], ask.now)


def request_job(world: World, ask: Ask) -> Any:
    """Request the package of a completed job."""
    workflow, run = _run(world, ask)
    if (status := run.status(ask.now)) != "completed":
        reason = f"job {run.id} is {status}; only a completed job can be packed"
        state = world.refuse_unfinished(reason, ended=status == "failed")
        return {"id": run.id, "workflowId": workflow.id, "status": state, "signed_url": ""}
    key = f"jobs/{workflow.id}/{run.id}.zip"
    packed = world.packing.ask(
        key, run.id, world.bundle(key, workflow.place, lambda: _of_run(world, workflow, run)), ask.now
    )
    return {"id": run.id, "workflowId": workflow.id, "status": packed.state, "signed_url": packed.link}


def request_task(world: World, ask: Ask) -> Any:
    """Request the package of a completed task."""
    workflow, run = _run(world, ask)
    step = next((step for step in run.steps if step.id == ask.path["task_id"]), None)
    if step is None:
        raise not_found("task", ask.path["task_id"])
    ids = {"id": step.id, "job_id": run.id, "workflow_id": workflow.id}
    if step not in run.done(ask.now):
        reason = f"task {step.id} is {run.step_status(step, ask.now)}; only a completed task can be packed"
        return {**ids, "status": world.refuse_unfinished(reason, ended=ask.now >= run.ends), "signed_url": ""}
    key = f"jobs/{workflow.id}/{run.id}/{step.id}.zip"
    packed = world.packing.ask(
        key, step.id, world.bundle(key, workflow.place, lambda: _of_step(world, workflow, step)), ask.now
    )
    return {**ids, "status": packed.state, "signed_url": packed.link}


def _of_step(world: World, workflow: SandboxWorkflow, step: JobStep) -> Iterator[ArchiveMember]:
    return list_block_members(step.block, workflow.place, f"{world.seed}/{step.id}")


def _of_run(world: World, workflow: SandboxWorkflow, run: JobRun) -> Iterator[ArchiveMember]:
    inputs = list_input_members(run.steps[-1].block, workflow.place, f"{world.seed}/{run.id}")
    return chain(inputs, *(_of_step(world, workflow, step) for step in run.steps))


HANDLERS = {
    "jobs.list": list_jobs,
    "jobs.create": create_job,
    "jobs.get": get_job,
    "jobs.request_download": request_job,
    "tasks.request_download": request_task,
}
