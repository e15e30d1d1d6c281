"""Paging against servers with various page sizes, totals and offsets."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async import APIError, ConfigError, DecodeError, IncompleteListing, NotFound
from pixxel_async._http.call import Call, Operation, Paging, PagingStyle
from pixxel_async._http.rules.paging import Cursor, PageData, first_page, next_page, parse_page
from tests.support.clients import client_for
from tests.support.raw_server import RawServer, answer

OPERATION = Operation("orders.list", "GET", "/v0/orders")
Serve = Callable[[dict[str, Any]], dict[str, Any]]


def read_all(
    style: PagingStyle, serve: Serve, limit: int | None = None, most: int = 1000
) -> tuple[list[Any], list[str]]:
    """Return all rows read from `serve`, and the warnings about the listing's end."""
    call = Call(OPERATION, body={} if style.startswith(("body", "skip")) else None)
    cursor: Cursor | None = first_page(call, Paging(style, "rows", limit))
    rows: list[Any] = []
    warnings: list[str] = []
    missing: list[str] = []
    while cursor is not None:
        asked = {**cursor.call.query, **(cursor.call.body or {})}
        got = parse_page(serve(asked), cursor)
        following = next_page(cursor, got, most)
        rows += [] if following.repeated else got.rows
        warnings += [following.warning] if following.warning else []
        missing += [following.missing] if following.missing else []
        cursor = following.next
    return rows, warnings + missing


@pytest.mark.slow
@given(st.integers(0, 40), st.integers(1, 12), st.integers(1, 12) | st.none(), st.booleans(), st.integers(0, 1))
def test_every_row_once(count: int, largest: int, limit: int | None, totals: bool, first: int) -> None:
    """Each row is yielded once and in order, for any page size, clamped or not, and any number of the first page."""
    rows = list(range(count))

    def by_offset(asked: dict[str, Any]) -> dict[str, Any]:
        start = asked.get("offset", 0)
        page = rows[start : start + min(asked.get("limit", largest), largest)]
        return {"rows": page, "pagination": {"total": count}} if totals else {"rows": page}

    def by_number(asked: dict[str, Any]) -> dict[str, Any]:
        size = min(asked.get("page_size", largest), largest)
        start = (asked.get("page_num", first) - first) * size
        return {"rows": rows[start : start + size], **({"count": count} if totals else {})}

    for style in ("offset", "body-offset", "offset-open", "body-offset-open"):
        assert read_all(style, by_offset, limit) == (rows, [])
    assert read_all("page", by_number, limit) == (rows, [])


@pytest.mark.parametrize(("first", "asked"), [(0, [None, 1, 2]), (1, [None, 1, 2, 3])])
def test_the_number_of_the_first_page_is_detected(first: int, asked: list[int | None]) -> None:
    """A listing of one page takes one request; with more, page 1 shows whether pages count from 0 or 1."""
    seen: list[int | None] = []

    def serve(wish: dict[str, Any]) -> dict[str, Any]:
        seen.append(wish.get("page_num"))
        start = (wish.get("page_num", first) - first) * 2
        return {"rows": [1, 2, 3, 4, 5][start : start + 2], "count": 5}

    assert read_all("page", serve, 2) == ([1, 2, 3, 4, 5], [])
    assert seen == asked
    assert read_all("page", lambda wish: {"rows": [wish.get("page_num")], "count": 1})[0][:1] == [None]


def test_an_unpaged_listing_is_one_request() -> None:
    """A listing without paging is read by one request, whatever its total."""
    assert read_all("whole", lambda asked: {"rows": {"a": 1, "b": 2}}) == ([1, 2], [])


def test_search_continues_by_token_or_skip() -> None:
    """A continuation token overrides `skip`; without either the first page is all, and the missing total is logged."""
    pages = {None: {"rows": [1, 2], "next_token": "t"}, "t": {"rows": [3]}}
    assert read_all("skip", lambda asked: pages[asked.get("next_token")])[0] == [1, 2, 3]

    def skipping(asked: dict[str, Any]) -> dict[str, Any]:
        start = asked.get("skip", 0)
        return {"rows": [1, 2, 3][start : start + 2], "pagination": {"skip": start, "total": 3}}

    assert read_all("skip", skipping) == ([1, 2, 3], [])
    silent = {"rows": [1, 2], "pagination": {"limit": 2, "total": 9}}
    assert read_all("skip", lambda asked: silent) == ([1, 2], ["the listing ended"])


