"""Spell file names in the encoding of the file system, which is not UTF-8 in a C or Latin-1 locale."""

from __future__ import annotations

import sys

__all__ = ["from_native", "percent_encode", "to_native"]

FILE_SYSTEM = sys.getfilesystemencoding()


def percent_encode(name: str, encoding: str = FILE_SYSTEM) -> str:
    """Replace each character that the encoding does not have by `%XX` for each of its bytes in UTF-8."""
    if name.isascii() or _fits(name, encoding):
        return name
    return "".join(
        char if _fits(char, encoding) else "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))
        for char in name
    )


def to_native(name: str, encoding: str = FILE_SYSTEM) -> str:
    """Spell a recorded name for the system: a process with another locale gave the file its name in UTF-8."""
    if name.isascii() or _fits(name, encoding):
        return name
    return name.encode("utf-8", "surrogatepass").decode(encoding, "surrogateescape")


def from_native(name: str, encoding: str = FILE_SYSTEM) -> str:
    """Undo `to_native`, for the record: bytes that the encoding does not have are read as UTF-8."""
    if name.isascii() or not any("\udc80" <= char <= "\udcff" for char in name):
        return name
    return name.encode(encoding, "surrogateescape").decode("utf-8", "replace")


def _fits(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding, "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True
