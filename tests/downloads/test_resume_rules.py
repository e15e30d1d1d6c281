"""The table of `rules/resume.py`, all of it."""

from __future__ import annotations

import itertools

import pytest

from pixxel_async.downloads.rules.resume import Kept, Reading, Request, read, request

STRONG, WEAK, DATE = '"a-1"', 'W/"a-1"', "Mon, 02 Jun 2025 00:00:00 GMT"
REST = {"range": "bytes=100-"}


@pytest.mark.parametrize(
    ("kept", "proved", "unsafe", "expected"),
    [
        (Kept(), True, True, Request()),
        (Kept(0, STRONG, DATE, 500), True, True, Request()),
        (Kept(600, STRONG, DATE, 500), True, True, Request()),
        (Kept(500, STRONG, DATE, 500), False, False, Request(500, complete=True)),
        (Kept(500, None, None, 500), False, False, Request(500, complete=True)),
        (Kept(100, STRONG, None, None), False, False, Request(100, REST | {"if-range": STRONG})),
        (Kept(100, STRONG, DATE, 500), True, True, Request(100, REST | {"if-range": STRONG})),
        (Kept(100, WEAK, DATE, 500), True, False, Request(100, REST | {"if-range": DATE})),
        (Kept(100, None, DATE, 500), True, False, Request(100, REST | {"if-range": DATE})),
        (Kept(100, None, DATE, None), True, True, Request()),
        (Kept(100, None, DATE, 500), False, True, Request()),
        (Kept(100, WEAK, None, 500), True, True, Request()),
        (Kept(100, None, None, 500), True, True, Request(100, REST)),
        (Kept(100, None, None, 500), True, False, Request()),
        (Kept(100, None, None, 500), False, True, Request()),
    ],
)
def test_what_is_asked_for(kept: Kept, proved: bool, unsafe: bool, expected: Request) -> None:
    """The rest is asked for only where a validator, or at the caller's wish the archive's checksums, vouch for it."""
    assert request(kept, proved=proved, unsafe=unsafe) == expected


KEPT = Kept(100, STRONG, DATE, 500)
ASKED = Request(100, REST)


@pytest.mark.parametrize(
    ("status", "headers", "asked", "expected"),
    [
        (206, {"content-range": "bytes 100-499/500"}, ASKED, Reading("go on", 500)),
        (206, {"content-range": "bytes 100-299/500", "etag": STRONG}, ASKED, Reading("go on", 500)),
        (206, {"content-range": "bytes 99-499/500"}, ASKED, Reading("throw away")),
        (206, {"content-range": "bytes 101-499/500"}, ASKED, Reading("throw away")),
        (206, {"content-range": "bytes 100-599/600"}, ASKED, Reading("throw away")),
        (206, {"content-range": "bytes 100-499/*"}, ASKED, Reading("throw away")),
        (206, {"content-range": "bytes 100-499/500", "etag": '"b"'}, ASKED, Reading("throw away")),
        (206, {"content-range": "bytes 100-499/500", "last-modified": "later"}, ASKED, Reading("throw away")),
        (206, {"content-range": "bytes */500"}, ASKED, Reading("throw away")),
        (206, {"content-range": "lines 1-2/3"}, ASKED, Reading("throw away")),
        (206, {"content-type": "multipart/byteranges; boundary=x"}, ASKED, Reading("throw away")),
        (206, {"content-range": "bytes 0-499/500"}, Request(), Reading("throw away")),
        (200, {"content-length": "500"}, ASKED, Reading("from 0", 500)),
        (200, {"content-length": "500"}, Request(), Reading("from 0", 500)),
        (200, {}, Request(), Reading("from 0", None)),
        (200, {"content-length": "٥"}, Request(), Reading("from 0", None)),
        (416, {"content-range": "bytes */100"}, ASKED, Reading("complete", 100)),
        (416, {"content-range": "bytes */500"}, ASKED, Reading("throw away", 500)),
        (416, {}, ASKED, Reading("throw away")),
        (416, {"content-range": "bytes */0"}, Request(), Reading("throw away")),
    ],
)
def test_what_an_answer_means(status: int, headers: dict[str, str], asked: Request, expected: Reading) -> None:
    """A part is taken only if it begins where asked and is of the same object; a whole body begins at 0."""
    assert read(status, headers, asked, KEPT) == expected


def test_an_unknown_total_takes_any() -> None:
    """Where the first answer did not say how long the package is, the continuation may."""
    kept = Kept(100, STRONG, None, None)

    assert read(206, {"content-range": "bytes 100-199/200"}, ASKED, kept) == Reading("go on", 200)


def test_no_combination_goes_on_without_a_reason() -> None:
    """Over all combinations: bytes are only ever added at the place where they belong, to the same total."""
    totals, etags, starts = [None, 500, 600], [None, STRONG, '"b"'], [0, 99, 100, 101]
    for total, etag, start, status in itertools.product(totals, etags, starts, [200, 206, 416]):
        told = "*" if total is None else str(total)
        headers = {"content-range": f"bytes {start}-499/{told}"} | ({"etag": etag} if etag else {})
        reading = read(status, headers, ASKED, KEPT)
        sound = status == 206 and start == 100 and total == 500 and etag in (None, STRONG)
        assert (reading.action == "go on") == sound
