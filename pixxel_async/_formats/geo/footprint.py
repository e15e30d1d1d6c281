"""Read the footprint of a fetched package from the GeoJSON files and rasters in it."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path, PurePath
from typing import Any, BinaryIO, cast

from .geotiff_bounds import Bounds, read_bounds

_LARGEST = 1 << 20
"""Maximum bytes of a footprint; a longer GeoJSON is a result."""
_OUTLINES = (".geojson", ".geojson.json")
_RASTERS = frozenset({".tif", ".tiff"})
_LARGEST_RASTER = 256 << 20
"""Maximum bytes of a compressed raster."""
_MOST_FILES = 10_000
_MOST = 100
"""Maximum of GeoJSON files or rasters read per package."""
# ASSUMPTION: the products' documentation names a footprint and a bounding box as GeoJSON; their file names are guessed.
_NAMES = ("footprint", "bounding", "bbox", "aoi")


def read_outline(path: Path) -> dict[str, Any] | None:
    """Read a package's geometry, in degrees; None if it has none, is not a ZIP, or is gone.

    Files named as a footprint are preferred, then every short GeoJSON, then the bounds of the rasters.

    Args:
        path: path of the package's file, or of the folder that it was unpacked into.
    """
    try:
        if path.is_dir():
            return _of_folder(path)
        if path.suffix.lower() in _RASTERS:
            with path.open("rb") as file:
                return _box([read_bounds(file)])
        with zipfile.ZipFile(path) as archive:
            return _collection(list(_geometries(archive))) or _box(list(_raster_bounds(archive)))
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error):
        return None


def _collection(geometries: list[dict[str, Any]]) -> dict[str, Any] | None:
    if len(geometries) < 2:
        return geometries[0] if geometries else None
    return {"type": "GeometryCollection", "geometries": geometries}


def _box(boxes: list[Bounds | None]) -> dict[str, Any] | None:
    """Return the bounding box of all bounds as a polygon."""
    present = [bounds for bounds in boxes if bounds is not None]
    if not present:
        return None
    west, south = (min(bounds[at] for bounds in present) for at in (0, 1))
    east, north = (max(bounds[at] for bounds in present) for at in (2, 3))
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [[[round(x, 7), round(y, 7)] for x, y in ring]]}


def _raster_bounds(archive: zipfile.ZipFile) -> Iterator[Bounds | None]:
    rasters = (member for member in archive.infolist() if PurePath(member.filename).suffix.lower() in _RASTERS)
    for member in islice(rasters, _MOST):
        # a directory at the end of a compressed member costs unpacking all that stands before it
        if member.compress_type == zipfile.ZIP_STORED or member.file_size <= _LARGEST_RASTER:
            with archive.open(member) as file:
                yield read_bounds(cast(BinaryIO, file))


def _of_folder(folder: Path) -> dict[str, Any] | None:
    """Read the geometry of an unpacked package."""
    files = sorted(each for each in islice(folder.rglob("*"), _MOST_FILES) if each.is_file())
    outlines = [each for each in files if each.name.lower().endswith(_OUTLINES) and each.stat().st_size <= _LARGEST]
    named = [each for each in outlines if any(word in each.name.lower() for word in _NAMES)]
    geometries: list[dict[str, Any]] = []
    for each in (named or outlines)[:_MOST]:
        with suppress(ValueError, RecursionError):
            geometries += _find_geometries(json.loads(each.read_bytes()))
    bounds: list[Bounds | None] = []
    for each in [each for each in files if each.suffix.lower() in _RASTERS][: 0 if geometries else _MOST]:
        with each.open("rb") as file:
            bounds.append(read_bounds(file))
    return _collection(geometries) or _box(bounds)


def _geometries(archive: zipfile.ZipFile) -> Iterator[dict[str, Any]]:
    members = [
        member for member in archive.infolist()
        if member.filename.lower().endswith(_OUTLINES) and member.file_size <= _LARGEST
    ]  # fmt: skip
    named = [member for member in members if any(word in member.filename.lower() for word in _NAMES)]
    for member in (named or members)[:_MOST]:
        with suppress(ValueError, RecursionError):
            yield from _find_geometries(json.loads(archive.read(member)))


def _find_geometries(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the geometries of a GeoJSON value: a geometry, a feature, or a collection of features."""
    match value:
        case {"type": "FeatureCollection", "features": list(features)}:
            for feature in features:
                yield from _find_geometries(feature)
        case {"type": "Feature", "geometry": dict(geometry)}:
            yield from _find_geometries(geometry)
        case {"type": str(), "coordinates": list()} | {"type": "GeometryCollection", "geometries": list()}:
            yield value
