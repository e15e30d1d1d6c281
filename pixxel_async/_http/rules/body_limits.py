"""Limits of response bodies: size, decompression ratio, time for an error's body."""

from __future__ import annotations

_FREE = 10_000_000
"""Bytes up to which any compression ratio is accepted."""
_RATIO = 200
"""Highest ratio of decompressed to compressed bytes beyond that; JSON of repeated rows has about 50."""

ERROR_BODY_TIMEOUT = 5.0
"""Seconds to read an error's body: the status alone is enough to act on, however slowly the rest arrives."""


def too_large(size: int, raw: int, limit: int) -> str:
    """Return the reason to stop reading, or an empty text.

    Args:
        size: bytes of the body, decompressed, or as announced by Content-Length.
        raw: bytes received before decompression; 0 if unknown.
        limit: most bytes allowed.
    """
    if size > limit:
        return f"is larger than {limit} bytes"
    if raw and size > _FREE and size > _RATIO * raw:
        return f"grows more than {_RATIO}-fold when it is decompressed"
    return ""
