"""A long unpaged listing is decoded row by row, with the same result as decoding it at once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async import DecodeError
from pixxel_async._http.lazy_rows import LazyRows
from pixxel_async._http.rules.json_rows import BLOCK, index_rows, parse_block
from tests.support.clients import client_for
from tests.support.raw_server import RawServer, answer

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def rows_of(body: bytes) -> list[Any] | None:
    """Return all rows, block by block, or None if the response has to be decoded at once."""
    found = index_rows(body, "jobs")
    if found is None:
        return None
    rows = [row for start, end in found.blocks for row in parse_block(found.text, start, end)]
    assert len(rows) == found.length
    return rows


@pytest.mark.slow
@given(st.lists(ANY, max_size=8), st.sampled_from([None, 1]), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_any_rows_are_found(rows: list[Any], indent: int | None, encoding: str) -> None:
    """The rows found equal those of a JSON parser, whatever their values, spacing and encoding."""
    text = json.dumps({"jobs": rows}, indent=indent, ensure_ascii=encoding == "utf-8-sig")
    body = text.encode(encoding, "surrogatepass")
    assert rows_of(body) == json.loads(body)["jobs"] == rows


@pytest.mark.parametrize("count", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK])
def test_blocks_meet_without_a_gap(count: int) -> None:
    """Blocks cover all rows, whether the last block is full, partial or missing."""
    assert rows_of(json.dumps({"jobs": list(range(count))}).encode()) == list(range(count))


@pytest.mark.parametrize(
    "text",
    ['{"jobs": [1, 2], "count": 2}', '{"count": 2, "jobs": [1]}', '{"jobs": {"a": 1}}', "[1, 2]", '{"jobs": null}',
     '{"jobs": [1,]}', '{"jobs": [,1]}', '{"jobs": [1 2]}', '{"jobs": [1]]}', '{"jobs": [1]} x',
     '{"jobs": [1], "jobs": []}', '{"jobs": [' + "[" * 100_000, "<html>", ""],
)  # fmt: skip
def test_other_answers_are_read_at_once(text: str) -> None:
    """A response with other members or any error is left to the JSON parser."""
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
    found = index_rows(json.dumps({"jobs": list(range(10 * BLOCK))}).encode(), "jobs")
    assert found is not None
    made: list[int] = []

    def read(rows: list[int]) -> list[int]:
        made.extend(rows)
        return rows

    rows = LazyRows(found, read)
    assert rows[:5] == [0, 1, 2, 3, 4] and len(made) == BLOCK
    assert (rows[:0], rows[-1], rows[2:4], len(rows[: -9 * BLOCK])) == ([], 10 * BLOCK - 1, [2, 3], BLOCK)
