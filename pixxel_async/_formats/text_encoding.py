"""Detect the encoding of a text file from its first bytes."""

from __future__ import annotations

__all__ = ["PEEK_BYTES", "decode_text", "detect_encoding"]

PEEK_BYTES = 4
"""Bytes that `detect_encoding` needs."""

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
"""Byte order marks; that of UTF-32-LE begins as that of UTF-16-LE does, and is looked for first."""


def decode_text(data: bytes) -> str:
    """Decode a whole text file without its byte order mark; raises `UnicodeDecodeError` where it is not text."""
    return data.decode(detect_encoding(data[:PEEK_BYTES])).removeprefix("\ufeff")


def detect_encoding(head: bytes) -> str:
    """Return the codec of a text that begins with these bytes: by its byte order mark, else UTF-8.

    UTF-16 without a mark is recognised by the zero byte of its first character, which is ASCII in CSV and JSON.

    Args:
        head: the first `PEEK_BYTES` bytes, or fewer where the text is shorter.
    """
    for mark, codec in _MARKS:
        if head.startswith(mark):
            return codec
    if len(head) >= 2 and (head[0] == 0) != (head[1] == 0):
        return "utf-16-be" if head[0] == 0 else "utf-16-le"
    return "utf-8"
