"""Recorded packages as STAC items, which pystac, QGIS and STAC browsers read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..._formats.zip_entry import is_raster
from ..text import format_time
from .rows import OutputRow

_FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
_SHA_256 = "1220"
"""Prefix of a SHA-256 as a multihash: code 0x12, length 0x20."""
_TYPES = {".zip": "application/zip", ".tif": "image/tiff; application=geotiff", ".csv": "text/csv", ".png": "image/png"}
_MOST_RASTERS = 1000


def stac_item(listed: OutputRow, rasters: Mapping[str, Path]) -> dict[str, Any]:
    """Convert a fetched package to a STAC 1.1 item; its time is that of the end of its download.

    Args:
        listed: a row of `pixxel list`, with its geometry.
        rasters: paths of its unpacked GeoTIFFs by name.
    """
    name, geometry = str(listed["package"]), listed.get("geometry")
    finished = listed["finished_at"]
    when = finished if isinstance(finished, datetime) else datetime.fromtimestamp(0, UTC)
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [_FILE],
        "id": name.replace("/", "-").replace(":", "-"),
        "geometry": geometry,
        "properties": {
            "datetime": format_time(when),
            "created": format_time(when),
            "pixxel:package": name,
            "pixxel:proof": listed["proof"],
        },
        "links": [],
        "assets": {"package": _package(listed)} | {key: _raster(path) for key, path in rasters.items()},
    }
    if geometry is not None:
        item["bbox"] = _bounds(geometry)
    return item


def unpacked_rasters(folder: Path) -> dict[str, Path]:
    """Return the GeoTIFFs below a folder of unpacked files by their names in it."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name: folder / name for name in list(filter(is_raster, names))[:_MOST_RASTERS]}


def _package(listed: OutputRow) -> dict[str, Any]:
    path = str(listed["path"])
    asset: dict[str, Any] = {"href": _href(path), "roles": ["data"], "title": "Package"}
    if media_type := _TYPES.get(Path(path).suffix):
        asset["type"] = media_type
        asset["file:size"] = listed["size"]
        asset |= {"file:checksum": f"{_SHA_256}{listed['sha256']}"} if listed["sha256"] else {}
    return asset


def _raster(path: Path) -> dict[str, Any]:
    return {"href": _href(str(path)), "type": _TYPES[".tif"], "roles": ["data"], "title": path.stem}


def _href(path: str) -> str:
    return path if "://" in path else Path(path).absolute().as_uri()


def _bounds(geometry: Any) -> list[float]:
    points = list(_points(geometry.get("coordinates") or [each["coordinates"] for each in geometry["geometries"]]))
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return [min(xs), min(ys), max(xs), max(ys)]


def _points(coordinates: Any) -> Iterator[tuple[float, float]]:
    if isinstance(coordinates[0], int | float):
        yield float(coordinates[0]), float(coordinates[1])
        return
    for each in coordinates:
        yield from _points(each)
