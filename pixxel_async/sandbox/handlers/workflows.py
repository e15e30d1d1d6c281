"""Workflows: built elsewhere, listed and priced here."""

from __future__ import annotations

from typing import Any

from ..answers import not_found
from ..clock import zulu
from ..data.entities.jobs import SandboxWorkflow
from ..data.world import Row, World
from ..routes import Ask
from ..rules.rows import match_rows, page

_FILTERS = ("project_id", "id", "name", "created_by", "updated_at")
_PAGE = 50


def find_workflow(world: World, ask: Ask) -> SandboxWorkflow:
    """Return the workflow of the path."""
    id = ask.path["workflow_id"]
    workflow = world.workflows.get(id)
    if workflow is None:
        raise not_found("workflow", id)
    return workflow


def _row(workflow: SandboxWorkflow) -> Row:
    return {
        "id": workflow.id,
        "project_id": workflow.project_id,
        "legacy_project_id": workflow.project_id,
        "name": workflow.name,
        "created_by": workflow.created_by,
        "description": workflow.description,
        "created_at": zulu(workflow.created),
        "updated_at": zulu(workflow.created),
    }


def list_workflows(world: World, ask: Ask) -> Any:
    """Return a page of workflows."""
    filters = {name: ask.query.get(name) for name in _FILTERS} | {"created_at": ask.query.get("created_on")}
    rows = match_rows(
        map(_row, world.workflows.values()), filters, names=world.behaviour.names, times=world.behaviour.created_on
    )
    listed, pagination = page(rows, ask.query.get("limit"), ask.query.get("offset"), _PAGE)
    return {"workflows": listed, "pagination": pagination}


def get_workflow(world: World, ask: Ask) -> Any:
    """Return a workflow of the project in the query."""
    workflow = find_workflow(world, ask)
    if ask.query["project_id"] != workflow.project_id:
        raise not_found("workflow", workflow.id)
    row = _row(workflow)
    del row["legacy_project_id"]
    blocks = [{"name": block.name, "version": block.versions[-1]} for block in workflow.blocks]
    return {**row, "estimated_cost": workflow.cost, "spec": {"blocks": blocks}, "val_errors": list(workflow.errors)}


def estimate(world: World, ask: Ask) -> Any:
    """Return the cost of a run."""
    return {"estimated_cost": find_workflow(world, ask).cost}


HANDLERS = {"workflows.list": list_workflows, "workflows.get": get_workflow, "workflows.estimate": estimate}
