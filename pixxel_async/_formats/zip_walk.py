"""Walk a ZIP file on disk from its first byte to its last, in memory independent of its members' sizes.

`zip_structure.py` decides whether structures are valid; this module reads the bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Literal, Protocol

from attrs import define, field, frozen

from ..errors import Corrupt
from .sozip import check_index, find_index, gap_size
from .zip_member import MemberDecoder, unsupported_reason
from .zip_stream import StreamSummary, directory_agrees
from .zip_structure import (
    LOCAL_SIZE,
    TAIL,
    End,
    Entry,
    check_descriptor,
    check_local,
    find_end,
    is_streamed,
    local_rest,
    parse_entries,
    parse_local,
)

__all__ = ["ReadableFile", "Walked", "list_entries", "walk"]

_CHUNK = 1 << 18
_MOST_OUT_OF_ORDER = 250_000

Tick = Callable[[], None]
"""Called between chunks; raises to abort."""


class ReadableFile(Protocol):
    """File that can be opened and read: a path, or bytes in memory."""

    def open(self, mode: Literal["rb"], /) -> BinaryIO: ...


@frozen
class Walked:
    """The result of a walk through an archive.

    Attributes:
        members: number of files and folders.
        note: which members could not be unpacked, and why; empty if none.
    """

    members: int
    note: str = ""


def walk(source: ReadableFile, *, unpack: bool, tick: Tick, streamed: StreamSummary | None = None) -> Walked:
    """Check an archive's structure, and the CRC-32 of every member on request.

    Args:
        unpack: whether to unpack members and verify their checksums.
        streamed: the members that streamed past on arrival; if the directory agrees, only it is read.

    Raises:
        Corrupt: it is damaged, or holds bytes that belong to nothing.
    """
    with source.open("rb") as file, source.open("rb") as directory:
        end = _end(file)
        tally = _Tally(unpack)
        if unpack and streamed is not None and directory_agrees(streamed, end, tally.count(_directory(directory, end))):
            return tally.result()
        tally = _Tally(unpack)
        for _ in tally.count(_check_members(file, directory, end, unpack, tick)):
            pass
    return tally.result()


@define
class _Tally:
    """Members counted, and those that could not be unpacked."""

    unpack: bool
    found: int = 0
    unproved: Counter[str] = field(factory=Counter)

    def count(self, members: Iterable[Entry]) -> Iterator[Entry]:
        for entry in members:
            self.found += 1
            if self.unpack and (reason := unsupported_reason(entry)):
                self.unproved[reason] += 1
            yield entry

    def result(self) -> Walked:
        notes = (
            f"{count} of {self.found} members: {reason}, proved by structure alone"
            for reason, count in sorted(self.unproved.items())
        )
        return Walked(self.found, "; ".join(notes))


def _check_members(file: BinaryIO, directory: BinaryIO, end: End, unpack: bool, tick: Tick) -> Iterator[Entry]:
    """Yield the members in file order, each after its check."""
    for entry, following in _with_following(_in_file_order(directory, end), end.directory):
        tick()
        _check_member(file, entry, following, unpack=unpack, tick=tick)
        yield entry


def list_entries(source: ReadableFile) -> Iterator[Entry]:
    """Yield the members of a sound archive in directory order, lazily."""
    with source.open("rb") as file:
        yield from _directory(file, _end(file))


def count_members(source: ReadableFile) -> int:
    """Return the number of members in the end record."""
    with source.open("rb") as file:
        return _end(file).members


def _end(file: BinaryIO) -> End:
    size = file.seek(0, 2)
    file.seek(max(0, size - TAIL))
    return find_end(file.read(TAIL), size)


def _directory(file: BinaryIO, end: End) -> Iterator[Entry]:
    return parse_entries(_chunks(file, end.directory, end.directory_size), end)


def _chunks(file: BinaryIO, start: int, length: int) -> Iterator[bytes]:
    file.seek(start)
    while length > 0:
        chunk = file.read(min(length, _CHUNK))
        if not chunk:
            raise Corrupt("the archive is shorter than it says")
        length -= len(chunk)
        yield chunk


def _in_file_order(file: BinaryIO, end: End) -> Iterable[Entry]:
    """Yield the members in file order; nearly every writer lists them so, and then none is held."""
    last, ascending = -1, True
    for entry in _directory(file, end):
        ascending, last = ascending and entry.offset > last, entry.offset
    if ascending:
        return _directory(file, end)
    if end.members > _MOST_OUT_OF_ORDER:
        raise Corrupt(f"the archive lists more than {_MOST_OUT_OF_ORDER} members, and out of order")
    return sorted(_directory(file, end), key=lambda entry: entry.offset)


def _with_following(members: Iterable[Entry], stop: int) -> Iterator[tuple[Entry, int]]:
    """Yield each member with its end offset; raise `Corrupt` unless the first starts the file."""
    previous: Entry | None = None
    for entry in members:
        if entry.offset > stop:
            raise Corrupt("the archive lists members behind its directory")
        if previous is not None:
            yield previous, entry.offset
        elif entry.offset:
            raise Corrupt("the archive has bytes before its first member")
        previous = entry
    if previous is not None:
        yield previous, stop
    elif stop:
        raise Corrupt("the archive lists no member and is not empty")


def _check_member(file: BinaryIO, entry: Entry, following: int, *, unpack: bool, tick: Tick) -> None:
    """Check one member from its local header up to the next listed member, at `following`."""
    file.seek(entry.offset)
    header = file.read(LOCAL_SIZE)
    rest = file.read(local_rest(header))
    check_local(header, rest, entry)
    start = entry.offset + len(header) + len(rest)
    stop = start + entry.packed
    file.seek(stop)
    gap = file.read(max(min(following - stop, gap_size(entry)), 0))
    index = find_index(gap, entry, streamed=is_streamed(header))
    end = following if index is None else stop + index
    if end < stop or (end > stop and not is_streamed(header)):
        raise Corrupt(f"{entry.name[:80]!r} and what follows it in the archive overlap or leave a gap")
    if unpack and not unsupported_reason(entry):
        _check_bytes(_chunks(file, start, entry.packed), entry, tick)
    if is_streamed(header):
        check_descriptor(gap[: min(end - stop, LOCAL_SIZE)], entry)
    if index is not None:
        _check_index(file, end, following, entry, tick)


def _check_index(file: BinaryIO, at: int, following: int, entry: Entry, tick: Tick) -> None:
    """Check a member's SOZip index, which must fill the file from `at` up to the next listed member."""
    file.seek(at)
    header = file.read(LOCAL_SIZE)
    rest = file.read(local_rest(header))
    size = check_index(header, rest, entry)
    start = at + len(header) + len(rest)
    if start + size != following:
        raise Corrupt(f"the index of {entry.name[:80]!r} and what follows it in the archive overlap or leave a gap")
    _check_bytes(_chunks(file, start, size), parse_local(header, rest, at), tick)


def _check_bytes(packed: Iterable[bytes], entry: Entry, tick: Tick) -> None:
    unpacking = MemberDecoder(entry)
    for chunk in packed:
        unpacking.give(chunk)
        while unpacking.take():
            tick()
    unpacking.end()
