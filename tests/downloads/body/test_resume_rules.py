"""The table of `rules/resume.py`, all of it: every combination of what can be kept, asked for and answered."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from pixxel_async.downloads.body.rules.resume import (
    Kept,
    RangeRequest,
    RangeVerdict,
    next_request,
    piece_headers,
    read_piece,
    read_response,
)

STRONG, WEAK, DATE = '"a-1"', 'W/"a-1"', "Mon, 02 Jun 2025 00:00:00 GMT"
OTHER, LATER = '"b-2"', "Tue, 03 Jun 2025 00:00:00 GMT"
ETAGS = [None, "", STRONG, WEAK, "a-1", '"a']
DATES = [None, DATE]
SIZES = [0, 1, 100, 499, 500, 501]
TOTALS = [None, 0, 100, 500]
EVERY_KEPT = [Kept(*values) for values in itertools.product(SIZES, ETAGS, DATES, TOTALS)]


@pytest.mark.fault("F-06")
@pytest.mark.parametrize(("proved", "unsafe"), list(itertools.product([False, True], repeat=2)))
def test_the_rest_is_asked_for_only_where_something_vouches_for_it(proved: bool, unsafe: bool) -> None:
    """A strong ETag vouches, a date with a total where the whole is proved, or the caller's word where is neither."""
    for kept in EVERY_KEPT:
        asked = next_request(kept, proved=proved, unsafe=unsafe)
        if kept.total is not None and kept.size == kept.total > 0:
            assert asked == RangeRequest(kept.size, complete=True), kept
            continue
        some = kept.size > 0 and (kept.total is None or kept.size < kept.total)
        by_etag = kept.etag == STRONG
        by_date = proved and kept.last_modified == DATE and kept.total is not None
        by_word = proved and unsafe and kept.etag is None and kept.last_modified is None
        if not (some and (by_etag or by_date or by_word)):
            assert asked == RangeRequest(), kept
            continue
        vouched = {"if-range": STRONG} if by_etag else {"if-range": DATE} if by_date else {}
        assert asked == RangeRequest(kept.size, {"range": f"bytes={kept.size}-", **vouched}), kept


RANGES = [
    None, "", "bytes 100-499/500", "bytes 100-299/500", "bytes 99-499/500", "bytes 101-499/500", "bytes 0-499/500",
    "bytes 100-499/*", "bytes 100-599/600", "bytes 100-99/500", "bytes 100-500/500", "bytes */500", "bytes */100",
    "bytes */*", "lines 100-499/500", "bytes=100-499/500", "bytes 100-499/500, bytes 0-1/500", "bytes ١٠٠-٤٩٩/500",
]  # fmt: skip
LENGTHS = [None, "500", "400", "٥", "-1", "5e2"]


def answers() -> Iterator[dict[str, str]]:
    """Every combination of the headers that count."""
    for told, etag, date, length in itertools.product(
        RANGES, [None, STRONG, OTHER, WEAK], [None, DATE, LATER], LENGTHS
    ):
        fields = {"content-range": told, "etag": etag, "last-modified": date, "content-length": length}
        yield {name: value for name, value in fields.items() if value is not None}


VOUCHED = [
    Kept(100, STRONG, DATE, 500), Kept(100, STRONG, None, None), Kept(100, None, DATE, 500), Kept(100, None, None, 500),
    Kept(100, None, None, None), Kept(100, WEAK, DATE, 500),
]  # fmt: skip


def same_object(headers: dict[str, str], kept: Kept) -> bool:
    etag, date = headers.get("etag"), headers.get("last-modified")
    if etag is not None and kept.etag is not None:
        return etag == kept.etag
    return date in (None, DATE) or kept.last_modified is None


@pytest.mark.fault("G-13", "G-16")
@pytest.mark.parametrize("kept", VOUCHED)
def test_a_part_is_joined_only_if_it_is_the_rest_of_the_same_object(kept: Kept) -> None:
    """206: it begins where asked, has the total that is known, and no validator says otherwise; else away with it."""
    asked = RangeRequest(kept.size, {"range": f"bytes={kept.size}-"})
    for headers in answers():
        told = headers.get("content-range")
        begins = told in ("bytes 100-499/500", "bytes 100-299/500") or (
            kept.total is None and told in ("bytes 100-499/*", "bytes 100-599/600")
        )
        reading = read_response(206, headers, asked, kept)
        assert (reading.action == "go on") == (begins and same_object(headers, kept)), (headers, reading)
        assert reading.action in ("go on", "throw away")
        assert read_response(206, headers, RangeRequest(), Kept()).action == "throw away", "nobody asked for a part"


@pytest.mark.fault("G-12")
@pytest.mark.parametrize("kept", VOUCHED)
def test_a_whole_body_begins_at_zero(kept: Kept) -> None:
    """200: this body, from byte 0, whatever was asked for; its length is the total if it is a number."""
    for headers, asked in itertools.product(answers(), (RangeRequest(), RangeRequest(kept.size))):
        length = headers.get("content-length")
        expected = int(length) if length in ("500", "400") else None
        assert read_response(200, headers, asked, kept) == RangeVerdict("from 0", expected)


@pytest.mark.fault("G-15")
@pytest.mark.parametrize("kept", VOUCHED)
def test_no_such_part(kept: Kept) -> None:
    """416: complete if the stated total is the size on disk; otherwise start over."""
    for headers in answers():
        told = headers.get("content-range")
        reading = read_response(416, headers, RangeRequest(kept.size), kept)
        total_here = told in ("bytes */100",)
        assert (reading.action == "complete") == total_here, (headers, reading)
        assert reading.action in ("complete", "throw away")
        assert read_response(416, headers, RangeRequest(), kept).action == "throw away"


@pytest.mark.fault("G-18")
def test_a_piece_counts_only_if_it_is_exactly_the_one() -> None:
    """Of one object (If-Match, same ETag and total), from where it was asked and no further; else one goes on alone."""
    kept = Kept(50, STRONG, DATE, 500)
    assert piece_headers(kept, (100, 300)) == {"range": "bytes=100-299", "if-match": STRONG}
    for status, headers in itertools.product((200, 206, 412, 416, 304), answers()):
        fits = status == 206 and headers.get("content-range") == "bytes 100-299/500"
        fits = fits and headers.get("etag") in (None, STRONG)
        reading = read_piece(status, headers, (100, 300), kept)
        assert reading.action == ("go on" if fits else "alone"), (status, headers)
