"""One member of a ZIP archive, as its central directory describes it, and the one reading of its name."""

from __future__ import annotations

import stat
import zlib

from attrs import frozen

from .name_encoding import percent_encode

__all__ = ["DEFLATED", "DESCRIPTOR", "STORED", "Entry", "is_raster", "make_portable", "unicode_name"]

STORED, DEFLATED = 0, 8
"""Compression methods that are supported here."""
ENCRYPTED, DESCRIPTOR, UTF8 = 0x1, 0x8, 0x800
"""General purpose flags: bits 0, 3 and 11."""
UNIX_HOSTS = frozenset({3, 19})
"""Hosts (upper byte of "version made by") whose file names are bytes, UTF-8 as a rule: Unix and macOS."""
_UNPORTABLE = str.maketrans(dict.fromkeys('<>:"|?*', "_"))
"""Characters that Windows forbids in file names and Unix allows, such as the colons of an ISO time."""


@frozen(repr=False)
class Entry:
    """One member.

    Attributes:
        raw_name: name as bytes, as in the archive.
        flags, method: as in the archive; method 0 is stored, 8 deflated.
        crc: CRC-32 of the uncompressed bytes.
        packed, size: compressed and uncompressed bytes.
        offset: offset of the local header.
        mode: Unix file mode; 0 if unknown.
        unicode: UTF-8 name from the extra field 0x7075; None unless one belongs to `raw_name`.
        host: system that wrote it, the upper byte of "version made by"; 3 is Unix.
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
    host: int = 0

    def __repr__(self) -> str:
        return f"Entry(name={self.name[:200]!r}, size={self.size})"

    @property
    def encrypted(self) -> bool:
        """Whether its bytes are encrypted."""
        return bool(self.flags & ENCRYPTED)

    @property
    def streamed(self) -> bool:
        """Whether a data descriptor follows its bytes; the local header's flag decides."""
        return bool(self.flags & DESCRIPTOR)

    @property
    def special(self) -> bool:
        """Whether it is a symbolic link, a device or the like."""
        return stat.S_IFMT(self.mode) not in (0, stat.S_IFREG, stat.S_IFDIR)

    @property
    def name(self) -> str:
        """The name as text, without leading `./`; not checked to be a safe path.

        Four cases: the extra field's UTF-8; flag 11 says UTF-8; valid UTF-8 written on Unix or macOS, where many
        writers leave the flag out; else code page 437, as the application note (4.4.4) says.
        """
        if self.unicode is not None:
            name = self.unicode.decode("utf-8", errors="replace")
        elif self.flags & UTF8:
            name = self.raw_name.decode("utf-8", errors="replace")
        else:
            name = _decode_unflagged(self.raw_name, self.host)
        while name.startswith("./") and name != "./":
            name = name[2:]
        return name

    @property
    def unpacked_as(self) -> str:
        """Its path below the folder of unpacked files; see `make_portable`."""
        return make_portable(self.name)


def make_portable(name: str) -> str:
    """Return the name with `_` for each of `< > : " | ? *`, percent-encoded where the file system cannot spell it."""
    return percent_encode(name.translate(_UNPORTABLE))


def _decode_unflagged(raw_name: bytes, host: int) -> str:
    """Decode a name without flag 11."""
    if host in UNIX_HOSTS:
        try:
            return raw_name.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return raw_name.decode("cp437")


def is_raster(name: str) -> bool:
    """Return whether a member's name is a GeoTIFF's; macOS' resource forks (`__MACOSX/`, `._*`) are none."""
    *folders, file = name.split("/")
    hidden = file.startswith("._") or "__MACOSX" in folders
    return not hidden and file.lower().endswith((".tif", ".tiff"))


def unicode_name(block: bytes, raw_name: bytes) -> bytes | None:
    """Return the UTF-8 name of an extra field 0x7075 (application note, 4.6.9) if its CRC is that of `raw_name`."""
    fits = len(block) > 5 and block[0] == 1 and int.from_bytes(block[1:5], "little") == zlib.crc32(raw_name)
    return block[5:] if fits else None
