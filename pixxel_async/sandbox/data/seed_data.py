"""The objects that exist when a sandbox starts."""

from __future__ import annotations

from ..clock import HISTORY, zulu
from .contents import PLACES, SceneLocation, square
from .entities.areas import Area
from .entities.blocks import BLOCKS, SandboxBlock
from .entities.imagery import SATELLITES, SandboxSatellite
from .entities.insights import SandboxInsight
from .entities.jobs import JobRun, JobStep, SandboxWorkflow
from .entities.orders import OrderLine, SandboxOrder
from .entities.pictures import Picture
from .world import Row, World

DAY = 86_400.0
_LONG = 30
"""Duration of the seeded running job, as a multiple of the usual duration."""


def seed(world: World, now: float) -> None:
    """Fill a new world; only the running job depends on the current time."""
    fields = add_project(world, "Field monitoring", "field-monitoring")
    water = add_project(world, "Water bodies", "water-bodies")
    add_project(world, "Trial area", "trial-area")
    crops = add_workflow(world, fields, "Crop health", ("aoi-data", "gap-filled-ndvi", "cropclassification"), 0)
    _add_ended(world, crops, 4)
    _add_ended(world, crops, 1, fails=True)
    add_run(world, crops, now, _LONG * world.job_seconds)
    lakes = add_workflow(world, fields, "Weekly lake survey", ("water-quality-index",), 1)
    _add_ended(world, lakes, 60)
    add_workflow(world, fields, "Change since spring", ("aoi-data", "change-detection"), 2)
    _add_areas(world, fields)
    basins = add_workflow(world, water, "Basin overview", ("aoi-data", "land-use-land-cover"), 3)
    _add_ended(world, basins, 2)


def add_project(world: World, title: str, slug: str) -> str:
    """Add a project; return its id."""
    id = world.new_id("project")
    when = zulu(HISTORY + len(world.projects) * DAY)
    world.projects[id] = {
        "id": id,
        "name": slug,
        "title": title,
        "org_id": world.org_id,
        "created_at": when,
        "updated_at": when,
        "metadata": {},
        "members_count": 3,
    }
    return id


def add_workflow(
    world: World, project: str, name: str, blocks: tuple[str, ...], place: int, errors: tuple[Row, ...] = ()
) -> SandboxWorkflow:
    """Add a workflow of these blocks, at the location of this number, with these validation errors."""
    id = world.new_id("workflow")
    created = HISTORY + (10 + len(world.workflows)) * DAY
    chosen: tuple[SandboxBlock, ...] = tuple(BLOCKS[block] for block in blocks)
    text = f"{name} around {PLACES[place].name}"
    world.workflows[id] = SandboxWorkflow(
        id, project, name, text, world.user_id, created, chosen, PLACES[place], errors
    )
    world.runs[id] = {}
    return world.workflows[id]


def add_run(
    world: World, workflow: SandboxWorkflow, started_at: float, seconds: float, *, fails: bool = False
) -> JobRun:
    """Add a job to a workflow; a failing one fails in its last step."""
    id = world.new_id("job")
    steps = tuple(JobStep(world.new_id("task"), block) for block in workflow.blocks)
    run = JobRun(
        id, workflow.id, world.user_id, started_at, seconds, steps, steps[-1].id if fails else "", workflow.errors
    )
    world.runs[workflow.id][id] = run
    return run


def _add_ended(world: World, workflow: SandboxWorkflow, count: int, *, fails: bool = False) -> None:
    for _ in range(count):
        at = len(world.runs[workflow.id])
        add_run(world, workflow, workflow.created + (1 + 3 * at) * DAY, 240.0 + 30 * (at % 5), fails=fails)


def _add_areas(world: World, project: str) -> None:
    """Add two AOIs with assets, visualizations and insights, and a fulfilled order."""
    for place, satellite in zip(PLACES, (SATELLITES[2], SATELLITES[1]), strict=False):
        add_area(world, f"{place.name} fields", project, (place, satellite), 2, HISTORY, 600.0)
    area = next(iter(world.areas.values()))
    for name in ("gap-filled-ndvi", "farm-boundary-detection"):
        add_insight(world, area, BLOCKS[name], HISTORY + DAY, 300.0, fails=bool(world.insights))
    id, index = world.new_id("visualization"), next(iter(world.indices.values()))
    world.pictures[id] = Picture(id, area, index, world.user_id, world.org_id, HISTORY + DAY, 300.0)
    add_order(world, area, 1, HISTORY + 2 * DAY, 3600.0)


def add_area(
    world: World,
    name: str,
    project: str,
    imaged: tuple[SceneLocation, SandboxSatellite],
    images: int,
    started_at: float,
    seconds: float,
) -> Area:
    """Add an AOI around a location, with a satellite's newest images of it."""
    place, satellite = imaged
    own = [scene for scene in world.scenes.values() if (scene.satellite, scene.place) == (satellite, place)]
    id, text, shape = world.new_id("aoi"), f"Fields around {place.name}", square(place)
    scenes = tuple(own[len(own) - images :])
    area = Area(id, name, text, satellite.id, project, world.user_id, shape, scenes, started_at, seconds)
    world.areas[id] = area
    return area


def add_insight(
    world: World, area: Area, block: SandboxBlock, started_at: float, seconds: float, *, fails: bool = False
) -> SandboxInsight:
    """Add an insight to an AOI."""
    id, inputs = world.new_id("insight"), [port.data(block.name) for port in block.inputs]
    insight = SandboxInsight(
        id, block.title, area.project_id, world.user_id, {}, area, block, inputs, started_at, seconds, fails
    )
    world.insights[id] = insight
    return insight


def add_order(
    world: World, area: Area, items: int, started_at: float, seconds: float, speed: str = "STANDARD"
) -> SandboxOrder:
    """Add an order whose items each buy all images of an AOI, to be delivered at this speed."""
    feature = {"type": "Feature", "properties": {}, "geometry": area.geometry}
    item = {
        "name": area.name,
        "project_id": area.project_id,
        "usecase": "agriculture",
        "geometry": {"type": "FeatureCollection", "features": [feature]},
        "item_ids": [scene.id for scene in area.scenes],
        "cloud_cover": 20,
        "off_nadir": 20,
        "recurrence": "ONCE",
        "delivery_speed": speed,
    }
    lines = tuple(OrderLine(world.new_id("order item"), item, area.scenes) for _ in range(items))
    id = world.new_id("order")
    world.orders[id] = SandboxOrder(id, world.user_id, world.org_id, lines, started_at, seconds)
    return world.orders[id]
