"""Checks of containers other than ZIP, as far as each can be proved from its own bytes; in bounded memory.

Checked are the formats that the API's documentation names. Every other container is proved by its size only.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import BinaryIO, Literal

from ..errors import Corrupt
from .detect import HEAD
from .tiff import check_tiff
from .zip_structure import TAIL, has_end
from .zip_walk import ReadableFile, Tick

__all__ = ["check_format"]

_CHUNK = 1 << 18
_MAX_JSON = 64 << 20
"""Bytes of a GeoJSON that is parsed as a whole."""

Found = Literal["crc", "structure", "size"]


def check_format(source: ReadableFile, container: str, *, full: bool, tick: Tick) -> Found:
    """Check a file as far as its format allows.

    Args:
        container: one of `detect.Container`, except "zip".
        full: whether to read every byte.
        tick: called between chunks; may raise to abort.

    Returns:
        `crc` if checksums cover all bytes, `structure` if the format's lengths and end marks are right, `size` if the
        format has neither, or is not checked here.

    Raises:
        Corrupt: the file contradicts itself or is cut off.
    """
    check = _CHECKS.get(container)
    if check is None:
        return "size"
    with source.open("rb") as file:
        return check(file, full, tick)


def _check_unknown(file: BinaryIO, full: bool, tick: Tick) -> Found:
    """Accept any bytes but two: a hole (zeros at the start), and a ZIP whose first bytes are damaged."""
    if not any(file.read(HEAD)):
        raise Corrupt("the file starts with zeros: its bytes never reached the disk, or the storage")
    if has_end(_read_tail(file, TAIL)):
        raise Corrupt("the file ends as a ZIP archive and does not start as one")
    return "size"


def _check_png(file: BinaryIO, full: bool, tick: Tick) -> Found:
    """Check each chunk's CRC-32; IEND must be the last chunk and the end of the file."""
    file.seek(8)
    kind = b""
    while head := file.read(8):
        tick()
        if len(head) < 8 or kind == b"IEND":
            raise Corrupt("the PNG is damaged after its end")
        length, kind = struct.unpack(">L4s", head)
        crc = zlib.crc32(kind)
        while length:
            piece = file.read(min(length, _CHUNK))
            if not piece:
                raise Corrupt("the PNG is cut off")
            crc, length = zlib.crc32(piece, crc), length - len(piece)
        if file.read(4) != crc.to_bytes(4, "big"):
            raise Corrupt("the PNG is damaged")
    if kind != b"IEND":
        raise Corrupt("the PNG is cut off")
    return "crc"


def _check_jpeg(file: BinaryIO, full: bool, tick: Tick) -> Found:
    if not _read_tail(file, 64).rstrip(b"\x00").endswith(b"\xff\xd9"):
        raise Corrupt("the JPEG is cut off")
    return "structure"


def _check_geojson(file: BinaryIO, full: bool, tick: Tick) -> Found:
    """Parse the whole document up to `_MAX_JSON` bytes; check the end of a larger one."""
    if not _read_tail(file, 4096).rstrip().endswith(b"}"):
        raise Corrupt("the GeoJSON is cut off")
    if full and file.seek(0, 2) <= _MAX_JSON:
        file.seek(0)
        try:
            json.loads(file.read())
        except (ValueError, RecursionError):
            raise Corrupt("the GeoJSON is damaged") from None
    return "structure"


def _check_tiff(file: BinaryIO, full: bool, tick: Tick) -> Found:
    """Check that all strips, tiles and tag values that the directories list lie inside the file."""
    size = file.seek(0, 2)

    def read(at: int, length: int) -> bytes:
        tick()
        if at + length > size:
            return b""
        file.seek(at)
        return file.read(length)

    layout = check_tiff(read)
    if layout.needed > size:
        raise Corrupt(f"the TIFF is cut off: it lists {layout.needed} bytes and has {size}")
    return "structure"


def _read_tail(file: BinaryIO, length: int) -> bytes:
    size = file.seek(0, 2)
    file.seek(max(0, size - length))
    return file.read()


_CHECKS: Mapping[str, Callable[[BinaryIO, bool, Tick], Found]] = {
    "unknown": _check_unknown,
    "png": _check_png,
    "jpeg": _check_jpeg,
    "geojson": _check_geojson,
    "tiff": _check_tiff,
}
