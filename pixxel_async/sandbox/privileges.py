"""Which projects a request is about, and what a key that opens only some of them is shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .answers import RequestRefused
from .data.world import World
from .http.keys import SandboxKey
from .routes import Ask


def demand(world: World, ask: Ask, key: SandboxKey) -> None:
    """Raise `RequestRefused` with 403 when the request is about a project that the key does not open."""
    if key.projects is not None and not key.projects.issuperset(_concerned(world, ask)):
        raise RequestRefused(403, "foreign", "the API key lacks permission in this project")


def shown(key: SandboxKey, value: Any) -> Any:
    """The answer with those rows only whose project the key opens; totals count these."""
    if key.projects is None or not isinstance(value, dict):
        return value
    open_to, made = key.projects, dict(value)
    for name, member in (("projects", "id"), ("aois", "project_id"), ("workflows", "project_id")):
        if name in made:
            # ASSUMPTION: listings leave out what a key does not open, instead of refusing it.
            made[name] = [row for row in made[name] if row[member] in open_to]
    if "count" in made:
        made["count"] = len(made["projects"])
    return made


def _concerned(world: World, ask: Ask) -> Iterator[str]:
    """Ids of the projects that path, query and body name, themselves or by what lies in them."""
    path, body = ask.path, ask.body if isinstance(ask.body, dict) else {}
    items = [item for item in body.get("order_items") or () if isinstance(item, dict)]
    yield from (holder["project_id"] for holder in (path, ask.query, body, *items) if holder.get("project_id"))
    if path.get("workflow_id") in world.workflows:
        yield world.workflows[path["workflow_id"]].project_id
    if path.get("aoi_id") in world.areas:
        yield world.areas[path["aoi_id"]].project_id
    if path.get("order_id") in world.orders:
        yield from (line.wanted["project_id"] for line in world.orders[path["order_id"]].lines)
