"""Files of shapes, and shapes in other reference systems."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..._files import read_named
from ...errors import ConfigError
from ..text_encoding import decode_text
from .shapes import GEOGRAPHIC, crs_of, parse_text

__all__ = ["in_degrees", "read_shape"]

_LARGEST = 64 * 1024 * 1024
"""Bytes of the largest file that is read."""
_BINARY = (".shp", ".gpkg", ".fgb", ".parquet", ".kml", ".kmz", ".zip", ".gml")
"""Formats that geopandas reads."""
_INNER = ("coordinates", "features", "geometry", "geometries")
"""Members of a GeoJSON object that hold positions."""


def read_shape(path: str | os.PathLike[str]) -> Any:
    """Read a file of GeoJSON or well-known text as GeoJSON.

    Raises:
        ConfigError: it cannot be read, is neither, or has a format that geopandas reads.
    """
    path = Path(path)
    if path.suffix.lower() in _BINARY:
        raise ConfigError(f"read {path.name} with geopandas: area(geopandas.read_file({os.fspath(path)!r}))")
    try:
        text = decode_text(read_named(path, _LARGEST))
    except OSError as error:
        raise ConfigError(
            f"{os.fspath(path)[:100]!r} cannot be read: {error.strerror or type(error).__name__}"
        ) from None
    return parse_text(text)


def in_degrees(shape: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a GeoJSON object in degrees on WGS 84, from the reference system that its member `crs` names.

    Raises:
        ConfigError: the system is unknown, or the library that converts it is missing.
    """
    crs = crs_of(shape)
    if crs is None or crs in GEOGRAPHIC:
        return shape
    try:
        from pyproj import Transformer
        from pyproj.exceptions import CRSError
    except ImportError:
        raise ConfigError(
            f"the coordinates are in {crs[:40]}: save them in EPSG:4326, or install the extra that converts them: pip "
            "install 'pixxel-async[geo]'"
        ) from None
    try:
        converter = Transformer.from_crs(crs, 4326, always_xy=True)
    except CRSError:
        raise ConfigError(f"the reference system {crs[:40]!r} is not known: save the file in EPSG:4326") from None
    try:
        converted: Mapping[str, Any] = _convert_positions(shape, lambda x, y: [*converter.transform(x, y)])
    except (TypeError, IndexError):
        raise ConfigError("the shape has coordinates that are no lists of numbers") from None
    return {name: value for name, value in converted.items() if name != "crs"}


def _convert_positions(value: Any, convert: Callable[[float, float], list[float]]) -> Any:
    """Return a part of a GeoJSON object with all its positions converted."""
    if isinstance(value, Mapping):
        return {name: _convert_positions(each, convert) if name in _INNER else each for name, each in value.items()}
    if not isinstance(value, list | tuple):
        return value
    if value and isinstance(value[0], int | float):
        return [*convert(value[0], value[1]), *value[2:]]
    return [_convert_positions(each, convert) for each in value]
