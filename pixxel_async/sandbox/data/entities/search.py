"""Filter and sort STAC items."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ...answers import invalid
from ...rules.geometry import Box, box, meet, overlap

Row = dict[str, Any]


def search_items(rows: Iterable[Row], body: Row) -> list[Row]:
    """Return the STAC items that match a search: ids, collections, time, place and properties."""
    if body.get("bbox") and body.get("intersects"):
        raise invalid("only one of bbox and intersects may be given")
    since, until = span(body.get("datetime"))
    inside = region(body)
    return [
        row
        for row in rows
        if _has_id(row, body)
        and _is_in_time(row, since, until)
        and _is_in_region(row, inside, body)
        and _passes_query(row, body)
    ]


def _has_id(row: Row, body: Row) -> bool:
    ids, collections = body.get("ids"), body.get("collections")
    return (not ids or row["id"] in ids) and (not collections or row["collection"] in collections)


def _is_in_time(row: Row, since: datetime, until: datetime) -> bool:
    return since <= datetime.fromisoformat(row["properties"]["datetime"]) <= until


def _is_in_region(row: Row, inside: Box | None, body: Row) -> bool:
    if body.get("intersects"):
        return meet(row["geometry"], body["intersects"])
    own = box(row["geometry"])
    return inside is None or (own is not None and overlap(own, inside))


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "neq": operator.ne,
}


def _passes_query(row: Row, body: Row) -> bool:
    query = body.get("query") or {}
    return all(_test(row["properties"].get(name), *test) for name, tests in query.items() for test in tests.items())


def _test(have: Any, word: str, bound: Any) -> bool:
    if word not in _TESTS:
        raise invalid(f"a query knows {', '.join(_TESTS)}, not {word}")
    try:
        return _TESTS[word](have, bound)
    except TypeError:
        return False


def region(body: Row) -> Box | None:
    """Return the bounding box of a search; None for everywhere."""
    edges: Sequence[float] | None = body.get("bbox")
    if edges:
        if len(edges) not in (4, 6):
            raise invalid("bbox must have 4 or 6 numbers")
        return edges[0], edges[1], edges[len(edges) // 2], edges[len(edges) // 2 + 1]
    bounds = box(body["intersects"]) if body.get("intersects") else None
    if body.get("intersects") and bounds is None:
        raise invalid("intersects must be a geometry")
    return bounds


def span(text: str | None) -> tuple[datetime, datetime]:
    """Parse an instant or an interval, whose ends may be `..` or empty, into two instants."""
    first, _, last = (text or "..").partition("/")
    last = last or (".." if "/" in (text or "/") else first)
    return _instant(first, datetime.min), _instant(last, datetime.max)


def _instant(text: str, otherwise: datetime) -> datetime:
    if text in ("", ".."):
        return otherwise.replace(tzinfo=UTC)
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(f"{text} is no time") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def sort_items(rows: list[Row], keys: Sequence[Row] | None) -> list[Row]:
    """Sort items as requested; the field may be spelled as in the vendor's sample."""
    for key in reversed(keys or ()):
        field = str(key.get("field", "properties.datetime")).replace("properties->>", "").strip("'")
        name = field.removeprefix("properties.")
        down = str(key.get("direction")).lower() == "desc"
        rows = sorted(rows, key=partial(_place, name), reverse=down)
    return rows


def _place(name: str, row: Row) -> tuple[bool, float, str]:
    """Return the sort key of a row: numbers by value, before texts."""
    value = row["properties"].get(name, row.get(name, ""))
    number = isinstance(value, int | float)
    return not number, value if number else 0.0, "" if number else str(value)