@pytest.mark.fault("D-08")
@pytest.mark.parametrize("total", [None, 1000, -5, "many", True])
def test_a_repeated_page_ends_the_listing(total: object) -> None:
    """A server that ignores the offset is detected at the second page, whose rows are dropped."""
    body = {"rows": [1, 2, 3], "pagination": {"total": total}}
    rows, warnings = read_all("offset", lambda asked: body)
    assert rows == [1, 2, 3]
    assert "again" in warnings[0]


@pytest.mark.fault("D-08")
def test_the_page_limit_ends_the_listing() -> None:
    """An endless listing stops at the page limit with a warning."""
    rows, warnings = read_all("offset", lambda asked: {"rows": [asked.get("offset", 0)]}, most=7)
    assert len(rows) == 7
    assert "stopped after" in warnings[0]


@pytest.mark.parametrize("total", [3, 100, None])
def test_an_empty_page_ends_the_listing(total: int | None) -> None:
    """An empty page ends a listing, whatever total was announced."""
    pages = [[1, 2, 3], []]
    rows, warnings = read_all("offset", lambda asked: {"rows": pages.pop(0), "pagination": {"total": total}})
    assert rows == [1, 2, 3]
    assert bool(warnings) == (total == 100)


@pytest.mark.fault("D-01")
@pytest.mark.slow
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_answer_is_a_page_or_an_error(rows: Any) -> None:
    """Lists, mappings and null are rows; any other value in their place is a `DecodeError`."""
    try:
        got = parse_page(
            {"rows": rows, "pagination": rows, "count": rows}, Cursor(Call(OPERATION), Paging("offset", "rows"))
        )
    except DecodeError:
        assert rows is not None and not isinstance(rows, list | dict)
        return
    assert isinstance(got, PageData)
    assert isinstance(got.rows, list)


async def test_pages_is_a_value() -> None:
    """A listing sends nothing until used; awaiting gives the first page, iterating all rows, and both may repeat."""
    first = answer(body={"orders": [{"id": "1"}, {"id": "2"}], "pagination": {"total": 3}})
    second = answer(body={"orders": [{"id": "3"}], "pagination": {"total": 3}})
    async with RawServer(first, first, second, first, second, first) as server, client_for(server.url) as client:
        listing = client.orders.list(limit=2)
        assert server.requests == []
        page = await listing
        assert (len(page), page.total, page.has_more, page[0].id) == (2, 3, True, "1")
        assert [order.id async for order in listing] == ["1", "2", "3"]
        assert [len(page) async for page in listing.by_page()] == [2, 1]
        assert [order.id async for order in listing.take(2)] == ["1", "2"]
        assert [order.id async for order in listing.take(0)] == []
    targets = [seen.target for seen in server.requests]
    assert targets[:3] == ["/v0/orders?limit=2", "/v0/orders?limit=2", "/v0/orders?offset=2&limit=2"]
    assert len(targets) == 6


async def test_a_listing_that_does_not_advance_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A server that ignores the offset and announces no total causes one warning with the operation's name."""
    page = answer(body={"orders": [{"id": "1"}]})
    async with RawServer(page) as server, client_for(server.url) as client:
        with caplog.at_level(logging.WARNING, "pixxel_async.http"):
            assert len([order async for order in client.orders.list()]) == 1
    assert [record.getMessage().split(" reason")[0] for record in caplog.records] == [
        "listing.odd operation=orders.list"
    ]


