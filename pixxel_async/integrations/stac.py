"""Items and collections of the archive and the catalog as pystac objects that are valid STAC 1.1, and back.

    items = await to_items(client.archives.search(bbox=bbox), limit=100)
    items.save_object("items.json")

The API's rows are close to STAC, but not valid: they name a collection without linking to it, hold empty texts, give
wavelengths in nanometres, and use `proj:epsg` and members of `view:` that no version of the extension has.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterable, Mapping, Sequence
from typing import Any

from ..errors import ConfigError
from ..models import Catalog, STACCollection, STACItem

try:
    import pystac
    from pystac.extensions import eo, projection, raster, sat, scientific, view
    from pystac.utils import datetime_to_str
except ImportError:
    raise ConfigError("STAC objects need an extra: pip install 'pixxel-async[stac]'") from None

__all__ = ["from_item", "to_collection", "to_item", "to_items"]

API = "https://api.pixxel.space"
_PREFIX = "pixxel:"
"""Of members that the extension in whose namespace the API has them does not know."""
_MICROMETRES = 20.0
"""No band of an optical sensor lies beyond; a larger wavelength is in nanometres."""
_VIEW = {"view:off_nadir", "view:incidence_angle", "view:azimuth", "view:sun_azimuth", "view:sun_elevation"}
_SAT = {"sat:orbit_state", "sat:relative_orbit", "sat:absolute_orbit"}
_PROJ = {"proj:code", "proj:wkt2", "proj:geometry", "proj:bbox", "proj:shape", "proj:transform"}
_KNOWN = {"view": _VIEW, "sat": _SAT, "proj": _PROJ, "sci": {"sci:doi", "sci:citation"}, "eo": {"eo:cloud_cover"}}
"""Members of an item's properties by the namespace of their extension."""
_URIS = {
    "eo": eo.SCHEMA_URI,
    "proj": projection.SCHEMA_URI,
    "raster": raster.SCHEMA_URI,
    "sat": sat.SCHEMA_URI,
    "sci": scientific.SCHEMA_URI,
    "view": view.SCHEMA_URI,
}
_BAND = {"fwhm": "full_width_half_max", "solar_irradiance": "solar_illumination"}
"""Members of a band that the extension calls otherwise."""
_TIMES = ("created", "updated")


def to_item(row: STACItem | Catalog, *, api: str = API) -> pystac.Item:
    """Convert an image of the archive, or an entry of the catalog, to a STAC item.

    Args:
        row: of `archives.search`, `archives.list_items`, `search.images` or `catalogs.search`. The id of a catalog
            entry becomes the property `pixxel:catalog_id`.
        api: origin of the API, for the link to a collection.

    Returns:
        An item with the extensions that its members need: eo, projection, raster, view, sat, scientific. Wavelengths
        are in micrometres, `proj:epsg` is `proj:code`, and members that no extension knows begin with `pixxel:`.

    Raises:
        ConfigError: the row has no id or no time.
    """
    source = row.details if isinstance(row, Catalog) else row
    if source is None or not source.id:
        raise ConfigError(f"a STAC item has an id, which this {type(row).__name__} lacks")
    properties, (start, taken_at) = _to_properties(source), _read_times(source)
    if isinstance(row, Catalog) and row.id:
        properties[f"{_PREFIX}catalog_id"] = row.id
    outline = source.geometry.to_dict() if source.geometry is not None else None
    item = pystac.Item(
        source.id, outline, _bbox(source, outline), taken_at, properties,
        start_datetime=start if taken_at is None else None,
        end_datetime=start if taken_at is None else None,
    )  # fmt: skip
    for key, asset in source.assets.items():
        if asset.href:
            item.add_asset(key, pystac.Asset.from_dict(_to_asset(asset.to_dict())))
    _link(item, source.links, source.collection, api)
    item.stac_extensions = sorted(_extensions(item.properties, [asset.extra_fields for asset in item.assets.values()]))
    return item


