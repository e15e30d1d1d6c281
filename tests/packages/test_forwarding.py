"""Headers forwarded from browser to storage, and from storage to browser."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pixxel_async._protocol.ranges import ByteRange, ContentRange, parse_range
from pixxel_async.packages.reading.rules.forwarding import (
    Head,
    StorageRequest,
    browser_response,
    content_disposition,
    read_head,
    storage_request,
)

WHOLE = {"content-length": "10", "content-type": "application/zip", "etag": '"a"'}
ANY_TOTAL = {"content-range": "bytes 3-4/*"}
OUTSIDE = {"content-range": "bytes */10"}
PART = {**WHOLE, "content-length": "2", "content-range": "bytes 3-4/10"}


@pytest.mark.parametrize(
    ("method", "range", "if_range", "if_none_match", "headers"),
    [
        ("GET", None, None, None, {}),
        ("GET", "bytes=1-2", None, None, {"range": "bytes=1-2"}),
        ("GET", " bytes=1-2", None, None, {}),
        ("GET", "bytes=1-2", '"a"', None, {"range": "bytes=1-2", "if-range": '"a"'}),
        ("GET", "bytes=1-2", "a\r\nx: y", None, {}),
        ("GET", None, '"a"', None, {}),
        ("GET", None, None, 'W/"a", "b"', {"if-none-match": 'W/"a", "b"'}),
        ("GET", None, None, '"a"\nx', {}),
        ("GET", None, None, "a" * 1025, {}),
        ("HEAD", "bytes=1-2", '"a"', '"b"', {"range": "bytes=0-0", "if-none-match": '"b"'}),
    ],
)
def test_forwarded_request_headers(
    method: str, range: str | None, if_range: str | None, if_none_match: str | None, headers: dict[str, str]
) -> None:
    """Range headers are rewritten; a range with a condition that cannot be forwarded becomes a full request."""
    assert storage_request(method, range, if_range, if_none_match).headers == headers


@pytest.mark.parametrize(
    ("range", "content_range", "fits"),
    [
        ("bytes=3-4", "3-4/10", True),
        ("bytes=3-99", "3-9/10", True),
        ("bytes=3-", "3-9/*", True),
        ("bytes=-4", "6-9/10", True),
        ("bytes=-40", "0-9/10", True),
        ("bytes=3-4", "4-4/10", False),
        ("bytes=3-4", "3-5/10", False),
        ("bytes=-4", "5-9/10", False),
    ],
)
def test_a_response_fits_its_range(range: str, content_range: str, fits: bool) -> None:
    """A response fits a range if it starts there and holds no more."""
    wanted = parse_range(range)
    assert wanted is not None and wanted.header == range
    head = read_head(206, {"content-range": f"bytes {content_range}"}, wanted)
    assert (head is not None) is fits


def test_a_part_that_holds_nothing_fits_nothing() -> None:
    """A 206 without Content-Range, or with an empty one, fits no range."""
    assert not ByteRange(0).fits(ContentRange(None, None, 5))
    assert read_head(206, {}, ByteRange(0)) is None
    assert read_head(206, PART, None) is None


@pytest.mark.parametrize(
    ("status", "headers", "question", "expected"),
    [
        (200, WHOLE, storage_request("GET", None, None, None), (200, "10", None)),
        (200, {}, storage_request("GET", None, None, None), (200, None, None)),
        (200, {"content-length": "1e3"}, storage_request("GET", None, None, None), (200, None, None)),
        (206, PART, storage_request("GET", "bytes=3-4", None, None), (206, "2", "bytes 3-4/10")),
        (
            206,
            {"content-range": "bytes 3-4/*"},
            storage_request("GET", "bytes=3-4", None, None),
            (206, "2", "bytes 3-4/*"),
        ),
        (
            416,
            {"content-range": "bytes */10"},
            storage_request("GET", "bytes=30-", None, None),
            (416, "0", "bytes */10"),
        ),
        (416, {}, storage_request("GET", "bytes=30-", None, None), (416, "0", None)),
        (304, WHOLE, storage_request("GET", None, None, '"a"'), (304, None, None)),
        (206, {**PART, "content-range": "bytes 0-0/10"}, storage_request("HEAD", None, None, None), (200, "10", None)),
        (206, {"content-range": "bytes 0-0/*"}, storage_request("HEAD", None, None, None), (200, None, None)),
        (416, {"content-range": "bytes */0"}, storage_request("HEAD", None, None, None), (200, "0", None)),
        (200, WHOLE, storage_request("HEAD", None, None, None), (200, "10", None)),
    ],
)
def test_status_length_and_range(
    status: int, headers: dict[str, str], question: StorageRequest, expected: tuple[int, str | None, str | None]
) -> None:
    """Content-Range is rewritten from parsed numbers; HEAD gets the headers of the whole."""
    head = read_head(status, headers, question.range)
    assert head is not None
    code, sent = browser_response(head, question, "j")
    assert (code, sent.get("Content-Length"), sent.get("Content-Range")) == expected


@pytest.mark.parametrize(
    ("sent", "type"),
    [
        ("application/zip", "application/zip"),
        ("Image/TIFF; application=geotiff", "image/tiff"),
        ("binary/octet-stream", "application/octet-stream"),
        ("text/html", "application/octet-stream"),
        ("image/svg+xml", "application/octet-stream"),
        ("application/zip\r\nx: y", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
def test_content_types_are_listed(sent: str, type: str) -> None:
    """Only listed content types are forwarded, none that a browser would execute."""
    head = read_head(200, {"content-type": sent}, None)
    assert head is not None and head.type == type


SENDABLE = re.compile(r"[\x20-\x7e]*")
ODD = st.text() | st.sampled_from(
    ['"a"\r\nSet-Cookie: x', 'W/"a"', "Mon, 01 Jan 2024 00:00:00 GMT\n", '"' + "a" * 999 + '"']
)


@pytest.mark.slow
@given(st.fixed_dictionaries({}, optional=dict.fromkeys((*WHOLE, "last-modified", "accept-ranges", "x"), ODD)), ODD)
@example({"etag": '"a"\r\nSet-Cookie: x', "last-modified": "Mon, 01 Jan 2024 00:00:00 GMT\n"}, 'a"\r\nx: y')
def test_nothing_else_is_passed_on(headers: dict[str, str], name: str) -> None:
    """Whatever storage and name hold, only known headers are sent, printable and short."""
    head = read_head(200, headers, None)
    assert head is not None
    _, sent = browser_response(head, StorageRequest(), name)
    assert sent.keys() <= {
        "ETag", "Last-Modified", "Content-Length", "Accept-Ranges", "Content-Type", "Content-Disposition",
        "Cache-Control", "X-Content-Type-Options",
    }  # fmt: skip
    assert all(SENDABLE.fullmatch(value) and len(value) < 2000 for value in sent.values())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("j-1", 'attachment; filename="j-1.zip"'),
        ("../../etc/passwd", "attachment; filename=\"etc_passwd.zip\"; filename*=UTF-8''_.._etc_passwd.zip"),
        ('a"; x="b', "attachment; filename=\"a_x_b.zip\"; filename*=UTF-8''a_%3B%20x%3D_b.zip"),
        ("März 2026", "attachment; filename=\"M_rz_2026.zip\"; filename*=UTF-8''M%C3%A4rz%202026.zip"),
        ("\u202egpj.exe\r\n", 'attachment; filename="gpj.exe.zip"'),
        ("...", 'attachment; filename="package.zip"'),
        ("", 'attachment; filename="package.zip"'),
    ],
)
def test_a_file_name_is_one_name(name: str, expected: str) -> None:
    """A file name contains no folder, quote or line end; non-ASCII is kept beside an ASCII spelling."""
    assert content_disposition(name, ".zip") == expected


@pytest.mark.parametrize(
    ("first", "then", "same"),
    [
        (Head(200, etag='"a"', total=9, stop=9), Head(206, 3, 9, 9, '"a"'), True),
        (Head(200, etag='"a"'), Head(206, 3, 9, 9, '"a"'), True),
        (Head(200, etag='"a"', total=9, stop=9), Head(206, 3, 9, 9, '"b"'), False),
        (Head(200, etag='"a"', total=9, stop=9), Head(206, 3, 9, 9), False),
        (Head(200, etag='"a"', total=9, stop=9), Head(206, 3, 9, 10, '"a"'), False),
        (Head(200, etag='"a"', total=9, stop=9), Head(206, 3, 8, 9, '"a"'), False),
        (Head(200, etag='"a"', total=9, stop=9), Head(200, 0, 9, 9, '"a"'), False),
        (Head(200, etag='"a"', last_modified="x"), Head(206, 3, 9, 9, '"a"', "y"), False),
        (Head(200, etag='"a"', last_modified="x"), Head(206, 3, 9, 9, '"a"'), True),
    ],
)
def test_when_a_response_continues_a_body(first: Head, then: Head, same: bool) -> None:
    """A response continues a body only if it is a part of the same version with the same end."""
    assert first.is_continued_by(then) is same
    assert not first.is_continued_by(None)
