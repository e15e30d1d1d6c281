"""Detection of a file's container by its first bytes: a known container, an error page, or neither.

# ASSUMPTION: the containers of the package kinds are not documented (only jobs are said to be ZIP), so each container
# is accepted for every kind, an unknown one, too. Only what looks like an error page is refused.
"""

from __future__ import annotations

import re
import zlib
from typing import Literal

__all__ = ["HEAD", "Container", "recognise"]

Container = Literal[
    "zip", "tar", "tar.gz", "gzip", "zstd", "7z", "tiff", "hdf5", "netcdf", "jpeg2000", "nitf",
    "csv", "png", "jpeg", "geojson", "page", "unknown",
]  # fmt: skip

HEAD = 4096
"""First bytes of a file that detection needs."""

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
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"CDF\x01", "netcdf"),
    (b"CDF\x02", "netcdf"),
    (b"CDF\x05", "netcdf"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "jpeg2000"),
    (b"\xff\x4f\xff\x51", "jpeg2000"),
    (b"NITF0", "nitf"),
    (b"NSIF0", "nitf"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)
_GEOJSON = re.compile(
    r'"type"\s*:\s*"(Feature|FeatureCollection|(Multi)?(Point|LineString|Polygon)|GeometryCollection)"'
)
_DELIMITERS = ",;\t"
_PRINTABLE = bytes((*range(0x20, 0x7F), 0x09, 0x0A, 0x0D))


def recognise(head: bytes, promised: Container | None = None) -> Container:
    """Detect a file's container.

    Args:
        head: the first `HEAD` bytes, or the whole file if it is shorter.
        promised: the container that it must have, if known; for "csv", a header line without rows is enough.

    Returns:
        `page` for HTML, XML, plain text and JSON other than GeoJSON: what servers send in place of a file.
    """
    for magic, container in _MAGIC:
        if head.startswith(magic):
            return container
    if head.startswith(b"\x1f\x8b\x08"):
        return "tar.gz" if _is_tar(_inflate_start(head)) else "gzip"
    if _is_tar(head):
        return "tar"
    text = _decode_text(head)
    if text is None and _is_mostly_text(head):  # an error page in Latin-1, or one with a damaged byte
        text = head.decode("latin-1").strip()
    return _text_container(text, rows=promised != "csv") if text is not None else "unknown"


def _is_tar(head: bytes) -> bool:
    return head[257:262] == b"ustar"


def _inflate_start(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(head, 512)
    except zlib.error:
        return b""


def _is_mostly_text(head: bytes) -> bool:
    """Return whether nine of ten bytes are printable ASCII or white space; compressed bytes have about 4 of 10."""
    return len(head) > 0 and len(head.translate(None, _PRINTABLE)) <= len(head) // 10


def _decode_text(head: bytes) -> str | None:
    """Decode the head as UTF-8, a character cut in two at its end left out; None if it is no text."""
    for cut in range(min(4, len(head))):
        try:
            text = head[: len(head) - cut].decode("utf-8-sig")
        except UnicodeDecodeError:
            continue
        return None if any(char < " " and char not in "\t\r\n\f" for char in text) else text.strip()
    return None


def _text_container(text: str, *, rows: bool) -> Container:
    if not text or text.startswith("<"):
        return "page" if text else "unknown"
    if text.startswith(("{", "[")):
        return "geojson" if text.startswith("{") and _GEOJSON.search(text) else "page"
    return "csv" if _is_csv(text, rows=rows) else "page"


def _is_csv(text: str, *, rows: bool) -> bool:
    """Return whether the first two lines have equally many delimiters; quoted cells may hide some.

    Args:
        rows: whether a second line is required; if not, blanks behind the delimiters mean that it is a sentence.
    """
    lines = text.splitlines()
    delimiter = max(_DELIMITERS, key=lines[0].count)
    columns = lines[0].count(delimiter)
    if not columns or len(lines) < 2:
        return bool(columns) and not rows and f"{delimiter} " not in lines[0]
    return '"' in lines[0] + lines[1] or len(lines) == 2 or lines[1].count(delimiter) == columns
