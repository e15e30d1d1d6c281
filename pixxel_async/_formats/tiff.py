"""Find how far a TIFF or BigTIFF must reach by its own directories, tag values, strips and tiles.

Source: the public TIFF 6.0 specification, section 2, and the BigTIFF design notes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from attrs import frozen

from ..errors import Corrupt

__all__ = ["Layout", "check_tiff"]

_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_WORDS = {1: "B", 3: "H", 4: "L", 16: "Q"}
_PAIRS = ((273, 279), (324, 325))
_MOST_DIRECTORIES = 65_536
_AT_ONCE = 8192

Read = Callable[[int, int], bytes]


@frozen
class Layout:
    """The extent of a TIFF.

    Attributes:
        needed: file size in bytes that holds everything it lists.
        directories: images and overviews in it.
    """

    needed: int
    directories: int


@frozen
class _Form:
    order: str
    big: bool

    @property
    def entry(self) -> struct.Struct:
        return struct.Struct(self.order + ("2HQ8s" if self.big else "2HL4s"))

    @property
    def count(self) -> struct.Struct:
        return struct.Struct(self.order + ("Q" if self.big else "H"))

    @property
    def pointer(self) -> struct.Struct:
        return struct.Struct(self.order + ("Q" if self.big else "L"))


@frozen
class _Values:
    kind: int
    count: int
    at: int


def check_tiff(read: Read) -> Layout:
    """Follow a TIFF's directories.

    Args:
        read: returns the bytes at an offset; fewer at the end of the file.

    Raises:
        Corrupt: a directory is damaged, lies outside the file, or leads back to an earlier one.
    """
    head = _read_exactly(read, 0, 8)
    form = _Form("<" if head.startswith(b"II") else ">", head[2:4] in (b"+\x00", b"\x00+"))
    at = form.pointer.unpack(_read_exactly(read, 8, 8) if form.big else head[4:])[0]
    needed, visited = 8, set[int]()
    while at:
        if at in visited or len(visited) >= _MOST_DIRECTORIES:
            raise Corrupt("the TIFF's directories form a cycle")
        visited.add(at)
        reach, at = _read_directory(read, form, at)
        needed = max(needed, reach)
    if not visited:
        raise Corrupt("the TIFF holds no image")
    return Layout(needed, len(visited))


def _read_directory(read: Read, form: _Form, at: int) -> tuple[int, int]:
    """Return the end of a directory with its data, and the offset of the next directory."""
    count = form.count.unpack(_read_exactly(read, at, form.count.size))[0]
    if not 0 < count <= 65_535:
        raise Corrupt("the TIFF has a damaged directory")
    start = at + form.count.size
    body = _read_exactly(read, start, count * form.entry.size + form.pointer.size)
    tags = dict(_parse_tags(form, body[: -form.pointer.size], start))
    reach = max(values.at + values.count * _WIDTHS.get(values.kind, 1) for values in tags.values())
    for offsets, lengths in _PAIRS:
        if offsets in tags and lengths in tags:
            reach = max(reach, _data_reach(read, form, tags[offsets], tags[lengths]))
    return reach, form.pointer.unpack_from(body, len(body) - form.pointer.size)[0]


def _parse_tags(form: _Form, body: bytes, start: int) -> Iterator[tuple[int, _Values]]:
    room = form.pointer.size
    for index, (tag, kind, count, inline) in enumerate(form.entry.iter_unpack(body)):
        value_at = start + (index + 1) * form.entry.size - room
        fits = count * _WIDTHS.get(kind, 1) <= room
        yield tag, _Values(kind, count, value_at if fits else form.pointer.unpack(inline)[0])


def _data_reach(read: Read, form: _Form, offsets: _Values, lengths: _Values) -> int:
    """Return how far strips or tiles reach; one of length 0 is absent."""
    pairs = zip(_read_numbers(read, form, offsets), _read_numbers(read, form, lengths), strict=False)
    return max((offset + length for offset, length in pairs if length), default=0)


def _read_numbers(read: Read, form: _Form, values: _Values) -> Iterator[int]:
    word = _WORDS.get(values.kind)
    if word is None:
        raise Corrupt("the TIFF has a damaged directory")
    width = _WIDTHS[values.kind]
    for first in range(0, values.count, _AT_ONCE):
        count = min(_AT_ONCE, values.count - first)
        data = _read_exactly(read, values.at + first * width, count * width)
        yield from struct.unpack(f"{form.order}{count}{word}", data)


def _read_exactly(read: Read, at: int, length: int) -> bytes:
    data = read(at, length)
    if len(data) != length:
        raise Corrupt("the TIFF is cut off")
    return data
