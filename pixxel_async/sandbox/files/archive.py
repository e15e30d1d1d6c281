"""ZIP files of stored members as virtual bytes: sizes and checksums known beforehand, stable bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from attrs import frozen

from .virtual_bytes import Piece, VirtualBytes

_LIMIT = 0xFFFFFFFF
_STAMP = (6 << 11 | 30 << 5, (2025 - 1980) << 9 | 3 << 5 | 3)
"""DOS time and date of every member; fixed, so that the bytes are stable."""
_UTF8 = 0x800


@frozen
class ArchiveMember:
    """One file of an archive.

    Attributes:
        name: path inside the archive, with slashes.
        content: its bytes.
    """

    name: str
    content: VirtualBytes


def make_archive(members: Iterable[ArchiveMember]) -> VirtualBytes:
    """Make an uncompressed ZIP of these members in order; ZIP64 where sizes need it."""
    pieces: list[Piece] = []
    directory: list[bytes] = []
    at = 0
    for member in members:
        name, crc, size = member.name.encode(), member.content.crc(), member.content.size
        head = _local(name, crc, size)
        directory.append(_central(name, crc, size, at))
        pieces += [Piece(head, len(head)), *member.content.pieces]
        at += len(head) + size
    tail = b"".join(directory)
    tail += _ends(len(directory), len(tail), at)
    return VirtualBytes([*pieces, Piece(tail, len(tail))])


def _local(name: bytes, crc: int, size: int) -> bytes:
    big = struct.pack("<HHQQ", 1, 16, size, size) if size >= _LIMIT else b""
    size32 = min(size, _LIMIT)
    version = 45 if big else 20
    fixed = (b"PK\x03\x04", version, _UTF8, 0, *_STAMP, crc, size32, size32, len(name), len(big))
    return struct.pack("<4sHHHHHIIIHH", *fixed) + name + big


def _central(name: bytes, crc: int, size: int, at: int) -> bytes:
    big = struct.pack("<QQ", size, size) if size >= _LIMIT else b""
    big += struct.pack("<Q", at) if at >= _LIMIT else b""
    extra = struct.pack("<HH", 1, len(big)) + big if big else b""
    size32, version = min(size, _LIMIT), 45 if big else 20
    fixed = (b"PK\x01\x02", 3 << 8 | version, version, _UTF8, 0, *_STAMP, crc, size32, size32, len(name), len(extra))
    return (
        struct.pack("<4sHHHHHHIIIHH", *fixed)
        + struct.pack("<HHHII", 0, 0, 0, 0o644 << 16, min(at, _LIMIT))
        + name
        + extra
    )


def _ends(count: int, size: int, at: int) -> bytes:
    wide = b""
    if count >= 0xFFFF or at >= _LIMIT:
        wide = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, at)
        wide += struct.pack("<4sIQI", b"PK\x06\x07", 0, at + size, 1)
    count16 = min(count, 0xFFFF)
    return wide + struct.pack(
        "<4sHHHHIIH", b"PK\x05\x06", 0, 0, count16, count16, min(size, _LIMIT), min(at, _LIMIT), 0
    )
