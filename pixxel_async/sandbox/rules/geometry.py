"""Planar geometry on longitude and latitude: boxes, areas, centres."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

_RADIUS = 6_371_008.8
Box = tuple[float, float, float, float]
Point = Sequence[float]


def rings(geometry: Mapping[str, Any]) -> list[Sequence[Point]]:
    """Return the outer rings of a Polygon or MultiPolygon; none of other or broken geometries."""
    coordinates = geometry.get("coordinates")
    polygons = {"Polygon": [coordinates], "MultiPolygon": coordinates}.get(str(geometry.get("type")), [])
    if not isinstance(polygons, list):
        return []
    outer = [polygon[0] for polygon in polygons if isinstance(polygon, list) and polygon]
    return [ring for ring in outer if _sound(ring)]


def _sound(ring: Any) -> bool:
    if not isinstance(ring, list) or len(ring) < 4:
        return False
    return all(isinstance(point, list) and len(point) >= 2 and all(map(_numeric, point)) for point in ring)


def _numeric(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def points(value: Any) -> Iterator[Point]:
    """Yield every position in the coordinates of a geometry."""
    if isinstance(value, list) and len(value) >= 2 and all(map(_numeric, value)):
        yield value
    elif isinstance(value, list):
        for inner in value:
            yield from points(inner)


def box(geometry: Mapping[str, Any]) -> Box | None:
    """Return west, south, east, north; None without positions."""
    found = list(points(geometry.get("coordinates")))
    if not found:
        return None
    east, north = [point[0] for point in found], [point[1] for point in found]
    return min(east), min(north), max(east), max(north)


def overlap(one: Box, other: Box) -> bool:
    """Return whether two boxes touch; a box whose west is east of its east crosses the antimeridian."""
    across = one[0] <= other[2] and other[0] <= one[2]
    if one[0] > one[2] or other[0] > other[2]:
        across = one[0] <= other[2] or other[0] <= one[2]
    return across and one[1] <= other[3] and other[1] <= one[3]


def meet(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two geometries intersect; types other than polygons count as their boxes."""
    boxes = box(one), box(other)
    if boxes[0] is None or boxes[1] is None or not overlap(boxes[0], boxes[1]):
        return False
    mine, theirs = rings(one), rings(other)
    return not mine or not theirs or any(_meet(a, b) for a in mine for b in theirs)


def _meet(one: Sequence[Point], other: Sequence[Point]) -> bool:
    if any(inside(point, other) for point in one) or any(inside(point, one) for point in other):
        return True
    return any(_cross(a, b, c, d) for a, b in pairwise(one) for c, d in pairwise(other))


def inside(point: Point, ring: Sequence[Point]) -> bool:
    """Return whether a point lies in a ring: a ray from it crosses the ring an odd number of times."""
    east, north = point[0], point[1]
    odd = False
    for a, b in pairwise(ring):
        if (a[1] > north) != (b[1] > north) and east < a[0] + (north - a[1]) * (b[0] - a[0]) / (b[1] - a[1]):
            odd = not odd
    return odd


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    return _side(a, b, c) * _side(a, b, d) <= 0 and _side(c, d, a) * _side(c, d, b) <= 0


def _side(a: Point, b: Point, point: Point) -> float:
    return (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])


def area(geometry: Mapping[str, Any]) -> float:
    """Return the square metres inside the outer rings, on a sphere."""
    return sum(abs(_ring_area(ring)) for ring in rings(geometry))


def _ring_area(ring: Sequence[Point]) -> float:
    pairs = zip(ring, [*ring[1:], ring[0]], strict=True)
    terms = (
        math.radians(b[0] - a[0]) * (2 + math.sin(math.radians(a[1])) + math.sin(math.radians(b[1]))) for a, b in pairs
    )
    return sum(terms) * _RADIUS**2 / 2


def metres_between(one: Point, other: Point) -> float:
    """Return the great-circle distance of two positions in metres."""
    east, south, north = math.radians(other[0] - one[0]), math.radians(one[1]), math.radians(other[1])
    half = math.sin((north - south) / 2) ** 2 + math.cos(south) * math.cos(north) * math.sin(east / 2) ** 2
    return 2 * _RADIUS * math.asin(math.sqrt(half))


def centre(geometry: Mapping[str, Any]) -> list[float]:
    """Return longitude and latitude of the centre of its box."""
    west, south, east, north = box(geometry) or (0.0, 0.0, 0.0, 0.0)
    return [round((west + east) / 2, 6), round((south + north) / 2, 6)]
