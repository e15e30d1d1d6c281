"""AOIs, their assets, and asset packages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import frozen

from ..answers import RequestRefused, invalid, not_found
from ..data.contents import raster
from ..data.entities.areas import Area, area_row, assets
from ..data.entities.imagery import BY_ID
from ..data.world import PendingDownload, Row, World
from ..files.archive import ArchiveMember
from ..routes import Ask
from ..rules.geometry import rings
from ..rules.rows import match_rows, page, select_rows, split_values

PAGE = 10
_PROVIDERS = ("pixxel", "planetary")
_LINES = 64
"""Lines of an asset's raster."""


def list_aois(world: World, ask: Ask) -> Any:
    """Return a page of AOIs."""
    filters = {name: ask.query.get(name) for name in ("created_at", "updated_at", "aoi_id")}
    filters["name"] = ask.query.get("aoi_name")
    behaviour = world.behaviour
    rows = [area_row(aoi, ask.now, behaviour.spelling.images_by) for aoi in world.areas.values()]
    rows = match_rows(rows, filters, names=behaviour.names, times=behaviour.created_on)
    rows = select_rows(rows, "project_id", split_values(ask.pairs, "project_ids", behaviour.lists))
    aois, pagination = page(rows, ask.query.get("limit"), ask.query.get("offset"), PAGE)
    return {"aois": aois, "pagination": pagination}


def create_aoi(world: World, ask: Ask) -> Any:
    """Create an AOI; names are unique."""
    body = ask.body
    _check(world, body)
    if any(aoi.name == body["name"] for aoi in world.areas.values()):
        raise RequestRefused(409, "conflict", f"an AOI with the name {body['name']} exists")
    scenes = tuple(world.scenes[id] for id in body["item_ids"])
    aoi = Area(
        world.new_id("aoi"),
        body["name"],
        body["description"],
        body["satellite_id"],
        body["project_id"],
        world.user_id,
        body["geometry"],
        scenes,
        ask.now,
        world.job_seconds,
    )
    world.areas[aoi.id] = aoi
    return area_row(aoi, ask.now, world.behaviour.spelling.images_by)


def _check(world: World, body: Row) -> None:
    world.project(body["project_id"])
    if body["provider"] not in _PROVIDERS:
        raise invalid(f"provider must be one of {', '.join(_PROVIDERS)}")
    if body["satellite_id"] not in BY_ID:
        raise not_found("satellite", body["satellite_id"])
    if not rings(body["geometry"]):
        raise invalid("geometry must be a Polygon or a MultiPolygon")
    unknown = [id for id in body["item_ids"] if id not in world.scenes]
    if unknown:
        raise invalid(f"unknown item {unknown[0]}", {"item_ids": unknown})


def get_aoi(world: World, ask: Ask) -> Any:
    """Return an AOI."""
    return area_row(world.area(ask.path["aoi_id"]), ask.now, world.behaviour.spelling.images_by)


def list_assets(world: World, ask: Ask) -> Any:
    """Return a page of an AOI's assets."""
    rows = assets(world.area(ask.path["aoi_id"]), ask.now)
    listed, pagination = page(rows, ask.query.get("limit"), ask.query.get("offset"), PAGE)
    return {"assets": listed, "pagination": pagination}


def request_download(world: World, ask: Ask) -> Any:
    """Request the package of some assets."""
    aoi = world.area(ask.path["aoi_id"])
    chosen = select_rows(assets(aoi, ask.now), "id", ask.body["asset_ids"])
    if not ask.body["asset_ids"] or len(chosen) != len(set(ask.body["asset_ids"])):
        raise invalid("asset_ids must name assets of this AOI")
    if any(asset["status"] != "success" for asset in chosen):
        raise invalid("the assets are not there yet")
    download = PendingDownload(world.new_id("asset download"), aoi.id, aoi.place, _Assets(aoi, tuple(chosen)))
    world.downloads[download.id] = download
    return _state(world, download, ask.now)


def get_download(world: World, ask: Ask) -> Any:
    """Return the state of an asset package."""
    download = world.downloads.get(ask.path["download_id"])
    if download is None or download.owner != ask.path["aoi_id"]:
        raise not_found("download", ask.path["download_id"])
    return _state(world, download, ask.now)


def _state(world: World, download: PendingDownload, now: float) -> Row:
    key = f"aois/{download.owner}/{download.id}.zip"
    make = world.bundle(key, download.place, download.members)
    packed = world.packing.ask(key, download.id, make, now)
    # ASSUMPTION: upper case, as in the vendor's samples; only SUCCESS is shown there.
    word = {"pending": "IN_PROGRESS", "ready": "SUCCESS", "failed": "FAILED"}[packed.state]
    return {"download_id": download.id, "status": word, "signed_url": packed.link}


@frozen
class _Assets:
    """Make the members of an asset package: one GeoTIFF for each band, in a folder for each day."""

    area: Area
    chosen: tuple[Row, ...]

    def __call__(self) -> Iterator[ArchiveMember]:
        for asset in self.chosen:
            for band in asset["band_list"]:
                name = f"{asset['date'].replace('-', '_')}_stac/{asset['name'].replace(' ', '_')}/{band}.tif"
                yield ArchiveMember(name, raster(self.area.place, asset["id"], [band], _LINES))


HANDLERS = {
    "aois.list": list_aois,
    "aois.create": create_aoi,
    "aois.get": get_aoi,
    "assets.list": list_assets,
    "assets.request_download": request_download,
    "assets.get_download": get_download,
}
