"""The structure of ZIP archives, strictly parsed: pure functions over bytes that the caller has fetched.

Rule 1: an archive can be read in one way only. It starts at byte 0, its members follow each other without a gap, the
    central directory follows the last member, the end record follows the directory, and nothing follows that. The one
    exception is a SOZip index, see `sozip`.
Rule 2: redundant fields (local header, directory, descriptor; plain and Zip64 end record) must agree.
Sources: the ZIP application note of PKWARE, APPNOTE.TXT 6.3, sections 4.3 to 4.5.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from attrs import frozen

from ..errors import Corrupt
from .zip_entry import DEFLATED, DESCRIPTOR, STORED, Entry, unicode_name

__all__ = [
    "DEFLATED",
    "DESCRIPTOR_LENGTHS",
    "DIRECTORY_MARKS",
    "LOCAL_MARK",
    "LOCAL_SIZE",
    "STORED",
    "TAIL",
    "End",
    "Entry",
    "check_descriptor",
    "check_local",
    "find_end",
    "has_end",
    "is_streamed",
    "local_rest",
    "parse_entries",
    "parse_local",
]

TAIL = 70_000
"""Bytes from the end of an archive that hold its end records and the longest comment."""
LOCAL_SIZE = 30
"""Bytes of a local header without name and extra field."""
LOCAL_MARK, DIRECTORY_MARKS = b"PK\x03\x04", (b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06")
"""Signatures of a local header, and of the structures after the last member."""

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
DESCRIPTOR_LENGTHS = (12, 16, 20, 24)
"""Lengths of a data descriptor: sizes of four or eight bytes, with a signature or without."""
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
_ZIP64, _UNICODE = 0x0001, 0x7075


@frozen
class End:
    """The end records.

    Attributes:
        members: number of members.
        directory: offset of the directory.
        directory_size: its bytes.
        zip64: whether the Zip64 end record was used.
    """

    members: int
    directory: int
    directory_size: int
    zip64: bool


def find_end(tail: bytes, size: int) -> End:
    """Read the end records.

    Args:
        tail: the last `TAIL` bytes of the archive, or all of it if it is shorter.
        size: bytes of the archive.

    Raises:
        Corrupt: there is none, more than one could be meant, it does not fit the file, or the archive is split.
    """
    at = _end_position(tail)
    _, disk, first_disk, members_here, members, length, start, _ = _END.unpack_from(tail, at)
    plain: tuple[int, ...] = (disk, first_disk, members_here, members, length, start)
    base = size - len(tail)
    located = tail[at - _LOCATOR.size : at] if at >= _LOCATOR.size else b""
    zip64 = located.startswith(b"PK\x06\x07")
    stop = base + at
    if zip64:
        plain, stop = _read_zip64(tail, at, base, plain)
    disk, first_disk, members_here, members, length, start = plain
    if disk or first_disk or members_here != members:
        raise Corrupt("the archive is one part of a multi-part archive")
    if start + length != stop:
        raise Corrupt("the archive's directory does not end where its end record begins: bytes are missing or foreign")
    return End(members, start, length, zip64)


def has_end(tail: bytes) -> bool:
    """Return whether the last bytes of a file hold an end record, as every ZIP archive's do."""
    return bool(_end_positions(tail))


def _end_positions(tail: bytes) -> list[int]:
    """Find the end records whose comment reaches exactly to the end."""
    positions = []
    at = tail.rfind(b"PK\x05\x06")
    while at >= 0:
        if at + _END.size <= len(tail) and at + _END.size + _END.unpack_from(tail, at)[-1] == len(tail):
            positions.append(at)
        at = tail.rfind(b"PK\x05\x06", 0, at)
    return positions


def _end_position(tail: bytes) -> int:
    positions = _end_positions(tail)
    if not positions:
        raise Corrupt("the archive has no end record: it is cut off, or something follows it")
    if len(positions) > 1:
        raise Corrupt("the archive has two end records, one in the comment of the other")
    return positions[0]


