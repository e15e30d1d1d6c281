"""Projects, and the ping."""

from __future__ import annotations

from typing import Any

from ..data.world import World
from ..routes import Ask

_PAGE_SIZE = 1000
"""ASSUMPTION: pages are counted from 1 and hold 1000, as in the open-source identity service behind them."""


def ping(world: World, ask: Ask) -> Any:
    """Return `pong`."""
    return "pong"


def list_projects(world: World, ask: Ask) -> Any:
    """Return a page of projects, with the total."""
    number, size = (
        int(ask.query.get("page_num") or world.behaviour.first_page),
        int(ask.query.get("page_size") or _PAGE_SIZE),
    )
    rows, start = list(world.projects.values()), max(0, number - world.behaviour.first_page) * size
    return {"count": len(rows), "projects": rows[start : start + size]}


def get_project(world: World, ask: Ask) -> Any:
    """Return a project."""
    row = {name: value for name, value in world.project(ask.path["project_id"]).items() if name != "members_count"}
    return {"project": row}


HANDLERS = {"ping": ping, "projects.list": list_projects, "projects.get": get_project}
