"""Filter and page listings."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]
MOST = 10_000
"""ASSUMPTION: larger pages are clamped to this, not refused; the vendor names no maximum."""
_PREFIX = re.compile(r"\d{4}(-\d\d)?")
"""A year or a month, which many times start with."""


def match_rows(
    rows: Iterable[Row], filters: Mapping[str, str | None], *, names: str = "whole", times: str = "day"
) -> list[Row]:
    """Return the rows whose members equal the wanted values; None and the empty text match everything.

    Args:
        rows: the rows to filter.
        filters: values by member.
        names: whether `name` must match `whole`, or a `part` of it in any case is enough.
        times: whether a time matches the same `day`, or the same `instant`.
    """
    # ASSUMPTION: other texts are compared whole.
    conditions = [(name, value) for name, value in filters.items() if value]
    return [row for row in rows if all(_fits(name, row.get(name), value, names, times) for name, value in conditions)]


def _fits(name: str, have: Any, value: str, names: str, times: str) -> bool:
    text = "" if have is None else str(have)
    if name == "name" and names == "part":
        return value.lower() in text.lower()
    if name in ("created_at", "updated_at"):
        return text[:10] == value[:10] if times == "day" else _is_same(text, value)
    return text == value


def _is_same(first: str, second: str) -> bool:
    try:
        return _size(first) == _size(second)
    except ValueError:
        return False


def select_rows(rows: Iterable[Row], member: str, listed: Collection[str]) -> list[Row]:
    """Return the rows whose member is one of these; all rows if none is listed."""
    return [row for row in rows if not listed or row.get(member) in listed]


def split_values(pairs: Iterable[tuple[str, str]], name: str, form: str) -> list[str]:
    """Return the values of a query filter.

    Args:
        pairs: the query arguments in order.
        name: of the filter.
        form: `commas` between values of one argument, `repeated` arguments, or `brackets` after their name.
    """
    values = [value for member, value in pairs if member == (f"{name}[]" if form == "brackets" else name) and value]
    return values[-1].split(",") if form == "commas" and values else values


def select_between(rows: Iterable[Row], member: str, span: str | None, mark: str) -> list[Row]:
    """Return the rows whose member lies in an inclusive span of times or numbers; either end may be left out.

    Args:
        rows: the rows to filter.
        member: the compared member.
        span: the span, or a single value that the member must start with; None and the empty text match everything.
        mark: the separator between the ends.
    """
    if not span:
        return list(rows)
    first, is_range, last = span.partition(mark)
    try:
        if not is_range:
            if not _PREFIX.fullmatch(span):
                _size(span)
            return [row for row in rows if str(row.get(member)).startswith(span)]
        low, high = _size(first) if first else -math.inf, _size(last) if last else math.inf
        return [row for row in rows if low <= _size(str(row.get(member))) <= high]
    except (ValueError, TypeError):
        raise ValueError(f"{span} is no span of {member}") from None


def _size(text: str) -> float:
    """Convert a number or a time to a number."""
    try:
        return float(text)
    except ValueError:
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def page(rows: Sequence[Row], limit: Any, offset: Any, default: int) -> tuple[list[Row], dict[str, int]]:
    """Return one page and its pagination object."""
    size, start = max(0, min(int(limit or default), MOST)), max(0, int(offset or 0))
    return list(rows[start : start + size]), {"limit": size, "offset": start, "total": len(rows)}
