"""Charts as SVG and HTML without scripts: areas, bars and a map; each scales with the page and names its values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any

from attrs import frozen

Ring = Sequence[tuple[float, float]]
"""Longitude and latitude of a polygon's corners, in degrees."""

_HEIGHT = 100.0
_LEAST_SPAN = 0.02
"""Degrees that the map shows at least."""
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 45)
"""Degrees between two lines of the map's grid."""
_LINES = 6
_MARK = 0.012
"""Footprints smaller than this share of the map's width get a dot, so that they can be seen."""
_NARROWEST, _WIDEST = 1.6, 2.4
"""Width of the map by its height, at least and at most."""


@frozen
class Bar:
    """A bar of a chart: its label, its value, and the value as text."""

    label: str
    value: float
    text: str


def draw_areas(series: Sequence[tuple[str, Sequence[float]]], *, label: str) -> str:
    """Draw series stacked on each other over equal steps.

    Args:
        series: class of each series, which has its colour, and its values.
        label: description for screen readers.
    """
    steps = len(series[0][1])
    base = [0.0] * steps
    highest = max((sum(values) for values in zip(*(values for _, values in series), strict=True)), default=0.0)
    shapes: list[str] = []
    for kind, values in series:
        top = [under + value for under, value in zip(base, values, strict=True)]
        edge = [*_step_corners(top, highest), *reversed(_step_corners(base, highest))]
        shapes.append(f'<path class="{kind}" d="M{"L".join(f"{x:.2f} {y:.2f}" for x, y in edge)}Z"/>')
        base = top
    return (
        f'<svg class="area" role="img" aria-label="{escape(label)}" viewBox="0 0 {steps} {_HEIGHT:.0f}" '
        f'preserveAspectRatio="none">{"".join(shapes)}</svg>'
    )


def _step_corners(values: Sequence[float], highest: float) -> list[tuple[float, float]]:
    """Return the corners of a step curve; y grows downwards."""
    scale = _HEIGHT / highest if highest else 0.0
    return [(x, _HEIGHT - value * scale) for at, value in enumerate(values) for x in (at, at + 1)]


def draw_bars(rows: Iterable[Bar]) -> str:
    """Draw horizontal bars with their labels and values, as a table that screen readers understand."""
    bars = list(rows)
    highest = max((row.value for row in bars), default=0.0) or 1.0
    return '<table class="bars">' + "".join(
        f'<tr><th scope="row">{escape(row.label)}</th><td><i style="width:{100 * row.value / highest:.1f}%"></i></td>'
        f"<td>{escape(row.text)}</td></tr>"
        for row in bars
    ) + "</table>"  # fmt: skip


def outer_rings(geometry: Any) -> Iterator[Ring]:
    """Yield the outer rings of the polygons in a GeoJSON geometry."""
    match geometry:
        case {"type": "Polygon", "coordinates": [list(outer), *_]}:
            yield from _valid_ring(outer)
        case {"type": "MultiPolygon", "coordinates": list(polygons)}:
            for polygon in polygons:
                yield from outer_rings({"type": "Polygon", "coordinates": polygon})
        case {"type": "GeometryCollection", "geometries": list(members)}:
            for member in members:
                yield from outer_rings(member)


def _valid_ring(outer: Sequence[Any]) -> Iterator[Ring]:
    try:
        ring = [(float(x), float(y)) for x, y, *_ in outer]
    except (TypeError, ValueError):
        return
    if len(ring) > 2 and all(-180 <= x <= 180 and -90 <= y <= 90 for x, y in ring):
        yield ring


def draw_footprints(shapes: Sequence[Ring]) -> str:
    """Draw footprints on a map in plate carrée with a grid, as wide as they are; empty if there are none."""
    if not shapes:
        return ""
    west, east = _range_with_margin(x for ring in shapes for x, _ in ring)
    south, north = _range_with_margin(y for ring in shapes for _, y in ring)
    wide = max(east - west, (north - south) * _NARROWEST)
    west, east = (west + east - wide) / 2, (west + east + wide) / 2
    high = max(north - south, wide / _WIDEST)
    south, north = (south + north - high) / 2, (south + north + high) / 2
    step = next((each for each in _STEPS if (east - west) / each <= _LINES), 90)
    parts = [*_draw_grid(west, east, south, north, step), *_draw_outlines(shapes, west, north, east - west)]
    return (
        f'<svg class="map" role="img" aria-label="{len(shapes)} footprints" '
        f'viewBox="0 0 1000 {1000 * high / wide:.0f}">{"".join(parts)}</svg>'
        f'<p class="dim">{_degrees(west, "EW")} to {_degrees(east, "EW")}, {_degrees(south, "NS")} to '
        f"{_degrees(north, 'NS')}; a line every {step:g}°</p>"
    )


def _range_with_margin(values: Iterable[float]) -> tuple[float, float]:
    """Return the range of values with a margin of 8 %."""
    numbers = list(values)
    low, high = min(numbers), max(numbers)
    margin = max((high - low) * 0.08, _LEAST_SPAN / 2)
    return low - margin, high + margin


def _draw_grid(west: float, east: float, south: float, north: float, step: float) -> Iterator[str]:
    scale = 1000 / (east - west)
    for number in range(int(west // step) + 1, int(east // step) + 1):
        x = (number * step - west) * scale
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="100%"/>'
    for number in range(int(south // step) + 1, int(north // step) + 1):
        y = (north - number * step) * scale
        yield f'<line x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'


def _draw_outlines(shapes: Sequence[Ring], west: float, north: float, width: float) -> Iterator[str]:
    scale = 1000 / width
    for ring in dict.fromkeys(map(tuple, shapes)):  # packages of one area are drawn once
        points = [((x - west) * scale, (north - y) * scale) for x, y in ring]
        yield f'<polygon points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'
        xs, ys = [x for x, _ in points], [y for _, y in points]
        if max(max(xs) - min(xs), max(ys) - min(ys)) < 1000 * _MARK:
            yield f'<circle cx="{sum(xs) / len(xs):.1f}" cy="{sum(ys) / len(ys):.1f}" r="6"/>'


def _degrees(value: float, sides: str) -> str:
    return f"{abs(value):.2f}° {sides[value < 0]}"
