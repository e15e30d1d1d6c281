"""Pagination: the first request of a listing, and the next one after each page.

Rows are counted as received, never as requested. There are four cases after a page:

1. The answer announces a total (or a next token): the listing goes on until as many rows came. A total below the rows
   received is contradicted by them and not believed.
2. Nothing is announced: the listing goes on until a page is empty, at the cost of one more request.
3. A page comes again (the server ignores `offset`, or its pages form a circle): the listing ends.
4. The listing ends with fewer rows than announced: it is incomplete, which the caller reports.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve, field, frozen

from ..._redact import mask
from ...errors import ConfigError, DecodeError
from ..call import Call, Paging
from ..reply import ENVELOPES
from .json_rows import RowIndex


@frozen
class Cursor:
    """Position in a listing.

    Attributes:
        call: the request of the page to read now.
        start: offset of the first row requested.
        seen: rows received so far.
        pages: pages received so far.
        size: rows requested per page; None if the server decides.
        length: rows of the last page; None before the first.
        announced: rows announced by an earlier page; None if none did, or was contradicted.
        probe: whether this request only finds out that nothing follows, so that a refusal means the end.
        marks: hashes of the pages received so far, shared along the listing.
    """

    call: Call
    paging: Paging
    start: int = 0
    seen: int = 0
    pages: int = 0
    size: int | None = None
    length: int | None = None
    announced: int | None = None
    probe: bool = False
    marks: set[int] = field(factory=set, repr=False, eq=False)


@frozen
class PageData:
    """The rows of one answer, as they came.

    Attributes:
        total: rows of the whole listing as announced; None if it is not, or is no count.
        token: token of the next page; empty without one.
        skip: whether the answer counts by `skip`.
        doubtful: whether the total may be the count of this page only.
        envelope: the member around the answer that was looked through; empty without one.
    """

    rows: Sequence[Any]
    total: int | None = None
    token: str = ""
    skip: bool = False
    doubtful: bool = False
    envelope: str = ""


@frozen
class NextPage:
    """The decision after a page.

    Attributes:
        next: cursor of the next page; None at the end.
        repeated: whether the page came before; its rows are dropped.
        warning: a line for the log.
        missing: why the listing is incomplete; empty if it is whole.
        announced: rows announced.
    """

    next: Cursor | None
    repeated: bool = False
    warning: str = ""
    missing: str = ""
    announced: int | None = None


def first_page(call: Call, paging: Paging) -> Cursor:
    """Return the cursor of the first page; its size is the caller's, else the listing's own."""
    if paging.style == "whole":
        return Cursor(call, paging)
    name = "page_size" if paging.style == "page" else "limit"
    size = _count(call, paging, name, 1) or paging.limit
    first = {name: size} if size else {}
    return Cursor(_with(call, paging, first), paging, start=_count(call, paging, "offset", 0) or 0, size=size)


def _count(call: Call, paging: Paging, name: str, least: int) -> int | None:
    """Return the caller's argument that counts rows; None without one."""
    value = _arguments(call, paging).get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= least):
        return value
    raise ConfigError(f"{name} must be a whole number of at least {least}, not {value!r}")


def parse_page(answer: Mapping[str, Any] | list[Any], cursor: Cursor) -> PageData:
    """Read the rows of an answer: a list, a map whose values are rows, or null for none; a bare list is rows, too.

    Raises:
        DecodeError: the answer has no rows where they should be.
    """
    if isinstance(answer, list):
        return PageData(answer)
    paging, envelope = cursor.paging, ""
    outer = answer
    if paging.rows not in answer:
        for name in ENVELOPES:
            inner = answer.get(name)
            if isinstance(inner, list) or (isinstance(inner, Mapping) and paging.rows in inner):
                envelope = name
                answer = {**outer, **inner} if isinstance(inner, Mapping) else {**outer, paging.rows: inner}
                break
    counts = answer.get("pagination")
    counts = counts if isinstance(counts, Mapping) else {}
    total = counts.get("total", answer.get("count"))
    total = total if isinstance(total, int) and not isinstance(total, bool) and total >= 0 else None
    token = answer.get("next_token") or counts.get("next_token") or ""
    rows = _rows(answer, cursor, total)
    return PageData(
        rows=rows,
        total=total,
        token=token if isinstance(token, str) else "",
        skip="skip" in counts,
        doubtful="total" not in counts and total == len(rows) == cursor.size,
        envelope=envelope,
    )


