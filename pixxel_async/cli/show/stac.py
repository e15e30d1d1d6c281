"""Fetched packages as documents of a STAC catalog, which pystac, QGIS and STAC browsers read."""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any

from attrs import Factory, define, frozen

from ..text import format_time
from .rows import OutputRow

CATALOG = "catalog.json"
COLLECTION = "collection.json"
FOLDER_MEMBER = "pixxel:folder"
"""Member of our catalogs that no other catalog has: the folder of the packages, relative to the catalog."""
COUNT_MEMBER = "pixxel:packages"
"""Member of our collections: the number of their items."""
PACKAGE_MEMBER = "pixxel:package"
"""Property of our items that no other item has: the package's text form."""
_VERSION = "1.1.0"
_FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
_SHA_256 = "1220"
"""Prefix of a SHA-256 as a multihash: code 0x12, length 0x20."""
_TYPES = {
    ".zip": "application/zip",
    ".tif": "image/tiff; application=geotiff",
    ".tiff": "image/tiff; application=geotiff",
    ".csv": "text/csv",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".geojson": "application/geo+json",
    ".nc": "application/netcdf",
    ".h5": "application/x-hdf5",
    ".jp2": "image/jp2",
}
_TITLES = ("asset_name", "insight_name", "task_name", "workflow_name")
"""Names of a package in its record, the most particular first."""
_GROUPS = {
    **dict.fromkeys(("job", "task"), "workflow"),
    **dict.fromkeys(("insight", "asset", "picture"), "aoi"),
}
"""What the first id of a package names, by its kind: packages that share it form a collection."""
_PLAIN = re.compile(r"[a-z0-9-]+(_[a-z0-9-]+)*")
_MAX_ID = 120
_WORLD = [-180.0, -90.0, 180.0, 90.0]


@frozen
class Grouping:
    """The collection of a package, or no collection.

    Attributes:
        id: the collection's id, and the name of its folder; `items` for packages without a collection.
        title: as people read it; None for packages without a collection.
    """

    id: str
    title: str | None = None

    @classmethod
    def of(cls, package: str) -> Grouping:
        """Return the grouping of a package by its text form: its workflow, its AOI, or none."""
        kind, _, ids = package.partition(":")
        if (group := _GROUPS.get(kind)) is None:
            return cls("items")
        first = ids.partition("/")[0]
        return cls(stac_id(f"{group}:{first}"), f"{'AOI' if group == 'aoi' else 'Workflow'} {first}")


@define
class Extent:
    """The box and the time that the items of a collection span.

    Attributes:
        ids: ids of the items.
        box: west, south, east, north in degrees; None while no footprint is known.
        times: first and last time.
    """

    ids: list[str] = Factory(list)
    box: list[float] | None = None
    times: tuple[str, str] | None = None

    def add(self, item: Mapping[str, Any]) -> None:
        """Extend it by an item."""
        self.ids.append(item["id"])
        when, box = item["properties"]["datetime"], item.get("bbox")
        first, last = self.times or (when, when)
        self.times = min(first, when), max(last, when)
        if box is not None:
            corners = [(self.box[0], self.box[1]), (self.box[2], self.box[3])] if self.box else []
            self.box = bounds([*corners, (box[0], box[1]), (box[2], box[3])])


def stac_id(text: str) -> str:
    """Return an id, which is also a safe file name: `job:W/J` is `job_W_J`, and no two texts have the same id.

    A text with other characters than lower case letters, digits, `-`, `:` and `/`, and a long one, gets a part of its
    SHA-256 behind it.
    """
    plain = text.replace(":", "_").replace("/", "_")
    if "_" not in text and len(plain) <= _MAX_ID and _PLAIN.fullmatch(plain):
        return plain
    readable = re.sub(r"[^a-z0-9-]+", "_", text.lower()).strip("_")[: _MAX_ID - 17]
    return f"{readable}_x{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:15]}"


def stac_item(
    listed: OutputRow, fields: Mapping[str, Any], files: Mapping[str, Path], geometry: Any, *, home: Path
) -> dict[str, Any]:
    """Convert a fetched package to a STAC 1.1 item.

    Its `datetime` is the day of acquisition where the record has it, as of an AOI's assets, else the end of the
    download, which is always `created`.

    Args:
        listed: a row of `pixxel list`, its path a file, a folder of unpacked files, or a URL.
        fields: the record's fields for name templates.
        files: paths of unpacked files by their names in the package; each becomes an asset.
        geometry: the package's footprint as GeoJSON; None if it is not known.
        home: folder that the item's file will be in; paths are relative to it.
    """
    name, outline = str(listed["package"]), usable_geometry(geometry)
    finished = listed["finished_at"]
    created = finished if isinstance(finished, datetime) else datetime.fromtimestamp(0, UTC)
    properties: dict[str, Any] = {
        "datetime": format_time(_acquired(fields) or created),
        "created": format_time(created),
        PACKAGE_MEMBER: name,
        "pixxel:proof": listed["proof"],
    }
    if title := next((fields[each] for each in _TITLES if fields.get(each)), None):
        properties["title"] = str(title)
    group = Grouping.of(name)
    collected = {"collection": group.id} if group.title else {}
    parent = f"./{COLLECTION}" if group.title else f"../{CATALOG}"
    links = [_link("root", f"../{CATALOG}"), _link("parent", parent)]
    return {
        "type": "Feature",
        "stac_version": _VERSION,
        "stac_extensions": [_FILE],
        "id": stac_id(name),
        **collected,
        "geometry": outline,
        **({"bbox": bounds(_points(outline["coordinates"]))} if outline else {}),
        "properties": properties,
        "links": links + ([_link("collection", parent)] if collected else []),
        "assets": _package(listed, home) | {name: _asset(str(path), home, path.name) for name, path in files.items()},
    }