@pytest.mark.parametrize("given", [{"limit": 0}, {"limit": "5"}, {"offset": -1}, {"offset": 1.5}])
async def test_numbers_of_rows_are_checked(given: dict[str, Any]) -> None:
    """A limit or offset that is not a whole number in range is refused before anything is sent."""
    async with RawServer(answer(body={})) as server, client_for(server.url) as client:
        with pytest.raises(ConfigError, match="must be a whole number"):
            await client.orders.list(**given)
    assert server.requests == []


async def test_responses_without_a_listing() -> None:
    """A response without a listing raises; a null member, or a missing one beside a total of 0, is an empty page."""
    empty = answer(body={"pagination": {"total": 0}})
    odd = [answer(200, b'"hello"'), answer(body={}), answer(body={"order": []}), answer(body={"orders": 5})]
    async with RawServer(*odd, answer(body={"orders": None}), empty) as server, client_for(server.url) as client:
        for _ in odd:
            with pytest.raises(DecodeError, match=r"orders\.list"):
                await client.orders.list()
        assert len(await client.orders.list()) == 0
        assert len(await client.orders.list()) == 0


async def test_page_sizes() -> None:
    """The limit of the call is sent as page size; without one the service decides."""
    empty = answer(body={"orders": []})
    async with RawServer(empty) as server, client_for(server.url) as client:
        await client.orders.list()
        await client.orders.list(limit=3)
        with pytest.raises(ConfigError, match="limit"):
            await client.orders.list(limit=0)
        with pytest.raises(ConfigError):
            client.orders.list().take(-1)
    assert [seen.target.partition("?")[2] for seen in server.requests] == ["", "limit=3"]


async def test_a_search_sends_its_page_size_in_the_body() -> None:
    """Catalogs are searched with a page size of 50 in the body, since the server's default is two."""
    async with RawServer(answer(body={"catalogs": []})) as server, client_for(server.url) as client:
        await client.catalogs.search()
    assert json.loads(server.requests[0].body)["limit"] == 50


def orders(*ids: str, **members: Any) -> bytes:
    """Return a response with orders of these ids."""
    return answer(body={"orders": [{"id": id} for id in ids], **members})


@pytest.mark.fault("D-08")
@pytest.mark.parametrize("second", [orders(), answer(body={"orders": None})], ids=["empty", "null"])
async def test_fewer_rows_than_announced_are_an_error_after_the_rows(second: bytes) -> None:
    """A listing shorter than announced yields its rows, then raises with both numbers; `take` of fewer does not."""
    first = orders("1", "2", pagination={"total": 9})
    async with RawServer(first, second, first) as server, client_for(server.url) as client:
        rows = aiter(client.orders.list())
        ids = [(await anext(rows)).id, (await anext(rows)).id]
        with pytest.raises(IncompleteListing, match=r"2 of 9 announced") as caught:
            await anext(rows)
        assert [order.id async for order in client.orders.list().take(2)] == ["1", "2"]
    assert ids == ["1", "2"]
    assert (caught.value.announced, caught.value.received, caught.value.operation) == (9, 2, "orders.list")


async def test_a_second_page_that_is_an_error_raises_it() -> None:
    """An error body with status 200 in the middle of a listing raises that error."""
    broken = answer(body={"error": {"message": "down", "code": 503}})
    renamed = answer(body={"items": [{"id": "3"}]})
    async with RawServer(orders("1"), broken, orders("1"), renamed) as server, client_for(server.url) as client:
        with pytest.raises(APIError, match="down"):
            [order async for order in client.orders.list()]
        with pytest.raises(DecodeError, match="items"):
            [order async for order in client.orders.list()]


@pytest.mark.parametrize("total", [0, 1, 2])
async def test_a_total_below_the_rows_is_ignored(total: int) -> None:
    """A total below the number of received rows does not end a listing; an empty page does."""
    pages = [orders(*ids, pagination={"total": total}) for ids in (["1", "2", "3"], ["4", "5"], [])]
    async with RawServer(*pages) as server, client_for(server.url) as client:
        assert [order.id async for order in client.orders.list()] == ["1", "2", "3", "4", "5"]


