"""Archives for tests: valid ones by Python's and the system's writers, and damage done byte by byte."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Sequence

Member = tuple[str, bytes]


class NoSeek(io.RawIOBase):
    """A sink that cannot seek, so that the writer appends data descriptors."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self.data += bytes(data)  # type: ignore[call-overload]
        return len(bytes(data))  # type: ignore[call-overload]


def make_zip(
    members: Sequence[Member] = (("a/spec.json", b"{}"), ("a/B01.tif", b"raster" * 500)),
    *,
    method: int = zipfile.ZIP_DEFLATED,
    comment: bytes = b"",
    streamed: bool = False,
    zip64: bool = False,
) -> bytes:
    """Return a valid archive."""
    sink = NoSeek() if streamed else io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as archive:  # type: ignore[arg-type]
        archive.comment = comment
        for name, data in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            with archive.open(info, "w", force_zip64=zip64) as file:
                file.write(data)
    return bytes(sink.data) if isinstance(sink, NoSeek) else sink.getvalue()


def with_zip64_end(data: bytes) -> bytes:
    """Return the archive with Zip64 end records that it does not need."""
    end = len(data) - 22
    _, _, _, here, members, length, start, _ = struct.unpack("<4s4H2LH", data[end:])
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, here, members, length, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    plain = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return data[:end] + record + locator + plain


def with_many_members(count: int) -> bytes:
    """Return an archive of empty members in a tenth of the time that `zipfile` takes."""
    locals_, central, here = list[bytes](), list[bytes](), 0
    for name in (b"%d" % number for number in range(count)):
        locals_.append(struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 33, 0, 0, 0, len(name), 0) + name)
        central.append(
            struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, len(name), *[0] * 5, here) + name
        )
        here += len(locals_[-1])
    length = sum(map(len, central))
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length, here)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, here + length, 1)
    plain = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return b"".join((*locals_, *central, record, locator, plain))


def flipped(data: bytes, at: int, bit: int = 0) -> bytes:
    """Return the data with one bit flipped."""
    changed = bytearray(data)
    changed[at] ^= 1 << bit
    return bytes(changed)


def patched(data: bytes, at: int, new: bytes) -> bytes:
    """Return the data with some bytes replaced."""
    return data[:at] + new + data[at + len(new) :]


def directory_of(data: bytes) -> int:
    """Return the offset of the central directory."""
    start: int = struct.unpack_from("<L", data, len(data) - 6)[0]
    return start


def shifted(data: bytes, by: int) -> bytes:
    """Prepend `by` bytes and adjust all offsets, as in self-extracting archives."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos = archive.infolist()
    changed, at = bytearray(data), directory_of(data)
    for info in infos:
        struct.pack_into("<L", changed, at + 42, info.header_offset + by)
        names, extras, comments = struct.unpack_from("<3H", changed, at + 28)
        at += 46 + names + extras + comments
    struct.pack_into("<L", changed, len(data) - 6, directory_of(data) + by)
    return b"MZ" + b"\x00" * (by - 2) + bytes(changed)


def with_gap(data: bytes) -> bytes:
    """Insert five bytes between two stored members and adjust all offsets."""
    second, start = data.index(b"PK\x03\x04", 1), directory_of(data)
    entry = data.index(b"PK\x01\x02", start + 1)
    moved = patched(data, entry + 42, struct.pack("<L", second + 5))
    moved = patched(moved, len(data) - 6, struct.pack("<L", start + 5))
    return moved[:second] + b"x" * 5 + moved[second:]


def with_index(*, index: bytes = b"index" * 9, name: bytes = b"s/.a.tif.sozip.idx", streamed: bool = False) -> bytes:
    """Return a SOZip archive: an index member after the first one is not in the central directory."""
    plain = make_zip((("s/a.tif", b"raster" * 999), ("b", b"second")), streamed=streamed)
    hidden = make_zip(((name.decode(), index),), method=zipfile.ZIP_STORED)
    hidden = hidden[: directory_of(hidden)]
    start = directory_of(plain)
    entry = plain.index(b"PK\x01\x02", start + 1)
    second = struct.unpack_from("<L", plain, entry + 42)[0]
    moved = patched(plain, entry + 42, struct.pack("<L", second + len(hidden)))
    moved = patched(moved, len(moved) - 6, struct.pack("<L", start + len(hidden)))
    return moved[:second] + hidden + moved[second:]


def overlapping() -> bytes:
    """Return an archive where one member's data is another complete member, and both are listed."""
    inner = make_zip((("b", b"x" * 50),), method=zipfile.ZIP_STORED)
    outer = make_zip((("a", inner[: directory_of(inner)]),), method=zipfile.ZIP_STORED)
    entry = patched(inner[directory_of(inner) : -22], 42, struct.pack("<L", 31))
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2, 2, len(entry) * 2, directory_of(outer), 0)
    return outer[:-22] + entry + end


