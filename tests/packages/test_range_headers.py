"""Headers of partial responses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async._protocol.ranges import ContentRange, is_strong, parse_content_range


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bytes 0-99/100", ContentRange(0, 99, 100)),
        ("Bytes 5-5/*", ContentRange(5, 5, None)),
        (" bytes 0-0/1 ", ContentRange(0, 0, 1)),
        ("bytes */100", ContentRange(None, None, 100)),
        ("bytes */*", None),
        ("bytes 9-5/100", None),
        ("bytes 0-100/100", None),
        ("bytes 0-/100", None),
        ("bytes -5/100", None),
        ("bytes 0-9/100, 20-29/100", None),
        ("items 0-9/100", None),
        ("bytes 0-9", None),
        ("bytes +0-9/100", None),
        ("bytes ０-9/100", None),
        ("bytes 0-9/" + "9" * 30, None),
        ("", None),
        (None, None),
    ],
)
def test_content_range(text: str | None, expected: ContentRange | None) -> None:
    """A valid Content-Range is parsed; any other counts as absent."""
    assert parse_content_range(text) == expected


@pytest.mark.slow
@given(st.integers(0, 2**60), st.integers(0, 2**60))
def test_sound_ranges_are_read(first: int, length: int) -> None:
    """A formatted Content-Range is parsed back into the same numbers."""
    last = first + length
    assert parse_content_range(f"bytes {first}-{last}/{last + 1}") == ContentRange(first, last, last + 1)


@pytest.mark.parametrize(
    ("etag", "strong"),
    [('"abc"', True), ('""', True), ('W/"abc"', False), ("abc", False), ('"a"b"', False), ("", False), (None, False)],
)
def test_strong_etags(etag: str | None, strong: bool) -> None:
    """Only a quoted ETag without `W/` is strong."""
    assert is_strong(etag) is strong
