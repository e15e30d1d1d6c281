"""Asking for a part of a package, and what the headers of such an answer say. Source: RFC 9110, 8.8.3 and 14."""

from __future__ import annotations

import re

from attrs import frozen

_BYTES = re.compile(r"bytes (?:([0-9]{1,19})-([0-9]{1,19})|\*)/([0-9]{1,19}|\*)", re.IGNORECASE | re.ASCII)
_ONE = re.compile(r"bytes=[ \t]*(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))[ \t]*", re.IGNORECASE | re.ASCII)
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


@frozen
class ByteRange:
    """One range of bytes to ask for.

    Attributes:
        first: the first byte; None for the last bytes of the whole.
        last: the last byte, None for all from `first` on; without `first`, how many bytes from the end.
    """

    first: int | None
    last: int | None = None

    @property
    def header(self) -> str:
        """The value of a Range header."""
        return f"bytes={'' if self.first is None else self.first}-{'' if self.last is None else self.last}"

    def fits(self, told: ContentRange) -> bool:
        """Whether an answer with these bytes is one to this question: it starts where it should, and brings no more."""
        if told.first is None or told.last is None:
            return False
        if self.first is None:
            return told.total is None or told.first == max(told.total - (self.last or 0), 0)
        return told.first == self.first and (self.last is None or told.last <= self.last)


def parse_range(text: str | None) -> ByteRange | None:
    """A Range header with a single range of bytes; None for any other, which RFC 9110 allows to ignore."""
    match = _ONE.fullmatch(text or "")
    if match is None:
        return None
    first, last, suffix = (int(part) if part else None for part in match.groups())
    if first is None:
        return ByteRange(None, suffix)
    return None if last is not None and last < first else ByteRange(first, last)


def range_from(first: int) -> str:
    """The Range header that asks for everything from this byte on."""
    return f"bytes={first}-"


def is_strong(etag: str | None) -> bool:
    """Whether this is a strong ETag: one that promises the same bytes, so that a body may be continued by it."""
    return _STRONG.fullmatch((etag or "").strip()) is not None
