"""Filtering and paging of listings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Row = dict[str, Any]
MOST = 10_000
"""ASSUMPTION: larger pages than this are clamped, not refused; the vendor names no maximum."""


def matching(rows: Iterable[Row], wanted: Mapping[str, str | None], *, names: str = "whole") -> list[Row]:
    """The rows whose members equal what is wanted; None and the empty text want nothing.

    Args:
        rows: to choose from.
        wanted: by member.
        names: whether the member `name` is compared `whole`, or a `part` of it in any case is enough.
    """
    # ASSUMPTION: texts are compared whole; times match by their beginning, so that a day finds its instants.
    asked = [(name, value) for name, value in wanted.items() if value]
    return [row for row in rows if all(_fits(name, row.get(name), value, names) for name, value in asked)]


def _fits(name: str, have: Any, value: str, names: str) -> bool:
    text = "" if have is None else str(have)
    if name == "name" and names == "part":
        return value.lower() in text.lower()
    if name in ("created_at", "updated_at"):
        return text.replace(" ", "T").startswith(value.replace(" ", "T").removesuffix("T00:00:00Z"))
    return text == value


def among(rows: Iterable[Row], member: str, listed: str | None) -> list[Row]:
    """The rows whose member is one of these, a text joined by commas; all of them when nothing is listed."""
    return [row for row in rows if not listed or row.get(member) in listed.split(",")]


def page(rows: Sequence[Row], limit: Any, offset: Any, default: int) -> tuple[list[Row], dict[str, int]]:
    """One page and its pagination object."""
    size, start = max(0, min(int(limit or default), MOST)), max(0, int(offset or 0))
    return list(rows[start : start + size]), {"limit": size, "offset": start, "total": len(rows)}
