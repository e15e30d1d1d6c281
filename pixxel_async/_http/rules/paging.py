"""How a listing is read on: what the first request asks for, and what the next one does after each page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import evolve, field, frozen

from ...errors import ConfigError
from ..call import Call


@frozen
class Cursor:
    """Where a listing stands.

    Attributes:
        call: the request of the page to be read now.
        start: offset of the first row that was asked for.
        seen: rows received so far.
        pages: pages received so far.
        length: rows of the last page; None before the first.
        mark: first and last row of the last page, to know a page that comes again.
    """

    call: Call
    paging: Paging
    start: int = 0
    seen: int = 0
    pages: int = 0
    length: int | None = None
    mark: tuple[Any, ...] = field(default=(), repr=False)


@frozen
class PageData:
    """The rows of one answer, as they came.

    Attributes:
        total: rows of the whole listing as the answer states them; None when it does not, or cannot mean it.
        token: what the answer names for the next page.
        skip: whether the answer counts by `skip`.
        found: whether the member with the rows was there.
    """

    rows: list[Any]
    total: int | None = None
    token: str = ""
    skip: bool = False
    found: bool = True


@frozen
class NextPage:
    """What follows a page: the next cursor or the end, and what to warn about."""

    next: Cursor | None
    again: bool = False
    """Whether the page is the one before once more; its rows are not to be given out."""
    warning: str = ""


def begin(call: Call, paging: Paging, page_size: int | None) -> Cursor:
    """The first request: with the caller's page size, else the given one, else the listing's own."""
    if paging.style == "whole":
        return Cursor(call, paging)
    name = "page_size" if paging.style == "page" else "limit"
    size = _count(call, paging, name, 1) or page_size or paging.limit
    first = {name: size} if size else {}
    return Cursor(_with(call, paging, first), paging, start=_count(call, paging, "offset", 0) or 0)


def _count(call: Call, paging: Paging, name: str, least: int) -> int | None:
    """What the caller gave for a number of rows; None when nothing was."""
    told = _given(call, paging).get(name)
    if told is None or (isinstance(told, int) and told >= least):
        return told
    raise ConfigError(f"{name} must be a whole number of at least {least}, not {told!r}")


def sheet(answer: Mapping[str, Any] | list[Any], paging: Paging) -> PageData:
    """The rows of an answer; null is an empty page, a map's values are rows, a bare list is the rows themselves."""
    if isinstance(answer, list):
        return PageData(answer)
    rows = answer.get(paging.rows)
    told = answer.get("pagination")
    counts: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    total = counts.get("total", answer.get("count"))
    token = answer.get("next_token") or counts.get("next_token") or ""
    return PageData(
        rows=list(rows.values()) if isinstance(rows, Mapping) else rows if isinstance(rows, list) else [],
        total=total if isinstance(total, int) and not isinstance(total, bool) and total >= 0 else None,
        token=token if isinstance(token, str) else "",
        skip="skip" in counts,
        found=paging.rows in answer,
    )


def step(cursor: Cursor, got: PageData, max_pages: int) -> NextPage:
    """What to do after a page; rows are counted as received, never as asked for."""
    length, mark = len(got.rows), tuple(got.rows[:1] + got.rows[-1:])
    if length and length == cursor.length and mark == cursor.mark:
        return _repeated(cursor)
    seen = cursor.seen + length
    if _ends(cursor, got, seen):
        return NextPage(None, warning=_at_the_end(cursor, got, seen))
    if cursor.pages + 1 >= max_pages:
        return NextPage(None, warning=f"stopped after {max_pages} pages")
    call = _with(cursor.call, cursor.paging, _onward(cursor, got, seen))
    return NextPage(Cursor(call, cursor.paging, cursor.start, seen, cursor.pages + 1, length, mark))


def _repeated(cursor: Cursor) -> NextPage:
    """The same page came again: a listing that does not advance, or the first page by its number."""
    if cursor.paging.style == "page" and cursor.pages == 1:
        call = _with(cursor.call, cursor.paging, {"page_num": 2})
        return NextPage(evolve(cursor, call=call, pages=2), again=True)
    return NextPage(None, again=True, warning="the same page came again: the listing does not advance")


def _ends(cursor: Cursor, got: PageData, seen: int) -> bool:
    style, length = cursor.paging.style, len(got.rows)
    if style == "whole" or length == 0:
        return True
    if style == "skip":
        # ASSUMPTION: image search is read on only as far as its own answer names how.
        return not got.token and not (got.skip and got.total is not None and seen < got.total)
    if got.total is not None:
        return cursor.start + seen >= got.total
    return cursor.length is not None and length < cursor.length


def _at_the_end(cursor: Cursor, got: PageData, seen: int) -> str:
    if not got.found:
        return f"the answer has no member {cursor.paging.rows!r}"
    if got.total is not None and cursor.start + seen < got.total:
        return f"{got.total} rows were announced, {seen} came"
    return ""


def _onward(cursor: Cursor, got: PageData, seen: int) -> dict[str, Any]:
    if cursor.paging.style == "page":
        # ASSUMPTION: without a number comes the first page. The vendor's pages do not say whether it is 0 or 1, so 1
        # is asked for next: if that is the first page once more, pages are counted from 1.
        return {"page_num": cursor.pages + 1}
    if cursor.paging.style == "skip":
        return {"next_token": got.token} if got.token else {"skip": seen}
    return {"offset": cursor.start + seen}


def _in_body(paging: Paging) -> bool:
    return paging.style in ("body-offset", "body-offset-open", "skip")


def _given(call: Call, paging: Paging) -> Mapping[str, Any]:
    return (call.body or {}) if _in_body(paging) else call.query


def _with(call: Call, paging: Paging, members: Mapping[str, Any]) -> Call:
    merged = {**_given(call, paging), **members}
    return evolve(call, body=merged) if _in_body(paging) else evolve(call, query=merged)


PagingStyle = Literal["offset", "body-offset", "offset-open", "body-offset-open", "page", "skip", "whole"]
"""How a listing is read on; see `rules/paging.py`."""


@frozen
class Paging:
    """Where a listing keeps its rows, and how it is read on.

    Attributes:
        style: how the next page is asked for.
        rows: the member with the rows (a list, or a map whose values are the rows).
        limit: page size to send when nobody says; None leaves it to the server.
    """

    style: PagingStyle
    rows: str
    limit: int | None = None
