"""Unpack one member of a ZIP piece by piece, and verify its checksum."""

from __future__ import annotations

import zlib

from ..errors import Corrupt
from .zip_structure import Entry

__all__ = ["MemberDecoder", "unsupported_reason"]

_STORED, _DEFLATED = 0, 8
_PIECE = 1 << 20


def unsupported_reason(entry: Entry) -> str:
    """Return why a member cannot be unpacked here; empty if it can."""
    if entry.encrypted:
        return "encrypted"
    return "" if entry.method in (_STORED, _DEFLATED) else f"compression method {entry.method} is not supported"


class MemberDecoder:
    """Convert packed bytes, in pieces of any size, to unpacked pieces of bounded size.

    `give` some, `take` until nothing comes, and so on; `end` after the last.

    Args:
        entry: the member's directory entry.
    """

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._unpacker = zlib.decompressobj(wbits=-zlib.MAX_WBITS) if entry.method == _DEFLATED else None
        self._packed = self._last = b""
        self._size = self._crc = 0

    def give(self, packed: bytes) -> None:
        """Add packed bytes; all earlier ones must have been taken."""
        if packed and self._unpacker is not None and self._unpacker.eof:
            raise self._damage_error()
        self._packed = packed

    def take(self) -> bytes:
        """Return the next unpacked bytes; nothing if more packed bytes are needed.

        Raises:
            Corrupt: the bytes cannot be unpacked, or exceed the size in the directory.
        """
        piece = self._packed if self._unpacker is None else self._inflate(self._unpacker)
        if self._unpacker is None:
            self._packed = b""
        self._size += len(piece)
        self._crc = zlib.crc32(piece, self._crc)
        if self._size > self._entry.size:
            raise self._damage_error()
        return piece

    def end(self) -> None:
        """Raise `Corrupt` unless all bytes came and match the checksum."""
        unpacker = self._unpacker
        complete = unpacker is None or (unpacker.eof and not unpacker.unused_data)
        if not complete or (self._size, self._crc) != (self._entry.size, self._entry.crc):
            raise self._damage_error()

    def _inflate(self, unpacker: zlib._Decompress) -> bytes:
        try:
            piece = unpacker.decompress(self._packed, _PIECE)
        except zlib.error:
            raise self._damage_error() from None
        self._packed = unpacker.unconsumed_tail
        if piece:
            self._last = piece  # freed sooner, its memory would go back to the system and be requested again
        return piece

    def _damage_error(self) -> Corrupt:
        return Corrupt(f"the bytes of {self._entry.name[:80]!r} in the archive do not match its checksum")