async def to_items(
    pages: AsyncIterable[STACItem] | AsyncIterable[Catalog], *, limit: int | None = None, api: str = API
) -> pystac.ItemCollection:
    """Convert a listing to a collection of STAC items, each as by `to_item`.

    Args:
        pages: a listing such as `client.archives.search(…)`; further pages are requested as needed.
        limit: number of rows after which to stop; None for all.
        api: origin of the API, for the links to collections.

    Raises:
        ConfigError: the limit is below 1, or a row has no id or no time.
    """
    if limit is not None and limit < 1:
        raise ConfigError(f"limit must be at least 1, not {limit}")
    items: list[pystac.Item] = []
    async for row in pages:
        items.append(to_item(row, api=api))
        if len(items) == limit:
            break
    return pystac.ItemCollection(items, clone_items=False)


def to_collection(row: STACCollection, *, api: str = API) -> pystac.Collection:
    """Convert a collection of the archive to a STAC collection.

    Args:
        row: of `archives.list_collections` or `archives.get_collection`.
        api: origin of the API, for its link to itself.

    Raises:
        ConfigError: it has no id.
    """
    if not row.id:
        raise ConfigError("a STAC collection has an id, which this one lacks")
    spatial = row.extent.spatial.bbox if row.extent is not None and row.extent.spatial is not None else None
    temporal = row.extent.temporal.interval if row.extent is not None and row.extent.temporal is not None else None
    extent = pystac.Extent(
        pystac.SpatialExtent([[float(edge) for edge in box] for box in spatial or [[-180, -90, 180, 90]]]),
        pystac.TemporalExtent([[_parse_time(end) for end in span] for span in temporal or [[None, None]]]),
    )
    collection = pystac.Collection(
        row.id,
        row.description or row.title or row.id,
        extent,
        title=row.title or None,
        license=row.license or "other",
        providers=[
            pystac.Provider.from_dict(_drop_empty(provider.to_dict())) for provider in row.providers if provider.name
        ],
        summaries=pystac.Summaries(_to_summaries(row.summaries)),
        extra_fields=_drop_empty({name: _time_text(getattr(row, f"{name}_at")) for name in _TIMES} | row.extra),
    )
    _link(collection, row.links, None, api)
    return collection


def from_item(item: pystac.Item) -> STACItem:
    """Convert a STAC item, of this or another source, to a row of the API.

    Wavelengths are in micrometres, as the API documents; members of the API that `to_item` renamed are named as there.
    """
    members = item.to_dict(include_self_link=True, transform_hrefs=False)
    properties = {name.removeprefix(_PREFIX): value for name, value in members["properties"].items()}
    properties.pop("catalog_id", None)
    code = str(properties.get("proj:code") or "")
    if code.startswith("EPSG:"):
        properties["proj:epsg"] = int(code.removeprefix("EPSG:"))
    assets = {key: _from_asset(asset) for key, asset in members["assets"].items()}
    return STACItem.from_dict({**members, "properties": properties, "assets": assets})


def _to_properties(row: STACItem) -> dict[str, Any]:
    """Return the properties as their extensions spell them, without empty ones and those that `pystac.Item` takes."""
    if row.properties is None:
        return {}
    properties = _drop_empty(row.properties.to_dict())
    for name in _TIMES:
        properties.pop(name, None)
        if (time := getattr(row.properties, name)) is not None:
            properties[name] = _time_text(time)
    epsg = properties.pop("proj:epsg", None)
    if epsg and "proj:code" not in properties:
        properties["proj:code"] = f"EPSG:{epsg}"
    for name in ("datetime", "start_datetime", "end_datetime"):
        properties.pop(name, None)
    return {_known_name(name): value for name, value in properties.items()}


def _known_name(name: str) -> str:
    """Return a property's name, moved to our own namespace where its extension does not know it."""
    space, colon, rest = name.partition(":")
    return f"{_PREFIX}{rest}" if colon and space in _KNOWN and name not in _KNOWN[space] else name


