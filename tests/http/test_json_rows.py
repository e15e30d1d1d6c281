"""A long unpaged listing is decoded row by row, with the same result as decoding it at once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async import DecodeError
from pixxel_async._http.codec.json_text import unpack
from pixxel_async._http.listing import LazyRows
from pixxel_async._http.rules.json_rows import BLOCK, RowIndex, index_rows
from tests.support.clients import client_for
from tests.support.raw_server import RawServer, answer

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def index(body: bytes, lazy: str = "", piece: int = 1 << 20) -> RowIndex | None:
    """Index a response whose body came in pieces of `piece` bytes."""
    steps = index_rows([body[at : at + piece] for at in range(0, len(body) or 1, piece)], "jobs", lazy)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            found: RowIndex | None = done.value
            return found


def rows_of(body: bytes, lazy: str = "", piece: int = 1 << 20) -> list[Any] | None:
    """Return all rows, block by block, or None if the response has to be decoded at once."""
    found = index(body, lazy, piece)
    if found is None:
        return None
    rows = [row for block in found.blocks() for row in block]
    for row in rows:
        if isinstance(row, dict):
            row |= {name: unpack(value) for name, value in row.items() if isinstance(value, bytes)}
    assert len(rows) == len(found)
    return rows


NAMES = st.sampled_from(["id", "assets", 'a"b', "assets ", "jobs", "\\assets"]) | st.text(max_size=3)
ROWS = st.lists(ANY | st.dictionaries(NAMES, ANY, max_size=4), max_size=8)


@pytest.mark.slow
@given(ROWS, st.sampled_from([None, 1]), st.booleans(), st.sampled_from(["", "assets"]), st.integers(4, 60))
def test_any_rows_are_found(rows: list[Any], indent: int | None, ascii: bool, lazy: str, piece: int) -> None:
    """The rows are those that a parser finds, however the text is spaced, escaped and cut into pieces."""
    text = json.dumps({"count": 1, "jobs": rows, "next": {"a": []}}, indent=indent, ensure_ascii=ascii)
    body = text.encode("utf-8", "replace")
    assert rows_of(body, lazy, len(body) * piece // 60 or 4) == json.loads(body)["jobs"]


@pytest.mark.slow
@given(ROWS, st.integers(0, 400), st.binary(max_size=2), st.integers(0, 2))
def test_damage_is_found_before_the_first_row(rows: list[Any], at: int, put: bytes, drop: int) -> None:
    """Damaged text has no rows, also if the damage is in a member that is parsed later."""
    body = json.dumps({"jobs": [{"id": "x", "assets": {"a": rows}}, *rows]}).encode()
    at %= len(body)
    body = body[:at] + put + body[at + drop :]
    if (found := rows_of(body, "assets")) is not None:
        assert found == json.loads(body)["jobs"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le"])
def test_other_encodings_are_decoded_at_once(encoding: str) -> None:
    """Only UTF-8, which services send, is indexed."""
    assert rows_of('{"jobs": [1]}'.encode(encoding)) is None


ASSETS = {"a": {"href": "x", "bands": [{"name": "B1", "x": None}]}}
LAZY = {
    "plain": (json.dumps({"id": "i", "assets": ASSETS, "z": 1}), ASSETS),
    "spaced": (json.dumps({"id": "i", "assets": ASSETS}, indent=2), ASSETS),
    "alone": (json.dumps({"assets": ASSETS}), ASSETS),
    "empty": ('{"assets": {}}', {}),
    "a whole number of 4,000 digits": (f'{{"assets": {{"a": {"7" * 4000}}}}}', {"a": int("7" * 4000)}),
    "a lone surrogate": (r'{"assets": {"a": "\ud800"}}', {"a": "\ud800"}),
    "twice": ('{"assets": {"b": 1}, "assets": {"a": 2}}', {"a": 2}),
    "twice, once with escapes": (r'{"assets": {"b": 1}, "\u0061ssets": {"a": 2}}', {"a": 2}),
    "in another member": ('{"x": {"assets": {"b": 1}}, "assets": {"a": 2}}', {"a": 2}),
    "nested deeply": (json.dumps({"assets": {"a": [[[[[[[{"b": 1}]]]]]]]}}), {"a": [[[[[[[{"b": 1}]]]]]]]}),
}


@pytest.mark.parametrize("case", LAZY)
def test_a_lazy_member_stays_packed(case: str) -> None:
    """The object of a lazy member is unpacked with its row as bytes, whatever is in it; of a repeated one the last."""
    text, expected = LAZY[case]
    found = index(f'{{"jobs": [{text}, {{"id": "other"}}]}}'.encode(), "assets")
    assert found is not None
    assert isinstance(found[0]["assets"], bytes) and unpack(found[0]["assets"]) == expected
    assert found[1] == {"id": "other"}


@pytest.mark.parametrize("value", [None, [1], "text", 5])
def test_a_lazy_member_that_is_no_object_is_unpacked(value: Any) -> None:
    """What is no object comes with its row, for which it does not fit."""
    found = index(json.dumps({"jobs": [{"assets": value}]}).encode(), "assets")
    assert found is not None and found[0] == {"assets": value}


def test_members_beside_the_rows_are_read() -> None:
    """Totals and tokens may come before or after the rows; of a repeated name the last value counts."""
    found = index(b'{"count": 1, "a": {"b": [2]}, "jobs": [{}, {}], "count": 2, "next_token": "t"}')
    assert found is not None and found.beside == {"count": 2, "a": {"b": [2]}, "next_token": "t"}


@pytest.mark.parametrize("count", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK])
def test_blocks_meet_without_a_gap(count: int) -> None:
    """Blocks cover all rows, whether the last block is full, partial or missing."""
    assert rows_of(json.dumps({"jobs": list(range(count))}).encode()) == list(range(count))


@pytest.mark.parametrize(
    "text",
    ['{"jobs": {"a": 1}}', "[1, 2]", '{"jobs": null}', '{"a": 1, "jobs": [1', '{"jobs": [1], "a": }', '{"jobs": [1]',
     '{"jobs": [1,]}', '{"jobs": [,1]}', '{"jobs": [1 2]}', '{"jobs": [1]]}', '{"jobs": [1]} x',
     '{"jobs": [1], "jobs": []}', '{"jobs": [' + "[" * 100_000, "<html>", "",
     '{"jobs": [' + "7" * 5000 + "]}"],
)  # fmt: skip
def test_other_answers_are_read_at_once(text: str) -> None:
    """A response with other members or any error, or a number that Python refuses, is left to the JSON parser."""
    assert rows_of(text.encode()) is None


def test_a_truncated_response_is_not_read_by_rows() -> None:
    """A truncated response is never read row by row."""
    body = json.dumps({"jobs": [{"id": "a", "tags": ["x", {}]}, {"id": "b"}]}).encode()
    assert [cut for cut in range(len(body)) if rows_of(body[:cut]) is not None] == []


@pytest.mark.slow
async def test_a_long_listing_is_the_same_in_every_way_of_reading() -> None:
    """Iterating, paging, the first page and `take` yield the same rows of a long listing, lent members included."""
    ids = [f"{number:040x}" for number in range(8000)]
    long = answer(body={"jobs": [{"id": id, "status": "completed", "odd": 1} for id in ids]})
    async with RawServer(*[long] * 4) as server, client_for(server.url) as client:
        listing = client.jobs.list("w")
        by_row = [job async for job in listing]
        assert [job.id for job in by_row] == ids and {job.workflow_id for job in by_row} == {"w"}
        assert client.drift().members == {"Job.odd": 8000}
        assert [job async for page in listing.by_page() for job in page] == by_row
        assert list(await listing) == by_row
        assert [job async for job in listing.take(300)] == by_row[:300]
    assert len(server.requests) == 4


async def test_a_long_listing_that_is_cut_off_yields_nothing() -> None:
    """A truncated response raises before the first row, however many rows are complete."""
    whole = json.dumps({"jobs": [{"id": f"{number:040x}"} for number in range(8000)]}).encode()
    async with RawServer(answer(200, whole[:-3])) as server, client_for(server.url) as client:
        with pytest.raises(DecodeError):
            await anext(aiter(client.jobs.list("w")))


def test_only_the_rows_taken_are_decoded() -> None:
    """Taking the first rows decodes only the blocks that hold them."""
    found = index(json.dumps({"jobs": list(range(10 * BLOCK))}).encode())
    assert found is not None
    made: list[int] = []

    def read(rows: list[int]) -> list[int]:
        made.extend(rows)
        return rows

    rows = LazyRows(found, read)
    assert rows[:5] == [0, 1, 2, 3, 4] and len(made) == BLOCK
    assert (rows[:0], rows[-1], rows[2:4], len(rows[: -9 * BLOCK])) == ([], 10 * BLOCK - 1, [2, 3], BLOCK)
