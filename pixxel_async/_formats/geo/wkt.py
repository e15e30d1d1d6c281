"""Well-known text of geometries, as GeoJSON."""

from __future__ import annotations

import re
from typing import Any

from ...errors import ConfigError

__all__ = ["is_wkt", "parse_wkt"]

_KINDS = {
    "POINT": "Point",
    "LINESTRING": "LineString",
    "POLYGON": "Polygon",
    "MULTIPOINT": "MultiPoint",
    "MULTILINESTRING": "MultiLineString",
    "MULTIPOLYGON": "MultiPolygon",
    "GEOMETRYCOLLECTION": "GeometryCollection",
}
_HEAD = re.compile(
    rf"\s*(?:SRID\s*=\s*(\d{{1,6}})\s*;)?\s*({'|'.join(_KINDS)})\s*(ZM|Z|M)?\s*(?=\(|EMPTY)", re.IGNORECASE
)
_PART = re.compile(r"\s*([(),]|EMPTY|[^\s(),]+)", re.IGNORECASE)
_DEEPEST = 8
"""Levels of brackets; a geometry that GeoJSON has needs at most four."""


def is_wkt(text: str) -> bool:
    """Return whether a text starts as a geometry does, also with a leading SRID."""
    return _HEAD.match(text) is not None


def parse_wkt(text: str) -> tuple[dict[str, Any], int | None]:
    """Return a geometry as GeoJSON, in two dimensions, and its SRID if it has one; collections are refused.

    Raises:
        ConfigError: the text is no geometry.
    """
    head = _HEAD.match(text)
    if head is None or head[2].upper() == "GEOMETRYCOLLECTION":
        raise ConfigError(f"no geometry in well-known text: {text[:40]!r}; it starts like POLYGON ((…))")
    kind = _KINDS[head[2].upper()]
    parts = [part[1] for part in _PART.finditer(text, head.end())]
    if [part.upper() for part in parts] == ["EMPTY"]:
        return {"type": kind, "coordinates": []}, int(head[1]) if head[1] else None
    coordinates = _levels(parts, text)
    if kind == "Point":
        coordinates = coordinates[0] if len(coordinates) == 1 else []
    elif kind == "MultiPoint":
        coordinates = [point[0] if isinstance(point[0], list) else point for point in coordinates]
    return {"type": kind, "coordinates": coordinates}, int(head[1]) if head[1] else None


def _levels(parts: list[str], text: str) -> list[Any]:
    """Return nested lists for brackets, with a list of two numbers for each position."""
    stack: list[list[Any]] = [[]]
    numbers: list[float] = []

    def close() -> None:
        if numbers:
            stack[-1].append(numbers[:2])
            numbers.clear()

    for part in parts:
        if part == "(" and len(stack) <= _DEEPEST:
            stack.append([])
        elif part == ")" and len(stack) > 1:
            close()
            done = stack.pop()
            stack[-1].append(done)
        elif part == ",":
            close()
        else:
            numbers.append(_number(part, text))
    if len(stack) != 1 or len(stack[0]) != 1:
        raise ConfigError(f"the well-known text {text[:40]!r} has unbalanced brackets")
    outermost: list[Any] = stack[0][0]
    return outermost


def _number(part: str, text: str) -> float:
    try:
        return float(part)
    except ValueError:
        raise ConfigError(f"the well-known text {text[:40]!r} has {part[:20]!r} in place of a number") from None