def _rows(answer: Mapping[str, Any], cursor: Cursor, total: int | None) -> Sequence[Any]:
    name = cursor.paging.rows
    rows = answer.get(name)
    if isinstance(rows, list | RowIndex):
        return rows
    if isinstance(rows, Mapping):
        return list(rows.values())
    if rows is not None:
        raise DecodeError(f"the member {name!r} of the response is not a list")
    # Services written in Go leave empty lists out: believed where the answer says so, or after a first page.
    if name in answer or total == 0 or (not answer and cursor.pages):
        return []
    members = ", ".join(sorted(mask(str(each))[:40] for each in answer)[:8])
    raise DecodeError(f"the response is not a listing: it has no member {name!r} (it has: {members or 'nothing'})")


def next_page(cursor: Cursor, page: PageData, max_pages: int) -> NextPage:
    """Return the request for the next page, or the end of the listing."""
    length = len(page.rows)
    mark = _fingerprint(page.rows)
    if length and mark in cursor.marks:
        return _after_repeat(cursor, page)
    cursor.marks.add(mark)
    taken = cursor.seen + length
    total = _believed_total(cursor, page, taken)
    announced = total if page.total is not None else cursor.announced
    if _is_last(cursor, page, taken, total):
        return _end(cursor, announced, taken, "")
    if cursor.pages + 1 >= max_pages:
        return NextPage(None, missing=f"stopped after {max_pages} pages", announced=announced)
    call = _with(cursor.call, cursor.paging, _advance(cursor, page, taken))
    short = length < (cursor.length or cursor.size or 0)
    return NextPage(
        evolve(
            cursor,
            call=call,
            seen=taken,
            pages=cursor.pages + 1,
            length=length,
            announced=announced,
            probe=total is None and short and not page.token,
        )
    )


def _believed_total(cursor: Cursor, page: PageData, taken: int) -> int | None:
    """Return the announced total unless it is contradicted by the rows received, or counts only this page."""
    contradicted = page.total is not None and bool(page.rows) and page.total < cursor.start + taken
    return None if contradicted or (page.doubtful and not cursor.pages) else page.total


def _is_last(cursor: Cursor, page: PageData, taken: int, total: int | None) -> bool:
    style = cursor.paging.style
    if style == "whole" or not page.rows:
        return True
    if style == "skip":
        # ASSUMPTION: image search can be read on only by the means that its own answer names.
        return not page.token and not (page.skip and total is not None and taken < total)
    return total is not None and cursor.start + taken >= total


def _end(cursor: Cursor, announced: int | None, taken: int, reason: str) -> NextPage:
    if announced is not None and announced > cursor.start + taken:
        reason = reason or "the listing ended"
        return NextPage(None, missing=reason, announced=announced)
    return NextPage(None, warning=reason)


def _after_repeat(cursor: Cursor, page: PageData) -> NextPage:
    """Return the step after a repeated page: the first page by its number, or the end of the listing."""
    if cursor.paging.style == "page" and cursor.pages == 1:
        call = _with(cursor.call, cursor.paging, {"page_num": 2})
        return NextPage(evolve(cursor, call=call, pages=2), repeated=True)
    announced = page.total if page.total is not None else cursor.announced
    end = _end(cursor, announced, cursor.seen, "the same page came again: the listing does not advance")
    return evolve(end, repeated=True)


def _fingerprint(rows: Sequence[Any]) -> int:
    """Return a hash of a page's first and last row, by their ids where they have some: links are signed again."""
    return hash((len(rows), *(_identity(row) for row in (*rows[:1], *rows[-1:]))))


def _identity(row: Any) -> str:
    if isinstance(row, Mapping):
        named = [row[name] for name in ("id", "uuid") if isinstance(row.get(name), str | int)]
        if named:
            return repr(named)
    return mask(json.dumps(row, sort_keys=True, default=repr))


def _advance(cursor: Cursor, page: PageData, taken: int) -> dict[str, Any]:
    """Return the arguments that request the next page."""
    if cursor.paging.style == "page":
        # ASSUMPTION: a request without a number gets the first page. The vendor's pages do not say whether its number
        # is 0 or 1, so 1 is requested next: if that is the first page once more, pages are counted from 1.
        return {"page_num": cursor.pages + 1}
    if cursor.paging.style == "skip":
        return {"next_token": page.token} if page.token else {"skip": taken}
    return {"offset": cursor.start + taken}


def _in_body(paging: Paging) -> bool:
    return paging.style in ("body-offset", "body-offset-open", "skip")


def _arguments(call: Call, paging: Paging) -> Mapping[str, Any]:
    return (call.body or {}) if _in_body(paging) else call.query


def _with(call: Call, paging: Paging, arguments: Mapping[str, Any]) -> Call:
    merged = {**_arguments(call, paging), **arguments}
    return evolve(call, body=merged) if _in_body(paging) else evolve(call, query=merged)
