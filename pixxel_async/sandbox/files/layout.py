"""Other layouts of packages: tar, no folders, several archives in one."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Callable, Iterable, Sequence

from ..clock import HISTORY
from .archive import ArchiveMember, make_archive
from .virtual_bytes import Piece, VirtualBytes

_BLOCK = 512


def flatten(members: Iterable[ArchiveMember]) -> list[ArchiveMember]:
    """Return the files without folders: the path becomes the name."""
    return [ArchiveMember(member.name.replace("/", "_"), member.content) for member in members]


def divide(members: Sequence[ArchiveMember], parts: int) -> list[ArchiveMember]:
    """Divide the members among several ZIP files, at most one a member."""
    count = min(parts, len(members))
    return [ArchiveMember(f"part-{at + 1}.zip", make_archive(members[at::count])) for at in range(count)]


def make_tar(members: Iterable[ArchiveMember]) -> VirtualBytes:
    """Make a tar file of the members."""
    pieces: list[Piece] = []
    for member in members:
        entry = tarfile.TarInfo(member.name)
        entry.size, entry.mtime = member.content.size, int(HISTORY)
        head, rest = entry.tobuf(tarfile.USTAR_FORMAT), -entry.size % _BLOCK
        pieces += [Piece(head, len(head)), *member.content.pieces, Piece(bytes(_BLOCK), rest)]
    return VirtualBytes([*pieces, Piece(bytes(_BLOCK), 2 * _BLOCK)])


def make_tar_gz(members: Iterable[ArchiveMember]) -> VirtualBytes:
    """Make a compressed tar file of the members, in memory."""
    return VirtualBytes.of(gzip.compress(make_tar(members).read_all(), compresslevel=1, mtime=0))


PACKERS: dict[str, Callable[[Iterable[ArchiveMember]], VirtualBytes]] = {
    "zip": make_archive,
    "tar": make_tar,
    "gzip": make_tar_gz,
}
SUFFIXES = {"zip": ".zip", "tar": ".tar", "gzip": ".tar.gz"}
_STARTS = {
    b"PK": "application/zip",
    b"II": "image/tiff",
    b"\x1f\x8b": "application/gzip",
    b"\x89P": "image/png",
}


def content_type(first: bytes) -> str:
    """Return the content type of a file that starts with these bytes."""
    return _STARTS.get(first[:2], "application/x-tar")
