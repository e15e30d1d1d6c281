"""Rows and packages on disk as a GeoDataFrame.

frame(await client.aois.list()).explore()
frame([outcome async for outcome in outcomes])
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from .._formats.geo.footprint import read_outline
from ..errors import ConfigError
from ..events import Downloaded, Skipped

try:
    import geopandas
    from shapely import union_all
    from shapely.errors import ShapelyError
    from shapely.geometry import shape
except ImportError:
    raise ConfigError("GeoDataFrames need an extra: pip install 'pixxel-async[geo]'") from None

__all__ = ["frame"]

_IDS = ("id", "aoi_id", "item_id", "download_id")
_NESTED = ("details", "images", "assets", "features")
"""Members whose geometries are a row's, where it has none itself: of catalog entries, order items, visualizations."""


def frame(rows: Iterable[Any]) -> geopandas.GeoDataFrame:
    """Return rows as a GeoDataFrame in EPSG:4326.

    Args:
        rows: AOIs, images, assets, order items, catalog entries or visualizations, as models or mappings; outcomes of a
            batch (`Downloaded`, `Skipped`); or paths of packages. They may be mixed. Read the rows of a listing first:
            `[row async for row in client.aois.list()]`.

    Returns:
        A row for each row, in their order: `id` first, then its members (those of an image's `properties` too), and
        `geometry`, which is None for a row without one. Several geometries of a row are united. A package on disk has
        the geometry of the footprints or rasters inside.

    Raises:
        ConfigError: the rows are a listing that was not read, or a single row.
    """
    unread = isinstance(rows, AsyncIterable) and not isinstance(rows, Sequence)  # an awaited page is a sequence
    single = attrs.has(type(rows)) and not isinstance(rows, Sequence)
    if unread or single or isinstance(rows, Mapping | str | Path):
        raise ConfigError("frame takes rows: [row async for row in listing], or [row] for a single one")
    records = [_record(row) for row in rows]
    return geopandas.GeoDataFrame(records, columns=_collect_columns(records), geometry="geometry", crs=4326)


def _collect_columns(records: list[dict[str, Any]]) -> list[str]:
    names = dict.fromkeys(name for record in records for name in record)
    return ["id", *(name for name in names if name not in ("id", "geometry")), "geometry"]


def _record(row: Any) -> dict[str, Any]:
    if isinstance(row, Downloaded | Skipped):
        place = row.folder or row.path
        geometry = None if place is None else _unite([read_outline(place)])
        return {"id": str(row.package), **_package_row(row), "geometry": geometry}
    if isinstance(row, str | Path):
        return {"id": str(row), "path": str(row), "geometry": _unite([read_outline(Path(row))])}
    members = dict(row if isinstance(row, Mapping) else row.to_dict())
    geometry = _unite(list(_to_geometries(members)))
    properties = members.pop("properties", None)
    id = next((members.pop(name) for name in _IDS if name in members), None)
    members |= {name: value for name, value in (properties or {}).items() if name not in members}
    return {"id": id, **members, "geometry": geometry}


def _package_row(row: Downloaded | Skipped) -> dict[str, Any]:
    names = ("path", "size", "sha256", "proof", "folder")
    fields = {name: getattr(row, name, None) for name in names}
    return {name: str(value) if isinstance(value, Path) else value for name, value in fields.items()}


def _to_geometries(members: Mapping[str, Any]) -> Iterator[Any]:
    """Yield a row's own geometry, or else those of the rows inside."""
    own = members.get("geometry")
    if isinstance(own, Mapping):
        inner = own.get("features")
        yield from [each.get("geometry") for each in inner] if isinstance(inner, list) else [own]
        return
    for name in _NESTED:
        nested = members.get(name)
        for each in nested if isinstance(nested, list) else [nested]:
            if isinstance(each, Mapping):
                yield from _to_geometries(each)


def _unite(geometries: list[Any]) -> Any:
    """Return the union of GeoJSON geometries as a shapely geometry; None of none, and of broken ones."""
    try:
        shapes = [shape(each) for each in geometries if each]
        return union_all(shapes) if len(shapes) > 1 else shapes[0] if shapes else None
    except (ShapelyError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        return None
