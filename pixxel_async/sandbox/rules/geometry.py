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
    return [ring for ring in outer if _is_sound(ring)]


def _is_sound(ring: Any) -> bool:
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
    corners = list(points(geometry.get("coordinates")))
    if not corners:
        return None
    east, north = [point[0] for point in corners], [point[1] for point in corners]
    return min(east), min(north), max(east), max(north)


def overlap(first: Box, second: Box) -> bool:
    """Return whether two boxes touch; a box whose west is east of its east crosses the antimeridian."""
    across = first[0] <= second[2] and second[0] <= first[2]
    if first[0] > first[2] or second[0] > second[2]:
        across = first[0] <= second[2] or second[0] <= first[2]
    return across and first[1] <= second[3] and second[1] <= first[3]


def meet(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Return whether two geometries intersect; types other than polygons count as their boxes."""
    boxes = box(first), box(second)
    if boxes[0] is None or boxes[1] is None or not overlap(boxes[0], boxes[1]):
        return False
    first_rings, second_rings = rings(first), rings(second)
    return not first_rings or not second_rings or any(_polygons_meet(a, b) for a in first_rings for b in second_rings)


def _polygons_meet(first: Sequence[Point], second: Sequence[Point]) -> bool:
    if any(inside(point, second) for point in first) or any(inside(point, first) for point in second):
        return True
    return any(_segments_cross(a, b, c, d) for a, b in pairwise(first) for c, d in pairwise(second))


def inside(point: Point, ring: Sequence[Point]) -> bool:
    """Return whether a point lies in a ring: a ray from it crosses the ring an odd number of times."""
    east, north = point[0], point[1]
    odd = False
    for a, b in pairwise(ring):
        if (a[1] > north) != (b[1] > north) and east < a[0] + (north - a[1]) * (b[0] - a[0]) / (b[1] - a[1]):
            odd = not odd
    return odd


def _segments_cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    return _side_of(a, b, c) * _side_of(a, b, d) <= 0 and _side_of(c, d, a) * _side_of(c, d, b) <= 0


def _side_of(a: Point, b: Point, point: Point) -> float:
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


def metres_between(first: Point, second: Point) -> float:
    """Return the great-circle distance of two positions in metres."""
    east, south, north = math.radians(second[0] - first[0]), math.radians(first[1]), math.radians(second[1])
    half = math.sin((north - south) / 2) ** 2 + math.cos(south) * math.cos(north) * math.sin(east / 2) ** 2
    return 2 * _RADIUS * math.asin(math.sqrt(half))


def centre(geometry: Mapping[str, Any]) -> list[float]:
    """Return longitude and latitude of the centre of its box."""
    west, south, east, north = box(geometry) or (0.0, 0.0, 0.0, 0.0)
    return [round((west + east) / 2, 6), round((south + north) / 2, 6)]
