"""What a file is, by its first bytes: a container that a package may come in, an error page, or neither.

# ASSUMPTION: nobody publishes which container each kind of package comes in (ZIP is said of jobs only), so that each
# of them is accepted for every kind.
"""

from __future__ import annotations

import re
import zlib
from typing import Literal

__all__ = ["HEAD", "Container", "recognise"]

Container = Literal["zip", "tar", "tar.gz", "gzip", "tiff", "csv", "png", "jpeg", "geojson", "page", "unknown"]

HEAD = 4096
"""Bytes from the beginning that are enough to tell."""

_MAGIC: tuple[tuple[bytes, Container], ...] = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"PK\x06\x06", "zip"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00\x08\x00", "tiff"),
    (b"MM\x00+\x00\x08", "tiff"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
)
_GEOJSON = re.compile(
    r'"type"\s*:\s*"(Feature|FeatureCollection|(Multi)?(Point|LineString|Polygon)|GeometryCollection)"'
)
_DELIMITERS = ",;\t"


def recognise(head: bytes, promised: Container | None = None) -> Container:
    """What a file is.

    Args:
        head: its first `HEAD` bytes, or all of it if it is shorter.
        promised: what it must be, if that is known: then a line of columns without rows is a CSV, too.

    Returns:
        `page` for HTML, XML, plain text and JSON that is no GeoJSON: what servers send in place of a file.
    """
    for magic, container in _MAGIC:
        if head.startswith(magic):
            return container
    if head.startswith(b"\x1f\x8b\x08"):
        return "tar.gz" if _is_tar(_inflated(head)) else "gzip"
    if _is_tar(head):
        return "tar"
    text = _text(head)
    return _written(text, rows=promised != "csv") if text is not None else "unknown"


def _is_tar(head: bytes) -> bool:
    return head[257:262] == b"ustar"


def _inflated(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(head, 512)
    except zlib.error:
        return b""


def _text(head: bytes) -> str | None:
    """The head as text, None when it is none; a character that is cut in two at its end does not count."""
    for cut in range(min(4, len(head))):
        try:
            text = head[: len(head) - cut].decode("utf-8-sig")
        except UnicodeDecodeError:
            continue
        return None if any(char < " " and char not in "\t\r\n\f" for char in text) else text.strip()
    return None


def _written(text: str, *, rows: bool) -> Container:
    if not text or text.startswith("<"):
        return "page" if text else "unknown"
    if text.startswith(("{", "[")):
        return "geojson" if text.startswith("{") and _GEOJSON.search(text) else "page"
    return "csv" if _is_csv(text, rows=rows) else "page"


def _is_csv(text: str, *, rows: bool) -> bool:
    """A first line with delimiters, and as many in the second unless quoting hides some.

    Args:
        rows: whether there must be a second line; without one, blanks after the delimiters make it a sentence.
    """
    lines = text.splitlines()
    delimiter = max(_DELIMITERS, key=lines[0].count)
    columns = lines[0].count(delimiter)
    if not columns or len(lines) < 2:
        return bool(columns) and not rows and f"{delimiter} " not in lines[0]
    return '"' in lines[0] + lines[1] or len(lines) == 2 or lines[1].count(delimiter) == columns
