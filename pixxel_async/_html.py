"""Short texts and HTML of results for notebooks: tables, and footprints as SVG; pure, and without a network."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ._redact import mask_links

__all__ = ["footprints", "html_table", "member_table", "short_repr"]

MAX_REPR = 300
"""Characters of a repr: a row is readable in a list of rows, and a page in a log line."""
MAX_VALUE = 120
"""Characters of one value in a repr or a cell."""
MAX_ROWS = 30
"""Rows of a table; pandas shows that many with its usual settings, too."""
_WIDTH, _MARGIN, _DOT = 320.0, 6.0, 6.0
"""Pixels of a map, around its shapes, and of a dot that marks a shape smaller than itself."""

Position = tuple[float, float]


def short_repr(name: str, members: Iterable[tuple[str, Any]], limit: int = MAX_REPR, longest: int = MAX_VALUE) -> str:
    """Return `name(member=value, …)` with at most `limit` characters; long values and further members are cut."""
    text = f"{name}("
    for number, (member, value) in enumerate(members):
        part = f"{', ' if number else ''}{member}={_short(value, longest)}"
        if len(text) + len(part) > limit - len(", …)"):
            return f"{text}{', ' if number else ''}…)"
        text += part
    return f"{text})"


def html_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], more: str = "") -> str:
    """Return a table of values; `more` is a line below it."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row)}</tr>" for row in rows)
    below = f"<p>{escape(more)}</p>" if more else ""
    return (
        f'<div style="overflow-x:auto"><p><b>{escape(title)}</b></p><table style="white-space:nowrap">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f"{below}</div>"
    )


def member_table(title: str, members: Iterable[tuple[str, Any]], shapes: Sequence[Any] = ()) -> str:
    """Return a table of one object's members, a map of its shapes above it."""
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{_cell(value)}</td></tr>" for name, value in members)
    return f"<div><p><b>{escape(title)}</b></p>{footprints(shapes)}<table><tbody>{rows}</tbody></table></div>"


def footprints(shapes: Iterable[Any]) -> str:
    """Render GeoJSON geometries, features or collections as SVG; empty if there are none.

    Longitudes are shrunk by the cosine of the middle latitude, so that shapes look as they do on the ground.
    """
    drawn = [list(_lines(shape)) for shape in shapes]
    points = [point for lines in drawn for line in lines for point in line]
    if not points:
        return ""
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    squeeze = max(math.cos(math.radians((south + north) / 2)), 0.01)
    wide, high = max((east - west) * squeeze, 1e-9), max(north - south, 1e-9)
    scale = (_WIDTH - 2 * _MARGIN) / max(wide, high)
    width, height = wide * scale + 2 * _MARGIN, high * scale + 2 * _MARGIN

    def path(line: Sequence[Position]) -> str:
        at = [f"{(x - west) * squeeze * scale + _MARGIN:.1f} {(north - y) * scale + _MARGIN:.1f}" for x, y in line]
        return f"M{'L'.join(at)}" + ("Z" if len(line) > 1 else "h.1")

    def marker(lines: Sequence[Sequence[Position]]) -> str:
        """Return a dot on a shape that would be too small to see."""
        xs = [(x - west) * squeeze * scale + _MARGIN for line in lines for x, _ in line]
        ys = [(north - y) * scale + _MARGIN for line in lines for _, y in line]
        small = max(max(xs) - min(xs), max(ys) - min(ys)) < _DOT
        return f'<circle cx="{xs[0]:.1f}" cy="{ys[0]:.1f}" r="{_DOT / 2:.0f}"/>' if small else ""

    paths = "".join(f'<path d="{"".join(map(path, lines))}"/>{marker(lines)}' for lines in drawn if lines)
    about = f"{west:.3f}, {south:.3f} to {east:.3f}, {north:.3f} degrees"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" role="img">'
        f'<title>{about}</title><g fill="#3b82f6" fill-opacity=".25" fill-rule="evenodd" stroke="#3b82f6" '
        f'stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round">{paths}</g></svg><p>{about}</p>'
    )


def _short(value: Any, limit: int = MAX_VALUE) -> str:
    if isinstance(value, list | tuple) and len(value) > 3:
        return f"[{len(value)} of {type(value[0]).__name__}]"
    return _cut(str(value) if isinstance(value, dt.datetime) else mask_links(repr(value)), limit)


def escape(text: str) -> str:
    """Return a text with `&`, `<`, `>` and quotes as entities."""
    from html import escape as html_escape  # its tables cost a millisecond, which a process without a notebook saves

    return html_escape(text)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping | list | tuple):
        return escape(_short(value))
    return escape(_cut(mask_links(str(value))))


def _cut(text: str, limit: int = MAX_VALUE) -> str:
    """Return a text of at most `limit` characters, without those that would steer a terminal."""
    text = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return text if text.isprintable() else "".join(sign if sign.isprintable() else "�" for sign in text)


def _lines(shape: Any) -> Iterator[list[Position]]:
    """Yield the rings, lines and points of a shape at any depth; yield nothing for other values."""
    shape = getattr(shape, "__geo_interface__", shape)
    if not isinstance(shape, Mapping):
        return
    for inner in (shape.get("geometry"), *_list(shape.get("features")), *_list(shape.get("geometries"))):
        yield from _lines(inner)
    yield from _positions(shape.get("coordinates"))


def _positions(value: Any) -> Iterator[list[Position]]:
    if _is_position(value):
        yield [(float(value[0]), float(value[1]))]
    elif _list(value) and all(map(_is_position, value)):
        yield [(float(x), float(y)) for x, y, *_ in value]
    else:
        for inner in _list(value):
            yield from _positions(inner)


def _is_position(value: Any) -> bool:
    return len(_list(value)) > 1 and all(isinstance(each, int | float) and math.isfinite(each) for each in value[:2])


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()
