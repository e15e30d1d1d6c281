"""The sandbox's pure rules, compared with other implementations."""

from __future__ import annotations

import io
import math
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasterio.warp import transform

from pixxel_async.sandbox.files.archive import ArchiveMember, make_archive
from pixxel_async.sandbox.files.utm import metres, zone
from pixxel_async.sandbox.files.virtual_bytes import Piece, VirtualBytes
from pixxel_async.sandbox.rules.checks import problems
from pixxel_async.sandbox.rules.crc import join_crc, repeat_crc
from pixxel_async.sandbox.rules.geometry import area, box, centre, overlap, rings
from pixxel_async.sandbox.rules.ids import uuid

pieces = st.lists(st.builds(Piece.repeat, st.binary(min_size=1, max_size=9), st.integers(0, 200)), max_size=6)


@pytest.mark.slow
@given(st.binary(max_size=50), st.binary(max_size=50), st.integers(0, 40))
def test_checksums_of_joined_and_repeated_bytes(one: bytes, other: bytes, times: int) -> None:
    """CRC-32 of joined and repeated bytes equals zlib's."""
    assert join_crc(zlib.crc32(one), zlib.crc32(other), len(other)) == zlib.crc32(one + other)
    assert repeat_crc(zlib.crc32(one), len(one), times) == zlib.crc32(one * times)


@pytest.mark.slow
@given(pieces, st.integers(0, 1300), st.integers(0, 1300))
def test_virtual_bytes_read_from_any_offset(made: list[Piece], start: int, stop: int) -> None:
    """VirtualBytes reads the same from any offset, and its CRC-32 is that of the whole."""
    virtual = VirtualBytes(made)
    whole = b"".join((piece.block * (piece.length // len(piece.block) + 1))[: piece.length] for piece in made)
    assert virtual.read_all() == whole and virtual.size == len(whole) and virtual.crc() == zlib.crc32(whole)
    assert b"".join(virtual.read(start, stop)) == whole[start:stop]


@pytest.mark.slow
@given(st.lists(pieces, min_size=1, max_size=4))
def test_archives_are_valid(contents: list[list[Piece]]) -> None:
    """zipfile reads every member of an archive, also under non-ASCII names."""
    members = [ArchiveMember(f"å/{nth}.bin", VirtualBytes(made)) for nth, made in enumerate(contents)]
    with zipfile.ZipFile(io.BytesIO(make_archive(members).read_all())) as archive:
        assert archive.testzip() is None
        assert [archive.read(one.name) for one in members] == [one.content.read_all() for one in members]


class Window(io.RawIOBase):
    """VirtualBytes as a file, for archives too large for memory."""

    def __init__(self, virtual: VirtualBytes) -> None:
        self.virtual, self.at = virtual, 0

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = (0, self.at, self.virtual.size)[whence] + offset
        return self.at

    def read(self, size: int = -1) -> bytes:
        part = b"".join(self.virtual.read(self.at, self.virtual.size if size < 0 else self.at + size))
        self.at += len(part)
        return part


def test_an_archive_beyond_four_gigabytes_is_zip64() -> None:
    """An archive beyond 4 GiB is Zip64, and zipfile finds both members with size and checksum."""
    large = VirtualBytes([Piece.repeat(b"0123456789abcdef", 5_000_000_000)])
    archive = make_archive([ArchiveMember("large", large), ArchiveMember("small", VirtualBytes.of(b"behind"))])
    with zipfile.ZipFile(Window(archive)) as opened:  # type: ignore[arg-type]
        assert [info.file_size for info in opened.infolist()] == [5_000_000_000, 6]
        assert opened.read("small") == b"behind" and large.crc() == opened.getinfo("large").CRC


@pytest.mark.parametrize(
    ("longitude", "latitude"), [(77.5, 12.9), (-58.2, -34.1), (5.3, 61.2), (151.26, -27.41), (0.1, 0.1)]
)
def test_coordinates_equal_proj(longitude: float, latitude: float) -> None:
    """UTM coordinates equal PROJ's to a centimetre."""
    epsg = zone(longitude, latitude)
    east, north = transform("EPSG:4326", f"EPSG:{epsg}", [longitude], [latitude])
    assert math.dist(metres(longitude, latitude, epsg), (east[0], north[0])) < 0.01


def test_areas_and_boxes() -> None:
    """A square degree at the equator is about 12,364 km²; boxes may cross the antimeridian."""
    square = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
    assert area(square) / 1e6 == pytest.approx(12_364, rel=0.01)
    assert area({"type": "MultiPolygon", "coordinates": [square["coordinates"]] * 2}) == pytest.approx(2 * area(square))
    assert box(square) == (0, 0, 1, 1) and centre(square) == [0.5, 0.5] and box({"type": "Point"}) is None
    assert overlap((170, 0, -170, 1), (175, 0, 176, 1)) and not overlap((170, 0, -170, 1), (0, 0, 1, 1))


@pytest.mark.parametrize(
    "broken", [None, 7, [], [[]], [[[0, 0]]], [[["a", 0]] * 4], [[[True, 0]] * 4], [[[math.nan, 0]] * 4]]
)
def test_broken_geometries_have_no_rings(broken: object) -> None:
    """An invalid geometry has no rings and raises nothing."""
    for kind in ("Polygon", "MultiPolygon", "Point", "Circle"):
        assert rings({"type": kind, "coordinates": broken}) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
)


@pytest.mark.slow
@given(json_values)
def test_checks_accept_any_value(value: object) -> None:
    """problems() returns a list of lines for any value and raises nothing."""
    schema = {
        "type": "object",
        "required": ["a"],
        "properties": {"a": {"type": ["integer", "null"], "minimum": 1}, "b": {"$ref": "#/components/schemas/B"}},
        "additionalProperties": {"type": "string", "maxLength": 1},
    }
    components = {"schemas": {"B": {"type": "array", "items": {"x-values": {"x": ""}}}}}
    assert all(isinstance(line, str) for line in problems(value, schema, components))


def test_ids_are_uuids_of_their_parts() -> None:
    """Ids are version 4 UUIDs derived from their parts, and part boundaries matter."""
    assert uuid(1, "a") == uuid(1, "a") != uuid(1, "b")
    assert uuid("a", "bc") != uuid("ab", "c") and uuid(1)[14] == "4"