def _read_times(row: STACItem) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Return when the acquisition began, and its nominal time."""
    properties = row.properties
    taken_at = _with_zone(properties.datetime) if properties is not None else None
    start = (
        _parse_time(properties.extra.get("startdatetime") or getattr(properties, "startdatetime", None))
        if properties
        else None
    )
    if taken_at is None and start is None:
        raise ConfigError(f"a STAC item has a time, which {row.id} lacks")
    return start, taken_at


def _with_zone(time: dt.datetime | None) -> dt.datetime | None:
    return time if time is None or time.tzinfo else time.replace(tzinfo=dt.UTC)


def _parse_time(value: Any) -> dt.datetime | None:
    if isinstance(value, dt.datetime) or not value:
        return _with_zone(value or None)
    try:
        return _with_zone(dt.datetime.fromisoformat(str(value)))
    except ValueError:
        return None


def _time_text(time: Any) -> str | None:
    read = _parse_time(time)
    return None if read is None else str(datetime_to_str(read))


def _drop_empty(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members that are neither null nor empty."""
    return {name: value for name, value in members.items() if value not in (None, "", [], {})}


def _bbox(row: STACItem, outline: Mapping[str, Any] | None) -> list[float] | None:
    """Return the item's own box, else that of its geometry."""
    if len(row.bbox) in (4, 6):
        return [float(edge) for edge in row.bbox]
    if outline is None:
        return None
    positions: list[Sequence[float]] = []
    level = [outline.get("coordinates") or []]
    while level:
        inner = level.pop()
        if inner and isinstance(inner[0], int | float):
            positions.append(inner)
        else:
            level.extend(inner)
    if not positions:
        return None
    east, north = [position[0] for position in positions], [position[1] for position in positions]
    return [min(east), min(north), max(east), max(north)]


def _to_asset(asset: Mapping[str, Any]) -> dict[str, Any]:
    members = _drop_empty(asset)
    if bands := members.get("eo:bands"):
        members["eo:bands"] = [_to_band(band) for band in bands]
    if bands := members.get("raster:bands"):
        members["raster:bands"] = [_drop_empty(band) for band in bands]
    return members


def _to_band(band: Mapping[str, Any]) -> dict[str, Any]:
    """Spell a band as the extension eo does, in micrometres."""
    members = _drop_empty(band)
    if (members.get("center_wavelength") or members.get("fwhm") or 0) > _MICROMETRES:
        for name in members.keys() & {"center_wavelength", "fwhm"}:
            members[name] = round(members[name] / 1000, 9)
    return {_BAND.get(name, name): value for name, value in members.items()}


def _from_asset(asset: Mapping[str, Any]) -> dict[str, Any]:
    names = {stac_name: api_name for api_name, stac_name in _BAND.items()}
    names |= {f"eo:{stac_name}": api_name for stac_name, api_name in names.items()}
    bands = asset.get("eo:bands") or [
        {name.removeprefix("eo:"): value for name, value in band.items()} for band in asset.get("bands") or ()
    ]
    restored = [{names.get(name, name): value for name, value in band.items()} for band in bands]
    return {**asset, "eo:bands": restored} if restored else dict(asset)


def _link(target: pystac.STACObject, links: Sequence[Any], collection: str | None, api: str) -> None:
    """Add the row's links, and one to its collection, which STAC demands of an item that names one."""
    for link in links:
        if link.href and link.rel and link.rel != "root":
            target.add_link(pystac.Link(link.rel, link.href, link.type or None, link.title or None))
    if collection and isinstance(target, pystac.Item):
        target.collection_id = collection
        if not any(link.rel == "collection" for link in links):
            href = f"{api}/v0/archives/collections/{collection}"
            target.add_link(pystac.Link("collection", href, "application/json"))


def _extensions(properties: Mapping[str, Any], assets: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the schema URIs of the extensions in use."""
    spaces = {name.partition(":")[0] for members in (properties, *assets) for name in members if ":" in name}
    return {_URIS[space] for space in spaces & _URIS.keys()}


def _to_summaries(summaries: Any) -> dict[str, Any]:
    """Return summaries as STAC has them: lists, ranges or schemas."""
    if not isinstance(summaries, Mapping):
        return {}
    return {
        name: value if isinstance(value, list | dict) else [value] for name, value in _drop_empty(summaries).items()
    }
