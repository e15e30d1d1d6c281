"""One polygon from whatever holds it: `area(value)`."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ._formats.geo.shape_file import in_degrees, read_shape
from ._formats.geo.shapes import geojson_of, parse_box
from ._formats.geo.wkt import is_wkt
from .errors import ConfigError
from .models import Geometry

__all__ = ["area"]

_NESTED = 16
"""Levels of collections; those that people have are two deep."""


def area(value: Any) -> Geometry:
    """Return an area as a GeoJSON Polygon or MultiPolygon: two-dimensional, closed, in degrees on WGS 84.

        area("field.geojson")                     area(geopandas.read_file("field.gpkg"))
        area("POLYGON ((75 30, 76 30, …))")       area([75.3, 30.9, 75.4, 31.0])          area(aoi)

    Args:
        value: a shapely geometry or anything else with `__geo_interface__`; a GeoSeries or GeoDataFrame of one row,
            which is reprojected by its CRS; a row with a geometry (an AOI, a catalog entry, a STAC item); GeoJSON as an
            object or a text; well-known text, also with an SRID; a box west, south, east, north; the path of a GeoJSON
            or WKT file. A `crs` member, heights, and a MultiPolygon of one part, all as QGIS writes them, are
            understood; coordinates of another reference system need the extra `geo`.

    Returns:
        The geometry, which every method that takes one accepts.

    Raises:
        ConfigError: the value holds no area or several, is empty, or has coordinates that are not in degrees.
    """
    shape = read_shape(value) if _is_path(value) else geojson_of(value)
    if hasattr(shape, "__geo_interface__"):
        shape = shape.__geo_interface__
    if not isinstance(shape, Mapping):
        raise ConfigError(
            f"{type(value).__name__} is not an area: give GeoJSON, well-known text, a box, a file's path, or a shapely "
            "or geopandas object"
        )
    geometries = list(_find_geometries(in_degrees(shape)))
    if len(geometries) != 1:
        several = f"{len(geometries)} shapes: give one, or their union" if geometries else "no shape: it is empty"
        raise ConfigError(f"one area is needed, but this has {several}")
    polygons = _convert_polygons(geometries[0])
    for ring in (ring for polygon in polygons for ring in polygon):
        _check(ring)
    if len(polygons) == 1:
        return Geometry.from_dict({"type": "Polygon", "coordinates": polygons[0]})
    return Geometry.from_dict({"type": "MultiPolygon", "coordinates": polygons})


def _is_path(value: Any) -> bool:
    if isinstance(value, str):
        return value.lstrip()[:1] != "{" and not is_wkt(value) and parse_box(value) is None
    return isinstance(value, os.PathLike)


def _find_geometries(shape: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield the geometries of a GeoJSON object that are not empty."""
    if not isinstance(shape, Mapping) or depth > _NESTED:
        return
    kind = shape.get("type")
    if kind == "Feature" or (kind is None and "geometry" in shape):
        yield from _find_geometries(shape.get("geometry"), depth + 1)
    elif kind in ("FeatureCollection", "GeometryCollection"):
        for inner in shape.get("features" if kind == "FeatureCollection" else "geometries") or ():
            yield from _find_geometries(inner, depth + 1)
    elif kind is None or shape.get("coordinates"):
        yield shape


Ring = list[list[float]]


def _convert_polygons(shape: Mapping[str, Any]) -> list[list[Ring]]:
    """Return the polygons of a geometry, in two dimensions, rings closed."""
    kind, coordinates = shape.get("type"), shape.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon"):
        raise ConfigError(f"an area is a Polygon or MultiPolygon, not {str(kind)[:40]!r}; draw a polygon around it")
    try:
        parts = [coordinates] if kind == "Polygon" else list(coordinates or ())
        polygons = [[_convert_ring(ring) for ring in part if ring] for part in parts if part]
    except (TypeError, ValueError, IndexError):
        raise ConfigError(f"the {kind} has coordinates that are not lists of numbers") from None
    if not any(polygons):
        raise ConfigError("the area is empty: it has no coordinates")
    return [part for part in polygons if part]


def _convert_ring(positions: Sequence[Sequence[float]]) -> Ring:
    ring = [[float(position[0]), float(position[1])] for position in positions]
    return ring if ring[0] == ring[-1] else [*ring, ring[0]]


def _check(ring: Ring) -> None:
    if len(ring) < 4:
        raise ConfigError(f"a ring of the area has {len(ring) - 1} corners; an area needs at least three")
    for longitude, latitude in ring:
        if not (abs(longitude) <= 180 and abs(latitude) <= 90):
            fault = "is no number" if math.isnan(longitude + latitude) else "is not longitude and latitude in degrees"
            raise ConfigError(
                f"({longitude:g}, {latitude:g}) {fault}; are these projected coordinates, or latitude first? Give "
                "longitude, latitude on WGS 84 (EPSG:4326), or a GeoDataFrame with its CRS"
            )
