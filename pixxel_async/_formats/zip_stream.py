"""Verify a ZIP's members against their checksums while the archive streams past, in pieces of any size.

Rule 1: nothing counts that the directory does not repeat. The members are kept as one fingerprint, and the archive is
proved only if its directory, read at the end, gives the same fingerprint: see `directory_agrees`.
Rule 2: an archive that cannot be followed (stored bytes of unknown length, a bomb, damage) is left to a file walk;
then `seen` is None. Memory is bounded by the pieces, whatever the archive holds.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Generator, Iterable

from attrs import evolve, frozen

from ..errors import Corrupt
from .sozip import index_name
from .zip_structure import (
    DEFLATED,
    DIRECTORY_MARKS,
    LOCAL_MARK,
    LOCAL_SIZE,
    STORED,
    End,
    Entry,
    check_descriptor,
    check_local,
    local_rest,
    parse_local,
)

__all__ = ["StreamSummary", "ZipStreamChecker", "directory_agrees"]

_PIECE = 1 << 18
"""Bytes checked at a time, about one read from the network; they are read in place."""
_A_LITTLE = 64
_OUT = 1 << 20
MOST_AT_ONCE = 64 << 20
"""Unpacked bytes of one `update`; more are left to a walk, which can be interrupted."""
_DESCRIPTORS = (16, 12, 24, 20)

Bytes = bytes | bytearray | memoryview
Step = Generator[None, memoryview, None]
Taking = Generator[None, memoryview, bytes]


@frozen
class StreamSummary:
    """The members that streamed past.

    Attributes:
        stop: offset where the last member ended and the directory began.
        members: number of members.
        fingerprint: hash of their names, methods, offsets, sizes and checksums.
    """

    stop: int
    members: int
    fingerprint: bytes


class ZipStreamChecker:
    """Check one archive from its byte 0; `update` takes the next bytes, as a `hashlib` digest does.

    Attributes:
        seen: all members, once the directory has begun; None before, and if they could not be followed.
    """

    def __init__(self) -> None:
        self.seen: StreamSummary | None = None
        self._data, self._next = memoryview(b""), 0
        self._at = 0
        self._unpacked = 0
        self._members = 0
        self._print = _fingerprint()
        self._steps: Step | None = self._follow()
        next(self._steps)

    def update(self, data: Bytes) -> None:
        """Take the archive's next bytes; never raise on their content."""
        self._unpacked = 0
        view = memoryview(data).cast("B")
        for start in range(0, len(view), _PIECE):
            if self._steps is None:
                return
            try:
                self._steps.send(view[start : start + _PIECE])
            except (StopIteration, Corrupt, zlib.error):
                self._steps, self._data = None, memoryview(b"")

    def _follow(self) -> Step:
        """Follow member after member until the central directory starts.

        A SOZip index is left out, as the directory leaves it out. If the directory lists it nevertheless, the
        fingerprints differ, and the archive is left to a walk.
        """
        index = b""
        while True:
            mark = yield from self._peek(4)
            if mark != LOCAL_MARK:
                break
            entry = yield from self._check_member()
            if entry.raw_name == index and entry.method == STORED and not entry.encrypted and not entry.streamed:
                index = b""
                continue
            index = index_name(entry.raw_name)
            self._members += 1
            self._print.update(_encode_facts(entry))
        if mark in DIRECTORY_MARKS:
            self.seen = StreamSummary(self._at, self._members, self._print.digest())

    def _check_member(self) -> Generator[None, memoryview, Entry]:
        """Check one member: read its bytes, checksum and sizes."""
        offset = self._at
        header = yield from self._take(LOCAL_SIZE)
        rest = yield from self._take(local_rest(header))
        header_entry = parse_local(header, rest, offset)
        if header_entry.method == DEFLATED and not header_entry.encrypted:
            entry = yield from self._inflate(header_entry)
        else:
            entry = yield from self._skip(header_entry)
        check_local(header, rest, entry)
        if header_entry.streamed:
            yield from self._read_descriptor(entry)
        return entry

    def _skip(self, header_entry: Entry) -> Generator[None, memoryview, Entry]:
        """Skip stored bytes, or bytes that cannot be unpacked here: only their number counts."""
        remaining, crc = header_entry.packed, 0
        while remaining:
            piece = yield from self._read_available(remaining)
            remaining -= len(piece)
            crc = zlib.crc32(piece, crc)
        if header_entry.method == STORED and not header_entry.encrypted:
            return evolve(header_entry, crc=crc, size=header_entry.packed)
        if header_entry.streamed:
            raise Corrupt("the member's end is unknown")
        return header_entry

    def _inflate(self, header_entry: Entry) -> Generator[None, memoryview, Entry]:
        """Inflate a deflated stream, which marks its own end."""
        unpacker = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        start, size, crc = self._at, 0, 0
        while not unpacker.eof:
            available = _PIECE if header_entry.streamed else header_entry.packed - (self._at - start)
            packed: memoryview | bytes = yield from self._read_available(max(available, _A_LITTLE))
            while packed and not unpacker.eof:
                piece = unpacker.decompress(packed, _OUT)
                packed = unpacker.unconsumed_tail
                size, crc = size + len(piece), zlib.crc32(piece, crc)
                self._count(len(piece))
        self._advance(-len(unpacker.unused_data))
        return evolve(header_entry, crc=crc, packed=self._at - start, size=size)

    def _count(self, unpacked: int) -> None:
        self._unpacked += unpacked
        if self._unpacked > MOST_AT_ONCE:
            raise Corrupt("unpacks to very much")

    def _read_descriptor(self, entry: Entry) -> Step:
        """Read a data descriptor: of its four forms, the one that agrees and precedes a member or the directory."""
        ahead = yield from self._peek(max(_DESCRIPTORS) + 4)
        for length in _DESCRIPTORS:
            follows = ahead[length : length + 4] in (LOCAL_MARK, *DIRECTORY_MARKS)
            if follows and _descriptor_agrees(ahead[:length], entry):
                yield from self._take(length)
                return
        raise Corrupt("no descriptor")

    def _take(self, length: int) -> Taking:
        data = yield from self._peek(length)
        self._advance(length)
        return data

    def _peek(self, length: int) -> Taking:
        while len(self._data) - self._next < length:
            unread = bytes(self._data[self._next :])  # a copy: the caller reuses the buffer
            self._data, self._next = memoryview(unread + (yield)), 0
        return bytes(self._data[self._next : self._next + length])

    def _read_available(self, most: int) -> Generator[None, memoryview, memoryview]:
        """Return the bytes at hand: at least one, at most `most`."""
        while self._next == len(self._data):
            self._data, self._next = (yield), 0
        chunk = self._data[self._next : self._next + most]
        self._advance(len(chunk))
        return chunk

    def _advance(self, by: int) -> None:
        self._next, self._at = self._next + by, self._at + by


def directory_agrees(streamed: StreamSummary, end: End, directory: Iterable[Entry]) -> bool:
    """Return whether the directory lists exactly the streamed members, in that order."""
    expected = _fingerprint()
    for entry in directory:
        expected.update(_encode_facts(entry))
    return (end.directory, expected.digest()) == (streamed.stop, streamed.fingerprint)


def _descriptor_agrees(descriptor: bytes, entry: Entry) -> bool:
    try:
        check_descriptor(descriptor, entry)
    except Corrupt:
        return False
    return True


def _fingerprint() -> hashlib._Hash:
    return hashlib.sha256()  # BLAKE2 is refused on FIPS hosts


def _encode_facts(entry: Entry) -> bytes:
    """Encode the relevant facts of a member unambiguously."""
    numbers = (entry.offset, entry.packed, entry.size, entry.crc, entry.method, entry.encrypted, len(entry.raw_name))
    return struct.pack("<3QLH?H", *numbers) + entry.raw_name
