"""Members of an archive in the storage, read from its central directory by range requests.

The rules of a sound archive are in `_formats/zip_structure.py`; this module fetches the bytes for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from attrs import field, frozen

from ..._formats.detect import HEAD, recognise
from ..._formats.globs import matches
from ..._formats.sozip import gap_size
from ..._formats.zip_structure import LOCAL_SIZE, TAIL, End, Entry, find_end, parse_entries
from ..._protocol.ranges import ByteRange, is_strong
from ...errors import Corrupt, DownloadError, NoRanges, NoSuchMember, NotAPackage, TooLarge
from .rules.forwarding import Head, StorageRequest
from .upstream import BodySource, Upstream

__all__ = ["Member", "open_part", "pick", "read_members", "read_range"]

MAX_DIRECTORY = 64 << 20
"""Limit of a central directory in bytes: about 500,000 members."""
_LONGEST_EXTRA = 0xFFFF

_SHOWN = 5


@frozen
class Member:
    """One member of a package's archive, as its central directory describes it.

    Attributes:
        name: path with `/` between folders; not checked to be a safe path.
        size: uncompressed bytes.
        packed: compressed bytes.
        crc: CRC-32 of the uncompressed bytes.
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
        """Whether the member is a folder."""
        return self.name.endswith("/")

    @property
    def range(self) -> ByteRange:
        """The byte range from the local header to the next member, at most as long as a member of this size can be."""
        entry = self.entry
        most = LOCAL_SIZE + len(entry.raw_name) + _LONGEST_EXTRA + entry.packed + gap_size(entry)
        return ByteRange(entry.offset, min(self.stop, entry.offset + most) - 1)


async def read_members(source: BodySource) -> tuple[Member, ...]:
    """Read all members, in the order of the central directory.

    Raises:
        NoRanges: the storage does not support range requests.
        NotAPackage: the package is no ZIP archive.
        Corrupt: the central directory is damaged.
    """
    version, tail = await _part(source, ByteRange(None, TAIL), None)
    try:
        end = await _read_end(source, version, tail)
        if end.directory_size > MAX_DIRECTORY:
            raise TooLarge(f"the archive's directory has {end.directory_size:,} bytes")
        directory = await _read_directory(source, version, end, tail)
        return await source.threads.run(_list_members, directory, end, version)
    except DownloadError as error:
        error.package = error.package or str(source.package)
        raise


async def _read_end(source: BodySource, version: Head, tail: bytes) -> End:
    """Parse the end records; if there are none, raise an error that names the package's format."""
    try:
        return find_end(tail, version.total or 0)
    except Corrupt as error:
        damaged = error
    _, first = await _part(source, ByteRange(0, HEAD - 1), version)
    if (container := recognise(first)) != "zip":
        raise NotAPackage(f"the package has no members: it is no ZIP archive but {container}")
    raise damaged


async def _read_directory(source: BodySource, version: Head, end: End, tail: bytes) -> bytes:
    """Return the central directory's bytes; fetch those that are not part of the tail."""
    start = (version.total or 0) - len(tail)
    before = b""
    if end.directory < start:
        _, before = await _part(source, ByteRange(end.directory, start - 1), version)
    begin = max(end.directory - start, 0)
    return before + tail[begin : end.directory + end.directory_size - start]


def _list_members(directory: bytes, end: End, version: Head) -> tuple[Member, ...]:
    entries = list(parse_entries([directory], end))
    starts = sorted({entry.offset for entry in entries} | {end.directory})
    following = dict(pairwise(starts))
    if any(entry.offset not in following for entry in entries):
        raise Corrupt("the archive lists members behind its directory")
    return tuple(
        Member(entry.name, entry.size, entry.packed, entry.crc, entry, following[entry.offset], version)
        for entry in entries
    )


def pick(members: Sequence[Member], glob: str, source: BodySource) -> Member:
    """Find the one file with this name, else the one that fits the pattern.

    Raises:
        NoSuchMember: no member fits, or several; the message lists some.
    """
    files = [member for member in members if not member.is_folder]
    fitting = [member for member in files if member.name == glob] or [
        member for member in files if matches(member.name, glob)
    ]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise source.error(NoSuchMember, f"{len(fitting)} members fit {glob[:80]!r}, not one: {_list_some(fitting)}")
    raise source.error(NoSuchMember, f"no member fits {glob[:80]!r}; there are {_list_some(files)}")


def _list_some(members: Iterable[Member]) -> str:
    names = [f"{member.name[:80]!r}" for member in members]
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "") or "none"


async def read_range(source: BodySource, range: ByteRange, version: Head) -> bytes:
    """Return a byte range of the package in the version whose directory was read; errors as in `open_part`."""
    return (await _part(source, range, version))[1]


async def _part(source: BodySource, range: ByteRange, version: Head | None) -> tuple[Head, bytes]:
    upstream = Upstream(source)
    try:
        head = await open_part(upstream, source, range, version)
        pieces = []
        while piece := await upstream.read():
            pieces.append(piece)
        return head, b"".join(pieces)
    finally:
        await upstream.aclose()


async def open_part(upstream: Upstream, source: BodySource, range: ByteRange, version: Head | None) -> Head:
    """Request a byte range of the package.

    Args:
        version: the version that the range must belong to; None for any.

    Raises:
        NoRanges: the storage does not support range requests.
        DownloadError: the storage has another version by now.
    """
    condition = {"if-range": version.etag} if version is not None and is_strong(version.etag) else {}
    head = await upstream.open(StorageRequest({"range": range.header, **condition}, range))
    if head.status == 206 and head.total is not None and (version is None or head.is_same_version(version)):
        return head
    await upstream.aclose()
    if version is not None:
        raise source.error(DownloadError, "the storage has another version than the one whose directory was read")
    if head.status == 416 or head.total == 0:
        raise source.error(Corrupt, "the package is empty")
    raise source.error(NoRanges, "the storage does not support range requests; fetch the whole package instead")