def _read_zip64(tail: bytes, at: int, base: int, plain: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """Read the Zip64 end record: its fields in the order of the plain one, and its offset."""
    _, _, start, disks = _LOCATOR.unpack_from(tail, at - _LOCATOR.size)
    inside = start - base
    if inside < 0 or inside + _END64.size > at - _LOCATOR.size or disks > 1:
        raise Corrupt("the archive's Zip64 locator points to no end record")
    mark, length, _, _, *wide = _END64.unpack_from(tail, inside)
    if mark != b"PK\x06\x06" or inside + 12 + length != at - _LOCATOR.size:
        raise Corrupt("the archive's Zip64 end record is damaged")
    for narrow, value, full in zip(plain, wide, (_FULL16,) * 4 + (_FULL32,) * 2, strict=True):
        if narrow not in (value, full):
            raise Corrupt("the archive's two end records disagree")
    return tuple(wide), start


def parse_entries(chunks: Iterable[bytes], end: End) -> Iterator[Entry]:
    """Yield the members in directory order as the directory's bytes arrive.

    Args:
        chunks: the directory's `end.directory_size` bytes, cut anywhere.

    Raises:
        Corrupt: it is damaged, or holds another number of members than announced.
    """
    count, rest = 0, b""
    for chunk in chunks:
        rest += chunk
        at = 0
        while (parsed := _parse_entry(rest, at)) is not None:
            entry, at = parsed
            count += 1
            yield entry
        rest = rest[at:]
    if rest:
        raise Corrupt("the archive's directory ends in the middle of a member")
    # Writers without Zip64 let the number of members run over.
    if count != end.members and (end.zip64 or count % 0x10000 != end.members):
        raise Corrupt(f"the archive announces {end.members} members and lists {count}")


def _parse_entry(data: bytes, at: int) -> tuple[Entry, int] | None:
    """Parse the member at an offset and return it with the next offset; None if bytes are missing."""
    if len(data) - at < _CENTRAL.size:
        return None
    header = _CENTRAL.unpack_from(data, at)
    if header[0] != b"PK\x01\x02":
        raise Corrupt("the archive's directory is damaged")
    _, _, _, flags, method, _, _, crc, packed, size, names, extras, comments, disk, _, attributes, offset = header
    start = at + _CENTRAL.size
    stop = start + names + extras + comments
    if stop > len(data):
        return None
    extra = data[start + names : start + names + extras]
    wide = _parse_wide(extra, [size == _FULL32, packed == _FULL32, offset == _FULL32, disk == _FULL16])
    narrow = (size, packed, offset, disk)
    size, packed, offset, disk = (old if new is None else new for new, old in zip(wide, narrow, strict=True))
    if disk:
        raise Corrupt("the archive is one part of a multi-part archive")
    raw = data[start : start + names]
    unicode = unicode_name(_find_block(extra, _UNICODE), raw) if extra else None
    return Entry(raw, flags, method, crc, packed, size, offset, attributes >> 16, unicode, data[at + 5]), stop


def _parse_wide(extra: bytes, overflowed: list[bool]) -> list[int | None]:
    """Read the values of a Zip64 extra field for the fields that refer to it."""
    block = _find_block(extra, _ZIP64)
    values: list[int | None] = []
    for index, wide in enumerate(overflowed):
        width = 4 if index == 3 else 8
        if wide and len(block) >= width:
            values.append(int.from_bytes(block[:width], "little"))
            block = block[width:]
        else:
            values.append(None)
    return values


def _find_block(extra: bytes, tag: int) -> bytes:
    """Return one block of an extra field; empty if it is absent."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == tag:
            return extra[at + 4 : at + 4 + length]
        at += 4 + length
    return b""


def parse_local(header: bytes, rest: bytes, offset: int) -> Entry:
    """Parse a local header as a member; a data descriptor may hold its sizes and checksum instead.

    Args:
        header: its first `LOCAL_SIZE` bytes.
        rest: the name and extra field that follow, see `local_rest`.
        offset: offset of the header.

    Raises:
        Corrupt: it is no local header.
    """
    mark, _, flags, method, _, _, crc, packed, size, names, _ = _LOCAL.unpack(header)
    if mark != LOCAL_MARK:
        raise Corrupt("the archive's directory has an offset where no member starts")
    wide = _parse_wide(rest[names:], [size == _FULL32, packed == _FULL32])
    size, packed = (old if new is None else new for new, old in zip(wide, (size, packed), strict=True))
    return Entry(rest[:names], flags, method, crc, packed, size, offset)


def check_local(header: bytes, rest: bytes, entry: Entry) -> None:
    """Compare a member's local header with the directory, or with facts about its bytes.

    Args:
        header: its first `LOCAL_SIZE` bytes.
        rest: the name and extra field that follow, see `local_rest`.

    Raises:
        Corrupt: they disagree.
    """
    local = parse_local(header, rest, entry.offset)
    agrees = (
        local.raw_name == entry.raw_name
        and local.method == entry.method
        and local.encrypted == entry.encrypted
        and all(
            stated == expected or (local.streamed and stated in (0, _FULL32))
            for stated, expected in ((local.crc, entry.crc), (local.packed, entry.packed), (local.size, entry.size))
        )
    )
    if not agrees:
        raise Corrupt(f"the archive's directory and the header of {entry.name[:80]!r} disagree")


def local_rest(header: bytes) -> int:
    """Return the length of name and extra field behind a local header; raise `Corrupt` if it is cut off."""
    if len(header) != LOCAL_SIZE:
        raise Corrupt("the archive is cut off in a member's header")
    return sum(struct.unpack_from("<2H", header, 26))


def is_streamed(header: bytes) -> bool:
    """Return whether a local header announces a data descriptor."""
    return bool(struct.unpack_from("<H", header, 6)[0] & DESCRIPTOR)


def check_descriptor(descriptor: bytes, entry: Entry) -> None:
    """Compare a data descriptor with the directory.

    Its length tells its form: sizes of four or eight bytes, with a signature or without.

    Raises:
        Corrupt: it has none of the forms, or disagrees.
    """
    marked = len(descriptor) in (16, 24)
    body = descriptor[4:] if marked else descriptor
    form = {12: "<3L", 20: "<L2Q"}.get(len(body))
    stated = struct.unpack(form, body) if form else ()
    if (marked and not descriptor.startswith(b"PK\x07\x08")) or stated != (entry.crc, entry.packed, entry.size):
        raise Corrupt(f"what follows {entry.name[:80]!r} in the archive is not its descriptor")
