"""Values of other libraries that are geometries, as GeoJSON: frames, rows, texts and boxes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import ConfigError
from .wkt import is_wkt, parse_wkt

__all__ = ["GEOGRAPHIC", "box_polygon", "crs_of", "geojson_of", "parse_box", "parse_text"]

GEOGRAPHIC = {"EPSG:4326", "EPSG:4979", "OGC:CRS84", "OGC:CRS84H"}
"""Reference systems of longitude and latitude on WGS 84, in the order that GeoJSON has."""
_NAME = re.compile(r"(?:urn:ogc:def:crs:)?(EPSG|OGC):(?:[0-9.]*:)?([A-Z0-9]+)", re.IGNORECASE)


def geojson_of(value: Any) -> Any:
    """Convert another library's object, a row, a text or a box to GeoJSON; return other values unchanged.

    Args:
        value: a GeoSeries or GeoDataFrame, which is reprojected by its CRS; a row with a geometry (an AOI, a catalog
            entry); a text of GeoJSON or well-known text; four numbers west, south, east, north.

    Raises:
        ConfigError: a text is neither, or a box is none.
    """
    if isinstance(value, str):
        return parse_text(value)
    if callable(getattr(value, "to_crs", None)):
        return _frame_shapes(value)
    if isinstance(value, Mapping) or hasattr(value, "__geo_interface__"):
        return value
    if isinstance(value, Sequence) and len(value) in (4, 6) and all(map(_is_number, value)):
        return box_polygon([float(edge) for edge in value])
    for name in ("geometry", "details"):
        if getattr(value, name, None) is not None:
            return geojson_of(getattr(value, name))
    return value


def _frame_shapes(value: Any) -> Any:
    """Return the shapes of a GeoSeries or GeoDataFrame in degrees, without its other columns."""
    shapes = getattr(value, "geometry", value)
    crs = shapes.crs
    if crs is not None and crs.to_epsg() != 4326:
        shapes = shapes.to_crs(4326)
    return shapes.__geo_interface__


def parse_text(text: str) -> Any:
    """Return a text of GeoJSON or well-known text as GeoJSON; an SRID becomes a member `crs`.

    Raises:
        ConfigError: it is neither.
    """
    if text.lstrip()[:1] == "{":
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise ConfigError(f"the text is not JSON: {text.strip()[:40]!r}") from None
    if (box := parse_box(text)) is not None:
        return box_polygon(box)
    if not is_wkt(text):
        raise ConfigError(
            f"a text is GeoJSON, well-known text or west,south,east,north, not {text[:40]!r}; give a file as a Path"
        )
    shape, srid = parse_wkt(text)
    return shape if srid is None else shape | {"crs": {"properties": {"name": f"EPSG:{srid}"}}}


def parse_box(text: str) -> list[float] | None:
    """Return the numbers of `west,south,east,north`; None if the text has another form."""
    parts = text.split(",") if len(text) < 200 else []
    try:
        return [float(part) for part in parts] if len(parts) in (4, 6) else None
    except ValueError:
        return None


def box_polygon(edges: Sequence[float]) -> dict[str, Any]:
    """Return a box as a polygon; as two where its west is east of its east, which crosses 180 degrees.

    Raises:
        ConfigError: its south is north of its north, or it has no extent.
    """
    half = len(edges) // 2
    (west, south), (east, north) = edges[:2], edges[half : half + 2]
    if not south < north or west == east:
        raise ConfigError(f"a box is west, south, east, north in degrees, not {list(edges)}")
    if west < east:
        return {"type": "Polygon", "coordinates": _ring(west, south, east, north)}
    return {"type": "MultiPolygon", "coordinates": [_ring(west, south, 180, north), _ring(-180, south, east, north)]}


def _ring(west: float, south: float, east: float, north: float) -> list[list[list[float]]]:
    return [[[west, south], [east, south], [east, north], [west, north], [west, south]]]


def crs_of(shape: Mapping[str, Any]) -> str | None:
    """Return the reference system that a GeoJSON object names in its member `crs`, such as `EPSG:32643`; None if none.

    QGIS and GDAL write the member, which today's GeoJSON no longer has.
    """
    named = shape.get("crs")
    properties = named.get("properties") if isinstance(named, Mapping) else None
    name = str(properties.get("name") or "") if isinstance(properties, Mapping) else ""
    match = _NAME.fullmatch(name.strip())
    return f"{match[1]}:{match[2]}".upper() if match else name or None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
