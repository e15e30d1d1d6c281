"""The catalog of purchased images: search and packages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import frozen

from ..answers import invalid, not_found
from ..data.contents import footprint, raster
from ..data.entities.order_rows import delivery_status, entry_row, status_of_delivery
from ..data.entities.orders import OrderEntry
from ..data.entities.search import search_items, sort_items
from ..data.world import PendingDownload, Row, World
from ..files.archive import ArchiveMember
from ..routes import Ask
from ..rules.rows import page

_PAGE = 2
_LINES = 128


def search(world: World, ask: Ask) -> Any:
    """Return a page of the catalog entries that match every filter."""
    body, catalog = ask.body, world.catalog(ask.now)
    rows = [_row(world, entry, ask.now) for entry in catalog.values() if _matches(entry, body)]
    owners = {id(row["details"]): row for row in rows}
    within = {name: body[name] for name in ("bbox", "intersects", "datetime", "collections", "query") if name in body}
    details = search_items((row["details"] for row in rows), within)
    keys = [_sort_key(key) for key in body.get("sort_by") or ()]
    items, pagination = page(sort_items(details, keys), body.get("limit"), body.get("offset"), _PAGE)
    return {"catalogs": [owners[id(item)] for item in items], "pagination": pagination}


def _matches(entry: OrderEntry, body: Row) -> bool:
    own = {"ids": entry.id, "item_ids": entry.scene.id, "order_ids": entry.order.id, "order_item_ids": entry.line.id}
    return all(not body.get(name) or value in body[name] for name, value in own.items())


def _sort_key(key: Row) -> Row:
    """Read `{"field": …, "direction": …}` or `{member: "ASC"}`."""
    if "field" in key:
        return key
    name, direction = next(iter(key.items()), ("datetime", "ASC"))
    return {"field": name, "direction": direction}


def get_entry(world: World, ask: Ask) -> Any:
    """Return a catalog entry."""
    catalog, id = world.catalog(ask.now), ask.path["catalog_id"]
    if id not in catalog:
        raise not_found("catalog", id)
    return _row(world, catalog[id], ask.now)


def _row(world: World, entry: OrderEntry, now: float) -> Row:
    starts = [row["started_at"] for row in world.deliveries if row["catalog_id"] == entry.id]
    automated = delivery_status(entry.order, entry.line, world.stores, now) or "UNSPECIFIED"
    delivery = status_of_delivery(starts[-1], world.job_seconds, now) if starts else automated
    return entry_row(entry, delivery, world.packing.origin)


def choose_entries(world: World, wish: Row, now: float) -> list[OrderEntry]:
    """Return the entries that a request names by one of its two lists."""
    ids, items = wish.get("catalog_ids") or [], wish.get("order_item_ids") or []
    catalog = world.catalog(now)
    if unknown := [id for id in ids if id not in catalog]:
        raise not_found("catalog", unknown[0])
    if not items:
        return [catalog[id] for id in ids]
    lines = {line.id for _, line in world.lines()}
    if unknown := [id for id in items if id not in lines]:
        raise not_found("order item", unknown[0])
    return [entry for entry in catalog.values() if entry.line.id in items]


def request_download(world: World, ask: Ask) -> Any:
    """Request a package of catalog entries."""
    entries = choose_entries(world, ask.body, ask.now)
    if not entries:
        raise invalid("there is no imagery of these order items yet")
    members = _Imagery(world.seed, tuple(entries))
    download = PendingDownload(world.new_id("catalog download"), "", entries[0].scene.place, members)
    world.downloads[download.id] = download
    return _state(world, download, ask.now)


def get_download(world: World, ask: Ask) -> Any:
    """Return the state of a catalog package."""
    download = world.downloads.get(ask.path["download_id"])
    if download is None or download.owner:
        raise not_found("download", ask.path["download_id"])
    return _state(world, download, ask.now)


def _state(world: World, download: PendingDownload, now: float) -> Row:
    key = f"catalogs/{download.id}.zip"
    packed = world.packing.ask(key, download.id, world.bundle(key, download.place, download.members), now)
    word = {"pending": "in_progress", "ready": "success", "failed": "failed"}[packed.state]
    return {"id": download.id, "status": word, "signed_url": packed.link}


@frozen
class _Imagery:
    """Make the members of a catalog package: the raster and its footprint."""

    seed: int | str
    entries: tuple[OrderEntry, ...]

    def __call__(self) -> Iterator[ArchiveMember]:
        for entry in self.entries:
            name, place = entry.scene.id, entry.scene.place
            bands = [band for band, _ in entry.scene.satellite.bands]
            yield ArchiveMember(f"{name}/{name}.tif", raster(place, f"{self.seed}/{name}", bands, _LINES))
            yield ArchiveMember(f"{name}/{name}.geojson", footprint(place))


HANDLERS = {
    "catalogs.search": search,
    "catalogs.get": get_entry,
    "catalogs.request_download": request_download,
    "catalogs.get_download": get_download,
}
