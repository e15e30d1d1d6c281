"""Range requests: Range, Content-Range and ETag headers. Source: RFC 9110, 8.8.3 and 14."""

from __future__ import annotations

import re

from attrs import frozen

_BYTES = re.compile(r"bytes (?:([0-9]{1,19})-([0-9]{1,19})|\*)/([0-9]{1,19}|\*)", re.IGNORECASE | re.ASCII)
_ONE = re.compile(r"bytes=[ \t]*(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))[ \t]*", re.IGNORECASE | re.ASCII)
_STRONG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')


@frozen
class ContentRange:
    """The bytes that a response holds.

    Attributes:
        first, last: offsets of the first and last byte, inclusive; both None in a 416, which holds none.
        total: size of the whole body in bytes; None if the server does not say.
    """

    first: int | None
    last: int | None
    total: int | None


def parse_content_range(text: str | None) -> ContentRange | None:
    """Parse a Content-Range header; None if it is missing or inconsistent."""
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
    """One range of bytes to request.

    Attributes:
        first: offset of the first byte; None for a suffix range.
        last: offset of the last byte, inclusive, None for all from `first` on; length of the suffix without `first`.
    """

    first: int | None
    last: int | None = None

    @property
    def header(self) -> str:
        """Value of the Range header."""
        return f"bytes={'' if self.first is None else self.first}-{'' if self.last is None else self.last}"

    def fits(self, served: ContentRange) -> bool:
        """Return whether a response with these bytes answers this range: same start, and no byte beyond its end."""
        if served.first is None or served.last is None:
            return False
        if self.first is None:
            return served.total is None or served.first == max(served.total - (self.last or 0), 0)
        return served.first == self.first and (self.last is None or served.last <= self.last)


def parse_range(text: str | None) -> ByteRange | None:
    """Parse a Range header with a single byte range; None for any other, which RFC 9110 allows to ignore."""
    match = _ONE.fullmatch(text or "")
    if match is None:
        return None
    first, last, suffix = (int(part) if part else None for part in match.groups())
    if first is None:
        return ByteRange(None, suffix)
    return None if last is not None and last < first else ByteRange(first, last)


def is_strong(etag: str | None) -> bool:
    """Return whether an ETag is strong, that is, whether equal tags mean equal bytes, so that a download may resume."""
    return _STRONG.fullmatch((etag or "").strip()) is not None