_STORED = make_zip((("a", b"first" * 20), ("b", b"second" * 20)), method=zipfile.ZIP_STORED)
_DEFLATED = make_zip()
_CD = directory_of(_STORED)

DAMAGES: dict[str, Callable[[], bytes]] = {
    "cut in a member": lambda: _DEFLATED[:60],
    "cut in the directory": lambda: _DEFLATED[:-30],
    "cut by one byte": lambda: _DEFLATED[:-1],
    "something behind": lambda: _DEFLATED + b"x",
    "something before": lambda: b"x" * 64 + _DEFLATED,
    "something before, offsets right": lambda: shifted(_STORED, 64),
    "something between members": lambda: with_gap(_STORED),
    "something between directory and end": lambda: _STORED[:-22] + b"x" * 9 + _STORED[-22:],
    "two glued": lambda: _STORED + _DEFLATED,
    "two glued, offsets right": lambda: _STORED + shifted(_STORED, len(_STORED))[len(_STORED) :],
    "a bit of a stored member": lambda: flipped(_STORED, 40),
    "a bit of a deflated member": lambda: flipped(_DEFLATED, 60),
    "all zero": lambda: b"PK\x03\x04" + bytes(len(_DEFLATED) - 4),
    "name differs": lambda: patched(_STORED, 30, b"z"),
    "method differs": lambda: patched(_STORED, 8, b"\x08\x00"),
    "size differs": lambda: patched(_STORED, 22, b"\x01\x00\x00\x00"),
    "checksum differs": lambda: patched(_STORED, 14, b"\x01\x00\x00\x00"),
    "a member inside another": overlapping,
    "members overlap": lambda: patched(_STORED, _CD + 47 + 42, b"\x10\x00\x00\x00"),
    "members twice the same": lambda: patched(_STORED, _CD + 47 + 42, b"\x00\x00\x00\x00"),
    "too few announced": lambda: patched(_STORED, len(_STORED) - 14, b"\x01\x00\x01\x00"),
    "too many announced": lambda: patched(_STORED, len(_STORED) - 14, b"\x03\x00\x03\x00"),
    "split over disks": lambda: patched(_STORED, len(_STORED) - 18, b"\x01\x00"),
    "directory's mark": lambda: patched(_STORED, _CD, b"XX"),
    "an end record in the comment": lambda: make_zip(comment=b"x" * 9 + b"PK\x05\x06" + bytes(18)),
    "Zip64 record's mark": lambda: patched(with_zip64_end(_STORED), len(_STORED) - 22, b"XX"),
    "Zip64 record's place": lambda: patched(with_zip64_end(_STORED), len(_STORED) - 22 + 56 + 8, b"\x00" * 8),
    "Zip64 record's length": lambda: patched(with_zip64_end(_STORED), len(_STORED) - 22 + 4, b"\x2d"),
    "Zip64 and plain record disagree": lambda: patched(
        with_zip64_end(_STORED), len(_STORED) - 22 + 76 + 10, b"\x07\x00"
    ),
    "descriptor's checksum": lambda: patched(
        make_zip(streamed=True), make_zip(streamed=True).index(b"PK\x07\x08") + 4, b"\x00\x00\x00\x00"
    ),
    "descriptor's mark": lambda: make_zip(streamed=True).replace(b"PK\x07\x08", b"PK\x07\x09"),
}
"""What can happen to an archive; each of these must be refused."""
