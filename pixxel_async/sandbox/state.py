"""Let tests add projects, workflows, jobs, AOIs, insights, orders and keys to a sandbox."""

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
from .data.seed_data import add_area, add_insight, add_order, add_project, add_workflow
from .data.world import World
from .http.keys import Keys
from .rules.ids import digest

_SPAN = 60.0
"""Duration in seconds of a task, AOI, insight or order that is added as already finished."""
_IMAGES = 16
"""Archive images of each place by its last satellite."""


class SandboxBuilder:
    """Hold a sandbox's state, and add to it.

    Args:
        world: everything that exists.
        clock: the sandbox's clock.
        keys: the accepted API keys.

    Attributes:
        lock: guards the state, since another thread may serve the sandbox.
    """

    def __init__(self, world: World, clock: Clock, keys: Keys) -> None:
        self.world = world
        self.clock = clock
        self.keys = keys
        self.lock = threading.RLock()
        self._added_orders = set(world.orders)

    @property
    def orders(self) -> list[SandboxOrder]:
        """The orders placed by requests, oldest first, without dry runs and orders that a test added."""
        with self.lock:
            return [order for id, order in self.world.orders.items() if id not in self._added_orders]

    def add_project(self, title: str = "Project of a test") -> str:
        """Add a project; return its id."""
        with self.lock:
            return add_project(self.world, title, title.lower().replace(" ", "-"))

    def add_key(self, *, projects: Collection[str] | None = None, seconds: float = float("inf")) -> str:
        """Add an API key.

        Args:
            projects: ids of the projects that it may use; None for all.
            seconds: lifetime from now.
        """
        with self.lock:
            key = f"sandbox-{digest(self.world.new_id('key')).hex()[:32]}"
            return self.keys.add(key, ends=self.clock.now() + seconds, projects=projects)

    def add_workflow(
        self, name: str = "Workflow of a test", *, tasks: int = 3, project: str | None = None, broken: bool = False
    ) -> SandboxWorkflow:
        """Add a workflow.

        Args:
            name: its name in the API.
            tasks: number of blocks in sequence; the first reads an AOI.
            project: id of its project; None for the first project.
            broken: whether its last block has an input that nothing fills, which it and its jobs report as a
                validation error.

        Raises:
            ConfigError: the number of tasks is below 1, or the project is unknown.
        """
        if tasks < 1:
            raise ConfigError(f"a workflow has at least one task, not {tasks}")
        with self.lock:
            owner = self._project(project)
            usual = [block for block in BLOCKS if "workflow" in BLOCKS[block].modes]
            blocks = tuple(usual[at % len(usual)] for at in range(tasks))
            errors = (_unconnected_error(blocks),) if broken else ()
            return add_workflow(self.world, owner, name, blocks, len(self.world.workflows) % len(PLACES), errors)

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
        """Add a job; return it with `id`, `workflow_id` and `task_ids`.

        Args:
            tasks: number of tasks; ignored if `workflow_id` is set.
            fails_at: the failing task, counted from 1, such as `task-2`; earlier ones complete, later ones never start.
            seconds: duration of all its tasks from now; 0: already finished.
            packing: seconds from the request for its package until that is ready; None for the sandbox's.
            packs: whether its package can be packed at all.
            workflow_id: its workflow; None adds a new one.

        Raises:
            ConfigError: there is no such task or workflow.
        """
        with self.lock:
            source = self.add_workflow(tasks=tasks) if workflow_id is None else self._workflow(workflow_id)
            steps = tuple(JobStep(self.world.new_id("task"), block) for block in source.blocks)
            failing = _failing_task(steps, fails_at)
            long = seconds or _SPAN * len(steps)
            started_at = self.clock.now() - (0.0 if seconds else long)
            run = JobRun(
                self.world.new_id("job"), source.id, self.world.user_id, started_at, long, steps, failing, source.errors
            )
            self.world.runs[source.id][run.id] = run
            self._set_packing(run.id, packing, packs)
            return run

    def add_aoi(self, images: int = 2, *, name: str = "", seconds: float = 0.0, project_id: str | None = None) -> Area:
        """Add an AOI of Sentinel-2 images; return it with `id`, `name` and `scenes`.

        Args:
            images: number of images, 1 to 16; each is an asset, and so is the mosaic of each day.
            name: its name in the API; empty for a new one.
            seconds: time until its assets are ready; 0: ready now.
            project_id: its project; None for the first.

        Raises:
            ConfigError: there are not so many images, or no such project.
        """
        if not 1 <= images <= _IMAGES:
            raise ConfigError(f"an AOI has 1 to {_IMAGES} images, not {images}")
        with self.lock:
            name = name or f"AOI {len(self.world.areas) + 1} of a test"
            imaged, long = (PLACES[len(self.world.areas) % len(PLACES)], SATELLITES[-1]), seconds or _SPAN
            started_at = self.clock.now() - (0.0 if seconds else long)
            return add_area(self.world, name, self._project(project_id), imaged, images, started_at, long)

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
        """Add an insight to an AOI.

        Args:
            aoi_id: id of the AOI.
            block: name of the processing block.
            fails: whether it fails at its end.
            seconds: duration from now; 0: already finished.
            packing: seconds from the request for its package until that is ready; None for the sandbox's.
            packs: whether its package can be packed at all.

        Raises:
            ConfigError: there is no such AOI or block.
        """
        with self.lock:
            if aoi_id not in self.world.areas or block not in BLOCKS:
                raise ConfigError(f"there is no AOI {aoi_id}, or no block {block}")
            long = seconds or _SPAN
            started_at = self.clock.now() - (0.0 if seconds else long)
            insight = add_insight(self.world, self.world.areas[aoi_id], BLOCKS[block], started_at, long, fails=fails)
            self._set_packing(insight.id, packing, packs)
            return insight

    def add_order(
        self, items: int = 1, *, images: int = 2, seconds: float = 0.0, expedited: bool = False
    ) -> SandboxOrder:
        """Add an archive order; return it with `id`, `item_ids`, `task_ids` and `catalog_ids`.

        Args:
            items: number of order items, all of one new AOI.
            images: images bought by each item; each becomes a task and a catalog entry.
            seconds: time until it is fulfilled and the catalog has its images; 0: fulfilled now.
            expedited: whether it asks for delivery within 24 hours, which costs an uplift for each image.

        Raises:
            ConfigError: it would have no items, or there are not so many images.
        """
        if items < 1:
            raise ConfigError(f"an order has at least one item, not {items}")
        with self.lock:
            area, long = self.add_aoi(images), seconds or _SPAN
            speed = "EXPEDITED" if expedited else "STANDARD"
            order = add_order(self.world, area, items, self.clock.now() - (0.0 if seconds else long), long, speed)
            self._added_orders.add(order.id)
            return order

    def _set_packing(self, id: str, packing: float | None, packs: bool) -> None:
        """Set how long a package takes to pack, and whether it packs at all."""
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


def _unconnected_error(blocks: tuple[str, ...]) -> dict[str, str]:
    """Return the validation error of an input of the last block that nothing fills."""
    return {
        "from": blocks[0],
        "to": blocks[-1],
        "err": "required input is not connected",
        "reason": "no earlier block has an output of this format",
        "component_name": blocks[-1],
    }


def _failing_task(steps: tuple[JobStep, ...], name: str) -> str:
    """Return the id of the task called `task-1` and so on; empty for no task."""
    named = {f"task-{at}": step.id for at, step in enumerate(steps, 1)} | {"": ""}
    if name not in named:
        raise ConfigError(f"fails_at must be one of task-1 to task-{len(steps)}, not {name!r}")
    return named[name]
