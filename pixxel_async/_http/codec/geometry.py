"""Geometries that users give, as GeoJSON in degrees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, TypeAlias

import attrs

from ..._formats.geo.shape_file import in_degrees, read_shape
from ..._formats.geo.shapes import geojson_of
from ...errors import ConfigError
from .serialize import HasGeoInterface, WireObject, as_list, to_wire

__all__ = ["GeometryLike", "box_of", "feature_collection", "geometry_of"]

GeometryLike: TypeAlias = HasGeoInterface | Mapping[str, Any] | Sequence[float] | str | PathLike[str]
"""Whatever holds a geometry: GeoJSON as a model, a mapping or a text; well-known text; a box west, south, east, north;
the `Path` of a GeoJSON or WKT file; a shape of shapely, a frame or a series of geopandas, which is reprojected."""


def box_of(value: Any) -> Any:
    """Return a bounding box: west, south, east, north in degrees; west above east crosses 180 degrees. None stays None.

    Raises:
        ConfigError: it is none.
    """
    if value is None:
        return None
    box = list(as_list("bbox", value))
    if len(box) not in (4, 6) or any(isinstance(each, bool) or not isinstance(each, int | float) for each in box):
        raise ConfigError(f"bbox is four numbers: west, south, east, north in degrees, not {str(box)[:80]}")
    half = len(box) // 2
    (west, south), (east, north) = box[:2], box[half : half + 2]
    _check_degrees([west, south])
    _check_degrees([east, north])
    if south > north:
        raise ConfigError(f"bbox has its south ({south}) above its north ({north}): give west, south, east, north")
    return box


def _check_degrees(position: Any) -> None:
    longitude, latitude = position[0], position[1]
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        raise ConfigError(
            f"({longitude}, {latitude}) is not longitude and latitude in degrees; are these projected coordinates, or "
            "latitude first? GeoJSON takes longitude, latitude in WGS 84 (EPSG:4326)"
        )


_DEPTHS = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}
"""Levels of lists around a position, by type of geometry."""


def _check_geometry(shape: Any, title: str = "the geometry") -> None:
    """Refuse a geometry that is null, empty, no GeoJSON, or not in degrees."""
    if not isinstance(shape, Mapping):
        raise ConfigError(f"{title} is {'missing' if shape is None else 'no object'}: a geometry is needed here")
    kind = shape.get("type")
    if kind == "GeometryCollection":
        parts = shape.get("geometries")
        if not isinstance(parts, list) or not parts:
            raise ConfigError(f"{title} is empty")
        for part in parts:
            _check_geometry(part, title)
        return
    if kind not in _DEPTHS:
        raise ConfigError(f"{title} has the type {str(kind)[:40]!r}; known are {', '.join(_DEPTHS)}")
    level: list[Any] = [shape.get("coordinates")]
    try:
        for _ in range(_DEPTHS[kind]):
            if not level or not all(level):
                raise ConfigError(f"{title} is empty: it has no coordinates")
            level = [inner for outer in level for inner in outer]
        for position in level:
            if not position:
                raise ConfigError(f"{title} is empty: it has no coordinates")
            longitude, latitude = position[0], position[1]
            if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
                _check_degrees(position)
    except (TypeError, IndexError, KeyError):
        raise ConfigError(f"{title} is a {kind} whose coordinates are not lists of numbers") from None


def geometry_of(value: Any) -> Any:
    """Return a bare GeoJSON geometry from a geometry, a feature or a collection of one; None stays None.

    Raises:
        ConfigError: it is none of these, is null or empty, or is not in degrees.
    """
    if value is None:
        return None
    shape = _geojson(value)
    if shape["type"] == "FeatureCollection":
        features = shape.get("features") or []
        if len(features) != 1:
            raise ConfigError(f"one geometry is needed here, not a collection of {len(features)} features")
        shape = features[0]
    if isinstance(shape, Mapping) and shape.get("type") == "Feature":
        _check_geometry(shape.get("geometry"), "the geometry of the feature")
        return WireObject(shape["geometry"])
    _check_geometry(shape)
    return WireObject(shape)


def feature_collection(value: Any) -> Any:
    """Return a GeoJSON FeatureCollection from a geometry, a feature or a collection; None stays None.

    Raises:
        ConfigError: it is none of these.
    """
    if value is None:
        return None
    if attrs.has(type(value)) and hasattr(value, "features"):
        return value.to_dict()
    shape = _geojson(value)
    if shape["type"] == "FeatureCollection":
        features = shape.get("features")
        if not isinstance(features, list) or not features:
            raise ConfigError("the collection has no features: a geometry is needed here")
        for feature in features:
            geometry = feature.get("geometry") if isinstance(feature, Mapping) else None
            _check_geometry(geometry, "the geometry of a feature")
        return shape
    _check_geometry(shape.get("geometry") if shape["type"] == "Feature" else shape)
    feature = shape if shape["type"] == "Feature" else {"type": "Feature", "geometry": shape, "properties": {}}
    return WireObject({"type": "FeatureCollection", "features": [feature]})


def _geojson(value: Any) -> dict[str, Any]:
    """Return a value that users give for a geometry as GeoJSON; texts are no paths, since they may come from others."""
    if isinstance(value, PathLike):
        value = read_shape(value)
    shape = to_wire(value if isinstance(value, Mapping) else geojson_of(value))
    if isinstance(shape, dict) and isinstance(shape.get("type"), str):
        return to_wire(in_degrees(shape)) if "crs" in shape else shape
    raise ConfigError(
        f"a geometry is GeoJSON, well-known text, four numbers, the Path of a file, or has __geo_interface__, which "
        f"{type(value).__name__} does not"
    )
