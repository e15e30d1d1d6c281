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


def workflow(world: World, ask: Ask) -> SandboxWorkflow:
    """Return the workflow of the path."""
    id = ask.path["workflow_id"]
    found = world.workflows.get(id)
    if found is None:
        raise not_found("workflow", id)
    return found


def _row(one: SandboxWorkflow) -> Row:
    return {
        "id": one.id,
        "project_id": one.project_id,
        "legacy_project_id": one.project_id,
        "name": one.name,
        "created_by": one.created_by,
        "description": one.description,
        "created_at": zulu(one.created),
        "updated_at": zulu(one.created),
    }


def list_workflows(world: World, ask: Ask) -> Any:
    """Return a page of workflows."""
    wanted = {name: ask.query.get(name) for name in _FILTERS} | {"created_at": ask.query.get("created_on")}
    rows = match_rows(
        map(_row, world.workflows.values()), wanted, names=world.behaviour.names, times=world.behaviour.created_on
    )
    shown, pagination = page(rows, ask.query.get("limit"), ask.query.get("offset"), _PAGE)
    return {"workflows": shown, "pagination": pagination}


def get_workflow(world: World, ask: Ask) -> Any:
    """Return a workflow of the project in the query."""
    one = workflow(world, ask)
    if ask.query["project_id"] != one.project_id:
        raise not_found("workflow", one.id)
    row = _row(one)
    del row["legacy_project_id"]
    blocks = [{"name": block.name, "version": block.versions[-1]} for block in one.blocks]
    return {**row, "estimated_cost": one.cost, "spec": {"blocks": blocks}, "val_errors": list(one.errors)}


def estimate(world: World, ask: Ask) -> Any:
    """Return the cost of a run."""
    return {"estimated_cost": workflow(world, ask).cost}


HANDLERS = {"workflows.list": list_workflows, "workflows.get": get_workflow, "workflows.estimate": estimate}