async def test_a_count_of_the_page_is_not_the_total() -> None:
    """A total equal to the page size may be the page's count, so one more page is requested."""
    pages = [orders("1", "2", count=2), orders("3", "4", count=2), orders(count=0)]
    async with RawServer(*pages) as server, client_for(server.url) as client:
        assert [order.id async for order in client.orders.list(limit=2)] == ["1", "2", "3", "4"]


async def test_a_short_page_without_a_total_is_not_the_end() -> None:
    """Without a total a listing continues until a page is empty, or refused after a short one."""
    refused = answer(404, {"error": {"message": "no such page"}})
    pages = [orders("1", "2"), orders("3"), orders("4"), orders(), orders("1", "2"), orders("3"), refused]
    async with RawServer(*pages) as server, client_for(server.url) as client:
        assert [order.id async for order in client.orders.list()] == ["1", "2", "3", "4"]
        assert [order.id async for order in client.orders.list()] == ["1", "2", "3"]


async def test_a_refused_page_after_a_full_one_is_an_error() -> None:
    """A refused page after a full one is an error, not the end."""
    refused = answer(404, {"error": {"message": "no such page"}})
    async with RawServer(orders("1", "2"), orders("3", "4"), refused) as server, client_for(server.url) as client:
        with pytest.raises(NotFound):
            [order async for order in client.orders.list(limit=2)]


@pytest.mark.fault("D-08")
def test_rows_are_compared_by_id() -> None:
    """Repeated pages are detected by row ids, even if signed links differ in each response."""
    calls = 0

    def serve(asked: dict[str, Any]) -> dict[str, Any]:
        nonlocal calls
        calls += 1
        ids = [["a", "b"], ["c", "d"]][asked.get("offset", 0) // 2 % 2]
        return {"rows": [{"id": id, "href": f"https://h/{id}?sig={calls}"} for id in ids]}

    rows, said = read_all("offset", serve)
    assert [row["id"] for row in rows] == ["a", "b", "c", "d"] and "again" in said[0]
    fixed = {"rows": [{"href": "https://h/x?sig=1"}]}
    moved = {"rows": [{"href": "https://h/x?sig=2"}]}
    pages = [fixed, moved]
    assert len(read_all("offset", lambda asked: pages.pop(0))[0]) == 1


async def test_an_envelope_is_unwrapped() -> None:
    """`{"data": …}` around a listing, or bare rows, is read and counted as drift."""
    inner = answer(body={"data": {"orders": [{"id": "1"}], "pagination": {"total": 1}}, "status": "ok"})
    bare = answer(body={"data": [{"id": "2"}], "pagination": {"total": 1}})
    async with RawServer(inner, bare) as server, client_for(server.url) as client:
        assert [order.id async for order in client.orders.list()] == ["1"]
        assert [order.id async for order in client.orders.list()] == ["2"]
        assert client.drift().members == {"Order in 'data'": 2}


async def test_a_page_with_more_names_async_for() -> None:
    """The repr of a page names its rows, the total and `async for`; so does that of a listing."""
    async with RawServer(orders("1", pagination={"total": 3})) as server, client_for(server.url) as client:
        page = await client.orders.list()
        assert page.has_more and "1 of 3 rows" in repr(page) and "async for" in repr(page)
        assert "async for" in repr(client.orders.list())


async def test_misuse_of_a_listing_names_the_right_form() -> None:
    """A forgotten `await` or `async` raises TypeError that names the right form."""
    listing: Any = client_for("http://127.0.0.1:9").orders.list()
    for slip in (lambda: list(listing), lambda: listing[0], lambda: len(listing)):
        with pytest.raises(TypeError, match="await"):
            slip()
    with pytest.raises(TypeError, match="async for"):
        async with listing:
            pass


async def test_a_bool_is_not_a_number_of_rows() -> None:
    """`limit=True` and an invalid number to take are refused before anything is sent."""
    async with RawServer(orders()) as server, client_for(server.url) as client:
        with pytest.raises(ConfigError, match="limit"):
            await client.orders.list(limit=True)
        with pytest.raises(ConfigError, match="take"):
            client.orders.list().take(True)
    assert server.requests == []
