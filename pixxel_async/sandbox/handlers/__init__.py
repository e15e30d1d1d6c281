"""The operations, one file for each group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..data.world import World
from ..routes import Ask
from . import aois, archives, catalogs, insights, jobs, orders, pictures, projects, stores, workflows

Handler = Callable[[World, Ask], Any]
"""Return the JSON value of a success, or a whole `SandboxAnswer`; raise `RequestRefused`."""

_GROUPS: tuple[Mapping[str, Handler], ...] = (
    projects.HANDLERS,
    aois.HANDLERS,
    archives.HANDLERS,
    pictures.HANDLERS,
    insights.HANDLERS,
    workflows.HANDLERS,
    jobs.HANDLERS,
    orders.HANDLERS,
    catalogs.HANDLERS,
    stores.HANDLERS,
)
HANDLERS: dict[str, Handler] = {name: handler for group in _GROUPS for name, handler in group.items()}
"""The handler of every operation in the description."""
