"""Restrict a key to its projects: which projects a request touches, and which rows it may see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .answers import RequestRefused
from .data.world import World
from .http.keys import SandboxKey
from .routes import Ask


def check_projects(world: World, ask: Ask, key: SandboxKey) -> None:
    """Raise `RequestRefused` with 403 if the request touches a project that the key may not use."""
    if key.projects is not None and not key.projects.issuperset(_touched_projects(world, ask)):
        raise RequestRefused(403, "foreign", "the API key lacks permission in this project")


def filter_rows(key: SandboxKey, value: Any) -> Any:
    """Filter a response to rows of the key's projects; totals count these rows."""
    if key.projects is None or not isinstance(value, dict):
        return value
    open_to, filtered = key.projects, dict(value)
    for name, member in (("projects", "id"), ("aois", "project_id"), ("workflows", "project_id")):
        if name in filtered:
            # ASSUMPTION: listings leave out objects that a key may not see, instead of refusing the call.
            filtered[name] = [row for row in filtered[name] if row[member] in open_to]
    if "count" in filtered:
        filtered["count"] = len(filtered["projects"])
    return filtered


def _touched_projects(world: World, ask: Ask) -> Iterator[str]:
    """Return the ids of the projects that path, query and body refer to, directly or through what they contain."""
    path, body = ask.path, ask.body if isinstance(ask.body, dict) else {}
    items = [item for item in body.get("order_items") or () if isinstance(item, dict)]
    yield from (holder["project_id"] for holder in (path, ask.query, body, *items) if holder.get("project_id"))
    if path.get("workflow_id") in world.workflows:
        yield world.workflows[path["workflow_id"]].project_id
    if path.get("aoi_id") in world.areas:
        yield world.areas[path["aoi_id"]].project_id
    if path.get("order_id") in world.orders:
        yield from (line.item["project_id"] for line in world.orders[path["order_id"]].lines)
