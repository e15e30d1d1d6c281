"""What tests put into a sandbox: projects, workflows, jobs, AOIs, insights, orders, keys."""

from __future__ import annotations

import threading
from collections.abc import Collection

from ..errors import ConfigError
from .clock import Clock
from .data.contents import PLACES
from .data.entities.areas import Area
from .data.entities.blocks import BLOCKS
from .data.entities.imagery import SATELLITES
from .data.entities.insights import SandboxInsight
from .data.entities.jobs import JobRun, JobStep, SandboxWorkflow
from .data.entities.orders import SandboxOrder
from .data.seed_data import area_of, insight_of, order_of, project, workflow
from .data.world import World
from .http.keys import Keys
from .rules.ids import digest

_SPAN = 60.0
"""Seconds that each task of a job took that has ended when it is added; also an AOI, an insight, an order."""
_IMAGES = 16
"""Images that the archive has of each place by its last satellite."""


class SandboxBuilder:
    """What exists in a sandbox, and how to add to it.

    Args:
        world: what exists.
        clock: the sandbox's.
        keys: who may call.

    Attributes:
        lock: held while the state is looked at or changed, since a sandbox may be served by another thread.
    """

    def __init__(self, world: World, clock: Clock, keys: Keys) -> None:
        self.world = world
        self.clock = clock
        self.keys = keys
        self.lock = threading.RLock()
        self._given = set(world.orders)

    @property
    def orders(self) -> list[SandboxOrder]:
        """The orders that were placed by requests, oldest first; dry runs and what a test has added are none."""
        with self.lock:
            return [order for id, order in self.world.orders.items() if id not in self._given]

    def add_project(self, title: str = "Project of a test") -> str:
        """One more project; returns its id."""
        with self.lock:
            return project(self.world, title, title.lower().replace(" ", "-"))

    def add_key(self, *, projects: Collection[str] | None = None, seconds: float = float("inf")) -> str:
        """One more API key.

        Args:
            projects: ids of the projects that it may act in; None for all.
            seconds: from now on until it ends.
        """
        with self.lock:
            key = f"sandbox-{digest(self.world.new_id('key')).hex()[:32]}"
            return self.keys.add(key, ends=self.clock.now() + seconds, projects=projects)

    def add_workflow(
        self, name: str = "Workflow of a test", *, tasks: int = 3, project: str | None = None
    ) -> SandboxWorkflow:
        """One more workflow.

        Args:
            name: as in the API.
            tasks: blocks that it is made of, one after the other; the first reads an AOI.
            project: id of the project; the first one unless given.

        Raises:
            ConfigError: the number of tasks is below 1, or the project is unknown.
        """
        if tasks < 1:
            raise ConfigError(f"a workflow has at least one task, not {tasks}")
        with self.lock:
            owner = self._project(project)
            usual = [block for block in BLOCKS if "workflow" in BLOCKS[block].modes]
            blocks = tuple(usual[at % len(usual)] for at in range(tasks))
            return workflow(self.world, owner, name, blocks, len(self.world.workflows) % len(PLACES))

    def add_job(
        self,
        tasks: int = 3,
        *,
        fails_at: str = "",
        seconds: float = 0.0,
        packing: float | None = None,
        packs: bool = True,
        workflow_id: str | None = None,
    ) -> JobRun:
        """One more job, with the ids `id`, `workflow_id` and `task_ids`.

        Args:
            tasks: how many it has; those of its workflow if that is given.
            fails_at: the task that fails, counted from one: `task-2`. Those before it complete, those after it never
                begin.
            seconds: how long all its tasks take from now on; 0: it has ended already.
            packing: seconds from asking for its package until that is ready; the sandbox's unless given.
            packs: whether its package can be made at all.
            workflow_id: whose job it is; a new workflow's unless given.

        Raises:
            ConfigError: there is no such task or workflow.
        """
        with self.lock:
            one = self.add_workflow(tasks=tasks) if workflow_id is None else self._workflow(workflow_id)
            steps = tuple(JobStep(self.world.new_id("task"), block) for block in one.blocks)
            failing = _failing(steps, fails_at)
            long = seconds or _SPAN * len(steps)
            begun = self.clock.now() - (0.0 if seconds else long)
            run = JobRun(self.world.new_id("job"), one.id, self.world.user_id, begun, long, steps, failing)
            self.world.runs[one.id][run.id] = run
            self._packs(run.id, packing, packs)
            return run

    def add_aoi(self, images: int = 2, *, name: str = "", seconds: float = 0.0, project_id: str | None = None) -> Area:
        """One more AOI of Sentinel-2 images, with the members `id`, `name` and `scenes`.

        Args:
            images: how many it has, up to 16; each of them is an asset, and so is the mosaic of each day.
            name: as in the API; one that is new unless given.
            seconds: how long its assets take from now on; 0: they are there.
            project_id: the first project unless given.

        Raises:
            ConfigError: there are not so many images, or no such project.
        """
        if not 1 <= images <= _IMAGES:
            raise ConfigError(f"an AOI has 1 to {_IMAGES} images, not {images}")
        with self.lock:
            name = name or f"AOI {len(self.world.areas) + 1} of a test"
            seen, long = (PLACES[len(self.world.areas) % len(PLACES)], SATELLITES[-1]), seconds or _SPAN
            begun = self.clock.now() - (0.0 if seconds else long)
            return area_of(self.world, name, self._project(project_id), seen, images, begun, long)

    def add_insight(
        self,
        aoi_id: str,
        *,
        block: str = "gap-filled-ndvi",
        fails: bool = False,
        seconds: float = 0.0,
        packing: float | None = None,
        packs: bool = True,
    ) -> SandboxInsight:
        """One more insight of an AOI.

        Args:
            aoi_id: of the AOI.
            block: name of what it is made with.
            fails: whether it fails at its end.
            seconds: how long it takes from now on; 0: it has ended already.
            packing: seconds from asking for its package until that is ready; the sandbox's unless given.
            packs: whether its package can be made at all.

        Raises:
            ConfigError: there is no such AOI or block.
        """
        with self.lock:
            if aoi_id not in self.world.areas or block not in BLOCKS:
                raise ConfigError(f"there is no AOI {aoi_id}, or no block {block}")
            long = seconds or _SPAN
            begun = self.clock.now() - (0.0 if seconds else long)
            made = insight_of(self.world, self.world.areas[aoi_id], BLOCKS[block], begun, long, fails=fails)
            self._packs(made.id, packing, packs)
            return made

    def add_order(self, items: int = 1, *, images: int = 2, seconds: float = 0.0) -> SandboxOrder:
        """One more archive order, with `id`, `item_ids`, `task_ids` and `catalog_ids`.

        Args:
            items: how many it has, all of them of a new AOI.
            images: that each item buys: as many tasks, and as many entries of the catalog.
            seconds: from now on until it is fulfilled and the catalog has its images; 0: it is.

        Raises:
            ConfigError: it would have no items, or there are not so many images.
        """
        if items < 1:
            raise ConfigError(f"an order has at least one item, not {items}")
        with self.lock:
            area, long = self.add_aoi(images), seconds or _SPAN
            order = order_of(self.world, area, items, self.clock.now() - (0.0 if seconds else long), long)
            self._given.add(order.id)
            return order

    def _packs(self, id: str, packing: float | None, packs: bool) -> None:
        """Say how long the packing of this takes, and whether it can be packed."""
        if packing is not None:
            self.world.packing.slow[id] = packing
        if not packs:
            self.world.packing.failing.add(id)

    def _project(self, id: str | None) -> str:
        owner = id or next(iter(self.world.projects))
        if owner not in self.world.projects:
            raise ConfigError(f"there is no project {owner}")
        return owner

    def _workflow(self, id: str) -> SandboxWorkflow:
        if id not in self.world.workflows:
            raise ConfigError(f"there is no workflow {id}")
        return self.world.workflows[id]


def _failing(steps: tuple[JobStep, ...], name: str) -> str:
    """The id of the task that is meant by `task-1` and so on; empty for none."""
    named = {f"task-{at}": step.id for at, step in enumerate(steps, 1)} | {"": ""}
    if name not in named:
        raise ConfigError(f"fails_at must be one of task-1 to task-{len(steps)}, not {name!r}")
    return named[name]
