"""Decide which members of an archive become files, and their paths, before the first byte is written.

Rule 1: a member's name is kept unchanged, except that `_` stands for each of `< > : " | ? *`, or the whole archive
is refused.
Rule 2: a name that is harmful on one system is refused on all, so that an archive behaves the same everywhere.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Iterator
from typing import Protocol

from attrs import frozen

from ...._formats.zip_entry import make_portable
from ....errors import DownloadError, TooLarge
from ...rules.file_names import fold, is_device

__all__ = ["Inside", "Limits", "Unpacked", "plan"]

MOST_MEMBERS = 1_000_000
LONGEST_SEGMENT, LONGEST_PATH = 255, 1024
"""Bytes of a file's name, and of its path below the folder."""
_HARMFUL = re.compile(r'[<>:"\\|?*\x00-\x1f\x7f]')
"""Of these, `Entry.unpacked_as` has replaced those that are harmless on Unix."""
_METHODS = frozenset({0, 8, 12, 14})
"""Methods that the standard library unpacks: stored, deflated, bzip2, LZMA."""
_ENCRYPTED = 0x1


class Inside(Protocol):
    """A member, as `zipfile.ZipInfo`."""

    filename: str
    file_size: int
    compress_type: int
    flag_bits: int
    external_attr: int


@frozen
class Limits:
    """Limits of one archive.

    Attributes:
        size: bytes of all members together.
        reason: origin of the bound, for the error.
    """

    size: int
    reason: str


@frozen
class Unpacked:
    """A member that is written.

    Attributes:
        place: in the archive's list.
        path: below the folder, with `/`.
        size: its bytes.
    """

    place: int
    path: str
    size: int


def plan(members: Iterable[Inside], limits: Limits) -> list[Unpacked]:
    """Return all files of an archive; folders follow from their paths.

    Raises:
        DownloadError: a member's name would leave the folder, is no file's name on some system, or is another's; or it
            is a link, a device, encrypted, or packed in a way that is not known.
        TooLarge: there is more in it than allowed.
    """
    files = list(_files(members))
    if len(files) > MOST_MEMBERS:
        raise TooLarge(f"the archive has more than {MOST_MEMBERS:,} files", stage="extract")
    total = sum(file.size for file in files)
    if total > limits.size:
        raise TooLarge(
            f"the archive unpacks to {total:,} bytes; allowed are {limits.size:,} ({limits.reason})", stage="extract"
        )
    _check_apart(files)
    return files


def _files(members: Iterable[Inside]) -> Iterator[Unpacked]:
    for place, member in enumerate(members):
        folder = member.filename.endswith("/")
        _check_kind(member, folder=folder)
        if member.filename == "./":
            continue
        path = _check_name(make_portable(member.filename.removesuffix("/") if folder else member.filename))
        if not folder:
            yield Unpacked(place, path, member.file_size)


def _check_name(name: str) -> str:
    """Return the name if every segment is a file name on every system."""
    if len(name.encode(errors="surrogateescape")) > LONGEST_PATH:
        raise _refusal(name, "is too long")
    if any(_is_unfit(segment) for segment in name.split("/")):
        raise _refusal(name, "is outside of the folder, or not a valid file name on every system")
    return name


def _is_unfit(segment: str) -> bool:
    return (
        segment.strip(" .") == ""
        or segment[-1] in " ."
        or len(segment.encode(errors="surrogateescape")) > LONGEST_SEGMENT
        or _HARMFUL.search(segment) is not None
        or is_device(segment)
    )


def _check_kind(member: Inside, *, folder: bool) -> None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFDIR if folder else stat.S_IFREG):
        raise _refusal(member.filename, "is a link or a device")
    if member.flag_bits & _ENCRYPTED:
        raise _refusal(member.filename, "is encrypted")
    if member.compress_type not in _METHODS:
        raise _refusal(member.filename, f"is packed by method {member.compress_type}, which is not supported")


def _check_apart(files: Iterable[Unpacked]) -> None:
    """Refuse files that are equal without case and Unicode form, and a file that is another's folder."""
    by_name: dict[str, Unpacked] = {}
    folders: dict[str, str] = {}
    for file in files:
        if (earlier := by_name.setdefault(fold(file.path), file)) is not file:
            raise _refusal(file.path, f"has the name of {earlier.path!r}")
        segments = file.path.split("/")
        for depth in range(1, len(segments)):
            folders[fold("/".join(segments[:depth]))] = file.path
    for name in by_name.keys() & folders.keys():
        raise _refusal(by_name[name].path, f"stands where {folders[name]!r} needs a folder")


def _refusal(name: str, reason: str) -> DownloadError:
    error = DownloadError(f"nothing was unpacked: {name[:200]!r} {reason}; the archive is kept", stage="extract")
    error.retryable = False
    return error
