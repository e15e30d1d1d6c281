"""What the headers of a partial answer say. Source: RFC 9110, sections 8.8.3 and 14.4."""

from __future__ import annotations

import re

from attrs import frozen

_BYTES = re.compile(r"bytes (?:([0-9]{1,19})-([0-9]{1,19})|\*)/([0-9]{1,19}|\*)", re.IGNORECASE | re.ASCII)
_STRONG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')


@frozen
class ContentRange:
    """Which bytes an answer holds.

    Attributes:
        first, last: the first and the last byte; both None in the answer 416, which holds none.
        total: bytes of the whole; None when the server does not say.
    """

    first: int | None
    last: int | None
    total: int | None


def parse_content_range(text: str | None) -> ContentRange | None:
    """A Content-Range header as a value; None when it is missing or makes no sense."""
    match = _BYTES.fullmatch((text or "").strip())
    if match is None:
        return None
    first, last, total = (int(part) if part and part != "*" else None for part in match.groups())
    if first is None or last is None:
        return None if total is None else ContentRange(None, None, total)
    sound = first <= last and (total is None or last < total)
    return ContentRange(first, last, total) if sound else None


def range_from(first: int) -> str:
    """The Range header that asks for everything from this byte on."""
    return f"bytes={first}-"


def is_strong(etag: str | None) -> bool:
    """Whether this is a strong ETag: one that promises the same bytes, so that a body may be continued by it."""
    return _STRONG.fullmatch((etag or "").strip()) is not None