def stac_collection(group: Grouping, extent: Extent) -> dict[str, Any]:
    """Return the collection of a workflow or an AOI; its file is in the folder of its items."""
    unknown = "" if extent.box else " No footprint is known."
    return {
        "type": "Collection",
        "stac_version": _VERSION,
        "id": group.id,
        "title": group.title,
        "description": f"Packages of {group.title}.{unknown}",
        "license": "other",
        COUNT_MEMBER: len(extent.ids),
        "extent": {
            "spatial": {"bbox": [extent.box or _WORLD]},
            "temporal": {"interval": [list(extent.times or (None, None))]},
        },
        "links": [
            _link("root", f"../{CATALOG}"),
            _link("parent", f"../{CATALOG}"),
            *(_link("item", f"./{item}.json") for item in sorted(extent.ids)),
        ],
    }


def stac_catalog(folder: str, groups: Mapping[Grouping, Extent]) -> dict[str, Any]:
    """Return the catalog of all collections, and of the items that are in none.

    Args:
        folder: the folder or object store of the packages, as the reader of the catalog finds it.
    """
    links = [_link("root", f"./{CATALOG}")]
    for group, extent in sorted(groups.items(), key=lambda each: each[0].id):
        if group.title:
            links.append(_link("child", f"./{group.id}/{COLLECTION}", group.title))
        else:
            links += [_link("item", f"./{group.id}/{item}.json") for item in sorted(extent.ids)]
    return {
        "type": "Catalog",
        "stac_version": _VERSION,
        "id": "pixxel-packages",
        "title": "Pixxel packages",
        "description": "Packages that pixxel-async fetched and verified.",
        FOLDER_MEMBER: folder,
        "links": links,
    }


def usable_geometry(geometry: Any) -> dict[str, Any] | None:
    """Return a geometry as STAC allows it: in degrees, and no collection; None if it is neither.

    Polygons of a collection become a multipolygon; a collection of other shapes becomes its bounding box.
    """
    if not isinstance(geometry, Mapping):
        return None
    parts = list(_flatten(geometry))
    try:
        box = bounds(point for part in parts for point in _points(part["coordinates"]))
    except (TypeError, ValueError, IndexError, KeyError, RecursionError):
        return None
    if not (-180 <= box[0] <= box[2] <= 180 and -90 <= box[1] <= box[3] <= 90):
        return None
    if geometry.get("type") != "GeometryCollection":
        return {"type": geometry["type"], "coordinates": geometry["coordinates"]}
    kinds = {part["type"] for part in parts}
    if kinds <= {"Polygon", "MultiPolygon"}:
        each = [[part["coordinates"]] if part["type"] == "Polygon" else part["coordinates"] for part in parts]
        return {"type": "MultiPolygon", "coordinates": [polygon for polygons in each for polygon in polygons]}
    west, south, east, north = box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def bounds(points: Iterable[tuple[float, float]]) -> list[float]:
    """Return west, south, east and north of points; raises `ValueError` where there is none."""
    xs, ys = zip(*points, strict=True)
    return [min(xs), min(ys), max(xs), max(ys)]


def _flatten(geometry: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if geometry.get("type") == "GeometryCollection":
        for each in geometry.get("geometries") or ():
            yield from _flatten(each)
    else:
        yield geometry


def _points(coordinates: Sequence[Any]) -> Iterator[tuple[float, float]]:
    if isinstance(coordinates[0], int | float):
        x, y = float(coordinates[0]), float(coordinates[1])
        if not (math.isfinite(x) and math.isfinite(y)):
            raise ValueError("a coordinate is not a number")
        yield x, y
        return
    for each in coordinates:
        yield from _points(each)


def _acquired(fields: Mapping[str, Any]) -> datetime | None:
    """Return the day of acquisition from the record's fields."""
    try:
        day = datetime.fromisoformat(str(fields.get("date") or ""))
    except ValueError:
        return None
    return day if day.tzinfo else day.replace(tzinfo=UTC)


def _package(listed: OutputRow, home: Path) -> dict[str, Any]:
    """Return the asset of the fetched file; none where its unpacked files replaced it."""
    path = str(listed["path"])
    if "://" not in path and Path(path).is_dir():
        return {}
    asset = _asset(path, home, "Package") | {"file:size": listed["size"]}
    return {"package": asset | ({"file:checksum": f"{_SHA_256}{listed['sha256']}"} if listed["sha256"] else {})}


def _asset(path: str, home: Path, title: str) -> dict[str, Any]:
    suffix = PurePath(path).suffix.lower()
    kind = {"type": _TYPES[suffix]} if suffix in _TYPES else {}
    role = "metadata" if PurePath(path).name == "spec.json" else "data"
    return {"href": relative(path, home), **kind, "roles": [role], "title": title}


def relative(path: str, home: Path) -> str:
    """Return a path relative to a folder, with slashes; a URL, or a path of another drive, stays absolute.

    Links are followed first: `..` behind a linked folder would lead elsewhere.
    """
    if "://" in path:
        return path
    try:
        return Path(os.path.relpath(os.path.realpath(path), os.path.realpath(home))).as_posix()
    except ValueError:
        return Path(path).absolute().as_uri()


def _link(rel: str, href: str, title: str | None = None) -> dict[str, Any]:
    kind = "application/geo+json" if rel == "item" else "application/json"
    return {"rel": rel, "href": href, "type": kind, **({"title": title} if title else {})}
