"""Single members of a package that lies in a storage: its directory and their own bytes are fetched, nothing else.

The rules of what is sound are in `rules/zips.py`; this module fetches the bytes for them, by ranges.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from itertools import pairwise

from attrs import field, frozen

from ..._formats.detect import HEAD, recognise
from ..._formats.zip_structure import LOCAL_SIZE, TAIL, End, Entry, entries, find_end
from ..._protocol.ranges import ByteRange, is_strong
from ...errors import Corrupt, DownloadError, NoRanges, NoSuchMember, NotAPackage, TooLarge
from .rules.forwarding import Head, StorageRequest
from .rules.globs import matches
from .upstream import BodySource, Upstream

__all__ = ["Member", "open_part", "pick", "read_members"]

MOST_DIRECTORY = 64 << 20
"""Bytes of a directory at most: some 500,000 members."""
_LONGEST_EXTRA = 0xFFFF
_LONGEST_DESCRIPTOR = 24
_SHOWN = 5


@frozen
class Member:
    """One file in a package, as its directory has it.

    Attributes:
        name: with `/` between its folders; nothing is promised about where it would lead.
        size: bytes, unpacked.
        packed: bytes in the package.
        crc: CRC-32 of the unpacked bytes.
    """

    name: str
    size: int
    packed: int
    crc: int
    entry: Entry = field(repr=False)
    stop: int = field(repr=False)
    version: Head = field(repr=False)

    @property
    def is_folder(self) -> bool:
        """Whether it stands for a folder, and has no bytes."""
        return self.name.endswith("/")

    @property
    def range(self) -> ByteRange:
        """The bytes from its header to what follows it."""
        entry = self.entry
        most = LOCAL_SIZE + len(entry.raw_name) + _LONGEST_EXTRA + entry.packed + _LONGEST_DESCRIPTOR
        return ByteRange(entry.offset, min(self.stop, entry.offset + most) - 1)


async def read_members(source: BodySource) -> tuple[Member, ...]:
    """All members, in the order of the archive's directory.

    Raises:
        NoRanges: the storage serves packages whole only.
        NotAPackage: it is no ZIP archive.
        Corrupt: its directory is damaged.
    """
    version, tail = await _part(source, ByteRange(None, TAIL), None)
    try:
        end = await _end(source, version, tail)
        if end.directory_size > MOST_DIRECTORY:
            raise TooLarge(f"the archive's directory has {end.directory_size:,} bytes")
        directory = await _directory(source, version, end, tail)
        return await asyncio.to_thread(_members, directory, end, version)
    except DownloadError as error:
        error.package = error.package or str(source.package)
        raise


async def _end(source: BodySource, version: Head, tail: bytes) -> End:
    """What the end records say; if there are none, the error says what else the package is."""
    try:
        return find_end(tail, version.total or 0)
    except Corrupt as error:
        damaged = error
    _, first = await _part(source, ByteRange(0, HEAD - 1), version)
    if (container := recognise(first)) != "zip":
        raise NotAPackage(f"it has no members, since it is no ZIP archive, but {container}")
    raise damaged


async def _directory(source: BodySource, version: Head, end: End, tail: bytes) -> bytes:
    """The directory's bytes: those in the tail are here already."""
    start = (version.total or 0) - len(tail)
    before = b""
    if end.directory < start:
        _, before = await _part(source, ByteRange(end.directory, start - 1), version)
    begin = max(end.directory - start, 0)
    return before + tail[begin : end.directory + end.directory_size - start]


def _members(directory: bytes, end: End, version: Head) -> tuple[Member, ...]:
    found = list(entries([directory], end))
    starts = sorted({entry.offset for entry in found} | {end.directory})
    following = dict(pairwise(starts))
    if any(entry.offset not in following for entry in found):
        raise Corrupt("the archive lists members behind its directory")
    return tuple(
        Member(entry.name, entry.size, entry.packed, entry.crc, entry, following[entry.offset], version)
        for entry in found
    )


def pick(members: Sequence[Member], glob: str, source: BodySource) -> Member:
    """The one file that is meant: by its whole name, else by a pattern.

    Raises:
        NoSuchMember: none fits, or more than one does; the text says which there are.
    """
    files = [member for member in members if not member.is_folder]
    fitting = [member for member in files if member.name == glob] or [
        member for member in files if matches(member.name, glob)
    ]
    if len(fitting) == 1:
        return fitting[0]
    told = (
        f"{len(fitting)} members fit {glob[:80]!r}, not one: " if fitting else f"no member fits {glob[:80]!r}; there "
    )
    listed = _some(fitting) if fitting else f"are {_some(files)}"
    raise source.error(NoSuchMember, told + listed)


def _some(members: Iterable[Member]) -> str:
    names = [f"{member.name[:80]!r}" for member in members]
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "") or "none"


async def _part(source: BodySource, wanted: ByteRange, version: Head | None) -> tuple[Head, bytes]:
    upstream = Upstream(source)
    try:
        head = await open_part(upstream, source, wanted, version)
        pieces = []
        while piece := await upstream.read():
            pieces.append(piece)
        return head, b"".join(pieces)
    finally:
        await upstream.close()


async def open_part(upstream: Upstream, source: BodySource, wanted: ByteRange, version: Head | None) -> Head:
    """Have the storage answer with a part of the package.

    Args:
        version: of which the part must be; None for whichever it has.

    Raises:
        NoRanges: it serves packages whole only.
        DownloadError: it has another version by now.
    """
    known = {"if-range": version.etag} if version is not None and is_strong(version.etag) else {}
    head = await upstream.open(StorageRequest({"range": wanted.header, **known}, wanted))
    if head.status == 206 and head.total is not None and (version is None or head.same_version(version)):
        return head
    await upstream.close()
    if version is not None:
        raise source.error(DownloadError, "the storage has another version than the one whose directory was read")
    if head.status == 416 or head.total == 0:
        raise source.error(Corrupt, "the package is empty")
    raise source.error(NoRanges, "the storage serves packages whole only; fetch it whole to have one of its members")
