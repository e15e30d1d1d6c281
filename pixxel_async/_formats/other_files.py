"""Containers other than ZIP: how much of each can be proved from its own bytes. Sync, in bounded memory."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import BinaryIO, Literal

from ..errors import Corrupt
from .tiff import check_tiff
from .zip_walk import ReadableFile, Tick

__all__ = ["check_format"]

_CHUNK = 1 << 18
_OUT = 1 << 20
_MOST_JSON = 64 << 20
_BLOCK = 512

Found = Literal["crc", "structure", "size"]


def check_format(source: ReadableFile, container: str, *, full: bool, tick: Tick) -> Found:
    """Prove what the format lets one prove.

    Args:
        container: one of `packages.rules.containers.Container`, ZIP excepted.
        full: whether every byte is read.
        tick: called between chunks; raises to end the work.

    Returns:
        `crc` when checksums of all bytes were right, `structure` when the format's own ends and lengths were, `size`
        when the format says nothing about itself.

    Raises:
        Corrupt: the file contradicts itself or is cut off.
    """
    check = _CHECKS.get(container)
    if check is None:
        return "size"
    with source.open("rb") as file:
        return check(file, full, tick)


def _gzip(file: BinaryIO, full: bool, tick: Tick) -> Found:
    """One or more gzip streams, one after the other; the last one must have ended."""
    if not full:
        return "size"
    unpacker = zlib.decompressobj(wbits=31)
    try:
        while rest := file.read(_CHUNK):
            tick()
            while rest:
                if unpacker.eof:
                    unpacker = zlib.decompressobj(wbits=31)
                unpacker.decompress(rest, _OUT)
                rest = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
        while not unpacker.eof and unpacker.decompress(b"", _OUT):
            tick()
    except zlib.error:
        raise Corrupt("the gzip file is damaged") from None
    if not unpacker.eof:
        raise Corrupt("the gzip file is cut off")
    return "crc"


def _tar(file: BinaryIO, full: bool, tick: Tick) -> Found:
    """Each header's checksum, and the empty block that ends the archive."""
    size = file.seek(0, 2)
    at = 0
    while at < size:
        tick()
        file.seek(at)
        header = file.read(_BLOCK)
        if header == bytes(_BLOCK):
            return "structure"
        at += _BLOCK + _tar_length(header)
    raise Corrupt("the tar file is cut off")


def _tar_length(header: bytes) -> int:
    """Bytes of an entry after its header, in whole blocks."""
    try:
        stated = int(header[148:156].strip(b" \x00") or b"-1", 8)
        packed = header[124:136]
        length = int.from_bytes(packed[1:], "big") if packed[0] & 0x80 else int(packed.strip(b" \x00") or b"0", 8)
    except (ValueError, IndexError):
        raise Corrupt("the tar file is damaged") from None
    if stated != sum(header[:148]) + sum(header[156:]) + 8 * 0x20:
        raise Corrupt("the tar file is damaged")
    return -(-length // _BLOCK) * _BLOCK


def _png(file: BinaryIO, full: bool, tick: Tick) -> Found:
    """Each chunk's CRC; the last chunk must be the end, and the end of the file."""
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


def _jpeg(file: BinaryIO, full: bool, tick: Tick) -> Found:
    if not _tail(file, 64).rstrip(b"\x00").endswith(b"\xff\xd9"):
        raise Corrupt("the JPEG is cut off")
    return "structure"


def _geojson(file: BinaryIO, full: bool, tick: Tick) -> Found:
    """The whole document is read if it is of a bearable size; else its two ends."""
    if not _tail(file, 4096).rstrip().endswith(b"}"):
        raise Corrupt("the GeoJSON is cut off")
    if full and file.seek(0, 2) <= _MOST_JSON:
        file.seek(0)
        try:
            json.loads(file.read())
        except (ValueError, RecursionError):
            raise Corrupt("the GeoJSON is damaged") from None
    return "structure"


def _tiff(file: BinaryIO, full: bool, tick: Tick) -> Found:
    """All strips, tiles and tag values that it lists lie inside it."""
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


def _tail(file: BinaryIO, length: int) -> bytes:
    size = file.seek(0, 2)
    file.seek(max(0, size - length))
    return file.read()


_CHECKS: Mapping[str, Callable[[BinaryIO, bool, Tick], Found]] = {
    "gzip": _gzip,
    "tar.gz": _gzip,
    "tar": _tar,
    "png": _png,
    "jpeg": _jpeg,
    "geojson": _geojson,
    "tiff": _tiff,
}
