"""All combinations of the table in `rules/resume.py`: what is kept, requested and answered."""

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
def test_a_range_is_requested_only_with_a_validator(proved: bool, unsafe: bool) -> None:
    """A range is requested by strong ETag, by date and total if the whole is proved, or unsafely on demand."""
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
    """Yield every combination of the relevant headers."""
    for content_range, etag, date, length in itertools.product(
        RANGES, [None, STRONG, OTHER, WEAK], [None, DATE, LATER], LENGTHS
    ):
        fields = {"content-range": content_range, "etag": etag, "last-modified": date, "content-length": length}
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
def test_a_part_of_the_same_object_is_joined(kept: Kept) -> None:
    """A 206 is joined only if it starts at the requested byte with the known total and matching validators."""
    asked = RangeRequest(kept.size, {"range": f"bytes={kept.size}-"})
    for headers in answers():
        content_range = headers.get("content-range")
        begins = content_range in ("bytes 100-499/500", "bytes 100-299/500") or (
            kept.total is None and content_range in ("bytes 100-499/*", "bytes 100-599/600")
        )
        reading = read_response(206, headers, asked, kept)
        assert (reading.action == "go on") == (begins and same_object(headers, kept)), (headers, reading)
        assert reading.action in ("go on", "throw away")
        assert read_response(206, headers, RangeRequest(), Kept()).action == "throw away", "nobody asked for a part"


@pytest.mark.fault("G-12")
@pytest.mark.parametrize("kept", VOUCHED)
def test_a_whole_body_restarts_at_zero(kept: Kept) -> None:
    """A 200 restarts from byte 0, with its length as total if it is a number."""
    for headers, asked in itertools.product(answers(), (RangeRequest(), RangeRequest(kept.size))):
        length = headers.get("content-length")
        expected = int(length) if length in ("500", "400") else None
        assert read_response(200, headers, asked, kept) == RangeVerdict("from 0", expected)


@pytest.mark.fault("G-15")
@pytest.mark.parametrize("kept", VOUCHED)
def test_a_416_is_complete_or_discards(kept: Kept) -> None:
    """A 416 is complete if the stated total is the size on disk; otherwise the part file is discarded."""
    for headers in answers():
        content_range = headers.get("content-range")
        reading = read_response(416, headers, RangeRequest(kept.size), kept)
        total_here = content_range in ("bytes */100",)
        assert (reading.action == "complete") == total_here, (headers, reading)
        assert reading.action in ("complete", "throw away")
        assert read_response(416, headers, RangeRequest(), kept).action == "throw away"


@pytest.mark.fault("G-18")
def test_a_piece_must_be_the_requested_range() -> None:
    """A piece counts only as exactly the requested range of the same ETag and total; else one connection continues."""
    kept = Kept(50, STRONG, DATE, 500)
    assert piece_headers(kept, (100, 300)) == {"range": "bytes=100-299", "if-match": STRONG}
    for status, headers in itertools.product((200, 206, 412, 416, 304), answers()):
        fits = status == 206 and headers.get("content-range") == "bytes 100-299/500"
        fits = fits and headers.get("etag") in (None, STRONG)
        reading = read_piece(status, headers, (100, 300), kept)
        assert reading.action == ("go on" if fits else "alone"), (status, headers)
