"""Read the footprint of a fetched package from the GeoJSON files inside its archive."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

_LARGEST = 1 << 20
"""Maximum bytes of a footprint; a longer GeoJSON is a result."""
_MOST = 100
"""Maximum of GeoJSON files read per package."""
# ASSUMPTION: the products' documentation names a footprint and a bounding box as GeoJSON; their file names are guessed.
_NAMES = ("footprint", "bounding", "bbox", "aoi")


def outline(path: Path) -> dict[str, Any] | None:
    """Read a package's geometry, in degrees; None if it has none, is not a ZIP, or is gone.

    Files named as a footprint are preferred; else every short GeoJSON counts.

    Args:
        path: path of the package's file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            found = list(_geometries(archive))
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return None
    if len(found) < 2:
        return found[0] if found else None
    return {"type": "GeometryCollection", "geometries": found}


def _geometries(archive: zipfile.ZipFile) -> Iterator[dict[str, Any]]:
    members = [
        member for member in archive.infolist()
        if member.filename.lower().endswith((".geojson", ".geojson.json")) and member.file_size <= _LARGEST
    ]  # fmt: skip
    named = [member for member in members if any(word in member.filename.lower() for word in _NAMES)]
    for member in (named or members)[:_MOST]:
        with suppress(ValueError, RecursionError):
            yield from _inside(json.loads(archive.read(member)))


def _inside(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the geometries of a GeoJSON value: a geometry, a feature, or a collection of features."""
    match value:
        case {"type": "FeatureCollection", "features": list(features)}:
            for feature in features:
                yield from _inside(feature)
        case {"type": "Feature", "geometry": dict(geometry)}:
            yield from _inside(geometry)
        case {"type": str(), "coordinates": list()} | {"type": "GeometryCollection", "geometries": list()}:
            yield value
