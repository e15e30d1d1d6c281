"""Areas of interest and the assets that they get."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from ...clock import at, offset, spaced
from ...rules.geometry import area, centre
from ...rules.ids import uuid
from ..contents import SceneLocation
from .imagery import BY_ID, Scene

Row = dict[str, Any]


@frozen
class Area:
    """An AOI.

    Attributes:
        id, name, description, satellite_id, project_id, geometry, user_id: as in the API.
        scenes: the scenes of its assets.
        started_at: when it was created, in seconds since 1970.
        seconds: time until its assets are ready.
    """

    id: str
    name: str
    description: str
    satellite_id: str
    project_id: str
    user_id: str
    geometry: Row
    scenes: tuple[Scene, ...]
    started_at: float
    seconds: float

    @property
    def place(self) -> SceneLocation:
        """Its centre."""
        return SceneLocation(self.name, *centre(self.geometry))

    @property
    def bands(self) -> list[str]:
        """The names of its satellite's bands."""
        return [name for name, _ in BY_ID[self.satellite_id].bands]

    def progress(self, now: float) -> int:
        """Return its progress, 0 to 100."""
        return max(0, min(100, int(100 * (now - self.started_at) / self.seconds))) if self.seconds else 100

    def status(self, now: float) -> str:
        """Return `started`, then `running`, then `success`."""
        return "success" if self.progress(now) == 100 else "running" if self.progress(now) >= 10 else "started"

    def dates(self) -> list[str]:
        """Return the days of its scenes as visualizations spell them, such as `2024_05_06`."""
        return sorted({f"{at(scene.taken_at):%Y_%m_%d}" for scene in self.scenes})


def area_row(aoi: Area, now: float, images_by: str = "date") -> Row:
    """Render the AOI, its images keyed by `date`, `id` or `number`."""
    # ASSUMPTION: the keys of the images are not documented.
    keys = aoi.dates()
    if images_by != "date":
        keys = [mosaic_id(aoi, date) if images_by == "id" else str(at) for at, date in enumerate(keys)]
    return {
        "aoi_id": aoi.id,
        "name": aoi.name,
        "description": aoi.description,
        "satellite_id": aoi.satellite_id,
        "project_id": aoi.project_id,
        "images": {key: {"status": aoi.status(now)} for key in keys},
        "eo_bands": aoi.bands,
        "geometry": aoi.geometry,
        "progress": aoi.progress(now),
        "status": aoi.status(now),
        "is_favourite": False,
        "created_at": offset(aoi.started_at),
        "updated_at": offset(min(now, aoi.started_at + aoi.seconds)),
        "user_id": aoi.user_id,
        "area_in_sq_m": round(area(aoi.geometry), 2),
        "centroid": centre(aoi.geometry),
    }


def assets(aoi: Area, now: float) -> list[Row]:
    """Return one asset for each scene and one mosaic for each day."""
    singles = [_asset(aoi, "stac_item", scene.id, f"{at(scene.taken_at):%Y-%m-%d}", now) for scene in aoi.scenes]
    days = [date.replace("_", "-") for date in aoi.dates()]
    return singles + [_asset(aoi, "mosaic", f"mosaic {day}", day, now) for day in days]


def mosaic_id(aoi: Area, day: str) -> str:
    """Return the id of the mosaic of a day such as `2024_05_06`, which determines its pixels."""
    dashed = day.replace("_", "-")
    return uuid(aoi.id, "mosaic", f"mosaic {dashed}")


def _asset(aoi: Area, kind: str, name: str, day: str, now: float) -> Row:
    done, id = aoi.progress(now) == 100, uuid(aoi.id, kind, name)
    return {
        "id": id,
        "aoi_id": aoi.id,
        "asset_type": kind,
        "name": name,
        "description": "",
        "date": day,
        "band_list": aoi.bands,
        "geometry": aoi.geometry,
        "area_in_sq_m": round(area(aoi.geometry), 2),
        "centroid": centre(aoi.geometry),
        "path": f"https://storage.example/aois/{aoi.id}/{day.replace('-', '_')}_stac/{id}.tif",
        "progress": aoi.progress(now),
        "resolution": BY_ID[aoi.satellite_id].resolution,
        "status": "success" if done else "creating",
        "visualization_id": "",
        "created_at": spaced(aoi.started_at),
        "updated_at": spaced(min(now, aoi.started_at + aoi.seconds)),
    }
