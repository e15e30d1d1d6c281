"""Read the bounds of a GeoTIFF in degrees, for coordinate systems with a closed formula: WGS 84, UTM, Web Mercator."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import BinaryIO

Point = tuple[float, float]
Bounds = tuple[float, float, float, float]
"""West, south, east, north, in degrees."""

_WIDTH, _HEIGHT, _SCALE, _TIEPOINT, _MATRIX, _GEO_KEYS = 256, 257, 33550, 33922, 34264, 34735
_WANTED = frozenset({_WIDTH, _HEIGHT, _SCALE, _TIEPOINT, _MATRIX, _GEO_KEYS})
_TYPES = {3: "H", 4: "I", 12: "d", 16: "Q"}
"""TIFF field types that the wanted tags have, as `struct` formats."""
_MAX_TAGS = 4096
_MAX_VALUES = 4096
_GEOGRAPHIC_KEY, _PROJECTED_KEY = 2048, 3072

_RADIUS = 6_378_137.0
"""Equatorial radius of the WGS 84 ellipsoid in metres."""
_N = (1 / 298.257223563) / (2 - 1 / 298.257223563)
"""Third flattening n = f / (2 - f) of WGS 84."""
_RECTIFYING = _RADIUS / (1 + _N) * (1 + _N**2 / 4 + _N**4 / 64)
_BETA = (_N / 2 - 2 * _N**2 / 3 + 37 * _N**3 / 96, _N**2 / 48 + _N**3 / 15, 17 * _N**3 / 480)
_DELTA = (2 * _N - 2 * _N**2 / 3 - 2 * _N**3, 7 * _N**2 / 3 - 8 * _N**3 / 5, 56 * _N**3 / 15)
_UTM_SCALE = 0.9996


def read_bounds(file: BinaryIO) -> Bounds | None:
    """Read the bounds of a GeoTIFF; None if it is none, has no georeference, or is in another coordinate system.

    Args:
        file: seekable file, at its beginning.
    """
    try:
        tags = _read_tags(file)
        corners = _corners(tags)
        keys = {key: value for key, _, _, value in zip(*[iter(map(int, tags[_GEO_KEYS][4:]))] * 4, strict=False)}
        epsg = keys.get(_PROJECTED_KEY) or keys.get(_GEOGRAPHIC_KEY) or 0
        points = [_to_degrees(epsg, *corner) for corner in corners]
    except (KeyError, ValueError, OverflowError, IndexError, struct.error):
        return None
    longitudes, latitudes = [point[0] for point in points], [point[1] for point in points]
    bounds = min(longitudes), min(latitudes), max(longitudes), max(latitudes)
    valid = bounds[0] >= -180 and bounds[1] >= -90 and bounds[2] <= 180 and bounds[3] <= 90
    return bounds if valid else None


def _read_tags(file: BinaryIO) -> Mapping[int, Sequence[float]]:
    """Read the wanted tags of the first directory of a TIFF or BigTIFF."""
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}[head[:2]]
    big = {42: False, 43: True}[struct.unpack(order + "H", head[2:4])[0]]
    start = struct.unpack(order + ("Q" if big else "I"), head[8:16] if big else head[4:8])[0]
    count_form, entry_form, inline = ("Q", "HHQ8s", 8) if big else ("H", "HHI4s", 4)
    file.seek(start)
    count = struct.unpack(order + count_form, file.read(struct.calcsize(order + count_form)))[0]
    if count > _MAX_TAGS:
        raise ValueError(count)
    entry_size = struct.calcsize(order + entry_form)
    entries = [struct.unpack(order + entry_form, file.read(entry_size)) for _ in range(count)]
    tags: dict[int, Sequence[float]] = {}
    for tag, kind, length, value in entries:
        if tag not in _WANTED or kind not in _TYPES or length > _MAX_VALUES:
            continue
        size = struct.calcsize(order + _TYPES[kind]) * length
        if size > inline:
            file.seek(struct.unpack(order + ("Q" if big else "I"), value)[0])
            value = file.read(size)
        tags[tag] = struct.unpack(f"{order}{length}{_TYPES[kind]}", value[:size])
    return tags


def _corners(tags: Mapping[int, Sequence[float]]) -> list[Point]:
    """Return the corners of the raster in its coordinate system: origin + pixel x scale, or the matrix."""
    width, height = tags[_WIDTH][0], tags[_HEIGHT][0]
    pixels = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
    if _MATRIX in tags:
        a, b, _, c, d, e, _, f = tags[_MATRIX][:8]
        return [(a * x + b * y + c, d * x + e * y + f) for x, y in pixels]
    (scale_x, scale_y), (i, j, _, x0, y0) = tags[_SCALE][:2], tags[_TIEPOINT][:5]
    return [(x0 + (x - i) * scale_x, y0 - (y - j) * scale_y) for x, y in pixels]


def _to_degrees(epsg: int, x: float, y: float) -> Point:
    """Convert a point to longitude and latitude; raises `ValueError` for another coordinate system."""
    if epsg == 4326:
        return x, y
    if epsg == 3857:
        return math.degrees(x / _RADIUS), math.degrees(math.atan(math.sinh(y / _RADIUS)))
    if 32601 <= epsg <= 32660 or 32701 <= epsg <= 32760:
        return _utm_to_degrees(epsg % 100, x, y - (10_000_000 if epsg > 32700 else 0))
    raise ValueError(f"EPSG:{epsg}")


def _utm_to_degrees(zone: int, easting: float, northing: float) -> Point:
    """Invert the transverse Mercator projection by Krüger's series to n^3: below a millimetre within a zone."""
    xi, eta = northing / (_UTM_SCALE * _RECTIFYING), (easting - 500_000) / (_UTM_SCALE * _RECTIFYING)
    terms = list(enumerate(_BETA, 1))
    xi_0 = xi - sum(beta * math.sin(2 * j * xi) * math.cosh(2 * j * eta) for j, beta in terms)
    eta_0 = eta - sum(beta * math.cos(2 * j * xi) * math.sinh(2 * j * eta) for j, beta in terms)
    chi = math.asin(math.sin(xi_0) / math.cosh(eta_0))
    latitude = chi + sum(delta * math.sin(2 * j * chi) for j, delta in enumerate(_DELTA, 1))
    longitude = math.atan2(math.sinh(eta_0), math.cos(xi_0))
    return zone * 6 - 183 + math.degrees(longitude), math.degrees(latitude)
