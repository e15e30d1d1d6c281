"""The archive: satellites, bandsets, collections, scenes and searches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..answers import not_found
from ..data.entities.imagery import FIREFLY, SATELLITES, SandboxSatellite, Scene
from ..data.entities.search import search_items, sort_items
from ..data.entities.stac import collection_row, link, satellite_row, scene_item
from ..data.world import Row, World
from ..routes import Ask
from ..rules.ids import uuid
from ..rules.rows import page, select_rows, split_values

_PAGE = 10
_ONWARD = "next-"
_BANDSETS = ("Agriculture", "Forestry", "Water quality")


def list_satellites(world: World, ask: Ask) -> Any:
    """Return all satellites."""
    return {"satellites": [satellite_row(satellite) for satellite in _satellites(world)]}


def _satellites(world: World) -> tuple[SandboxSatellite, ...]:
    return (*SATELLITES, FIREFLY) if world.behaviour.firefly else SATELLITES


def list_bandsets(world: World, ask: Ask) -> Any:
    """Return all bandsets."""
    return {"bandsets": list(bandsets(world).values())}


def bandsets(world: World) -> dict[str, Row]:
    """Return the bandsets by id."""
    return {row["id"]: row for row in (_bandset(world, name, nth) for nth, name in enumerate(_BANDSETS))}


def _bandset(world: World, name: str, nth: int) -> Row:
    bands = [{"name": band, "wavelength": length} for band, length in SATELLITES[0].bands[nth:]]
    return {
        "id": uuid(world.seed, "bandset", name),
        "name": name,
        "description": f"{name} bandset",
        "bands": bands,
        "captures": 1,
    }


def list_collections(world: World, ask: Ask) -> Any:
    """Return all collections, or those listed by id."""
    rows = [collection_row(satellite) for satellite in _satellites(world)]
    return {"collections": select_rows(rows, "id", split_values(ask.pairs, "ids", world.behaviour.lists))}


def get_collection(world: World, ask: Ask) -> Any:
    """Return a collection."""
    id = ask.path["collection_id"]
    for satellite in _satellites(world):
        if satellite.collection == id:
            return collection_row(satellite)
    raise not_found("collection", id)


def list_items(world: World, ask: Ask) -> Any:
    """Return a page of a collection's scenes, without a total."""
    get_collection(world, ask)
    scenes = [scene for scene in world.scenes.values() if scene.satellite.collection == ask.path["collection_id"]]
    return _features(world, _items(world, scenes), ask.query.get("limit"), ask.query.get("offset"))


def get_item(world: World, ask: Ask) -> Any:
    """Return a scene."""
    scene = world.scenes.get(ask.path["item_id"])
    if scene is None or scene.satellite.collection != ask.path["collection_id"]:
        raise not_found("item", ask.path["item_id"])
    return scene_item(scene, world.packing.origin)


def search_archive(world: World, ask: Ask) -> Any:
    """Return a page of the scenes that match every filter."""
    body = ask.body
    rows = sort_items(search_items(_items(world, world.scenes.values()), body), body.get("sortby"))
    return _features(world, rows, body.get("limit"), body.get("offset"))


def search_images(world: World, ask: Ask) -> Any:
    """Return the scenes of some satellites in a period, as a map by id."""
    body, filters = ask.body, ask.body.get("filters") or ()
    limit = body.get("limit") or _PAGE
    search = {"datetime": f"{body['start_date']}/{body['end_date']}", "intersects": body["geometry"]}
    search["collections"] = [member["collection_id"] for member in body["satellites"]]
    search["query"] = {member["id"]: {"gte": member["min"], "lte": member["max"]} for member in filters}
    rows = search_items(_items(world, world.scenes.values()), search)
    skip = _rows_before(body, world.behaviour.search_on)
    # ASSUMPTION: the keys of the map are the ids of the scenes, or their numbers.
    by_id = world.behaviour.spelling.items_by == "id"
    items = {row["id"] if by_id else str(at): row for at, row in enumerate(rows[skip : skip + limit], skip)}
    response = {"items": items, "pagination": {"limit": limit, "skip": skip, "total": len(rows)}}
    more = world.behaviour.search_on == "token" and skip + limit < len(rows)
    return response | {"next_token": f"{_ONWARD}{skip + limit}"} if more else response


def _rows_before(body: Row, form: str) -> int:
    """Return the number of rows of earlier pages, in the requested form."""
    position = {"skip": body.get("skip"), "token": body.get("next_token")}.get(form)
    digits = str(position or "").removeprefix(_ONWARD)
    return int(digits) if digits.isdecimal() else 0


def _items(world: World, scenes: Iterable[Scene]) -> list[Row]:
    return [scene_item(scene, world.packing.origin) for scene in scenes]


def _features(world: World, rows: list[Row], limit: Any, offset: Any) -> Row:
    # ASSUMPTION: nothing says which links a list has; `next` where the profile says so and rows are left.
    features, pagination = page(rows, limit, offset, _PAGE)
    after = pagination["offset"] + len(features)
    more = world.behaviour.next_links and after < len(rows)
    links = [link(f"?offset={after}&limit={pagination['limit']}", "Next page", "next")] if more else []
    return {"type": "FeatureCollection", "features": features, "links": [link("", "Collections", "root"), *links]}


HANDLERS = {
    "satellites.list": list_satellites,
    "bandsets.list": list_bandsets,
    "archives.list_collections": list_collections,
    "archives.get_collection": get_collection,
    "archives.list_items": list_items,
    "archives.get_item": get_item,
    "archives.search": search_archive,
    "search.images": search_images,
}
