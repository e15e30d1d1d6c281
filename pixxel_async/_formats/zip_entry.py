"""One member of a ZIP archive, as its directory has it."""

from __future__ import annotations

import stat
import zlib

from attrs import frozen

__all__ = ["DEFLATED", "DESCRIPTOR", "STORED", "Entry", "unicode_name"]

STORED, DEFLATED = 0, 8
"""The methods that are unpacked here."""
ENCRYPTED, DESCRIPTOR, UTF8 = 0x1, 0x8, 0x800
"""The flags that matter here."""


@frozen
class Entry:
    """One member.

    Attributes:
        raw_name: its name as bytes.
        flags, method: as in the archive; method 0 is stored, 8 deflated.
        crc: CRC-32 of the unpacked bytes.
        packed, size: bytes in the archive, and unpacked.
        offset: where its local header starts.
        mode: what a Unix system would make of it; 0 when the writer did not say.
        unicode: its name in UTF-8 from an extra field; None when there is none that belongs to `raw_name`.
    """

    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    mode: int = 0
    unicode: bytes | None = None

    @property
    def encrypted(self) -> bool:
        """Whether its bytes cannot be unpacked without a password."""
        return bool(self.flags & ENCRYPTED)

    @property
    def streamed(self) -> bool:
        """Whether a descriptor follows its bytes; the flag of the local header is the one that counts."""
        return bool(self.flags & DESCRIPTOR)

    @property
    def special(self) -> bool:
        """Whether it would become a link, a device or the like."""
        return stat.S_IFMT(self.mode) not in (0, stat.S_IFREG, stat.S_IFDIR)

    @property
    def name(self) -> str:
        """The name as text; nothing is promised about where it would lead."""
        if self.unicode is not None:
            return self.unicode.decode("utf-8", errors="replace")
        return self.raw_name.decode("utf-8" if self.flags & UTF8 else "cp437", errors="replace")


def unicode_name(block: bytes, raw_name: bytes) -> bytes | None:
    """The name in an extra field (application note, 4.6.9), if it is of this very name."""
    fits = len(block) > 5 and block[0] == 1 and int.from_bytes(block[1:5], "little") == zlib.crc32(raw_name)
    return block[5:] if fits else None
