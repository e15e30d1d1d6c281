"""How large an answer may be, before and after decompression, and how long an error may take to be told."""

from __future__ import annotations

_FREE = 10_000_000
"""Bytes up to which any compression is taken."""
_RATIO = 200
"""Bytes that one compressed byte may stand for beyond; JSON of repeated rows comes to about 50."""

TELLING = 5.0
"""Seconds for an error's body at most: its status says enough, and may be acted on, however slowly the rest is sent."""


def too_large(size: int, raw: int, limit: int) -> str:
    """Why to read no further, or an empty text.

    Args:
        size: bytes of the body, decompressed, or as announced.
        raw: bytes of it on the wire; 0 when nothing is known.
        limit: bytes that are allowed.
    """
    if size > limit:
        return f"is larger than {limit} bytes"
    if raw and size > _FREE and size > _RATIO * raw:
        return f"grows more than {_RATIO}-fold when it is decompressed"
    return ""
