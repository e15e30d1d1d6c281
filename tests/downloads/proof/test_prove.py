"""Proof of complete files: valid archives pass, each damage is refused, in bounded memory, and it can be stopped."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import struct
import tarfile
import tempfile
import threading
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from pixxel_async._formats.zip_stream import ZipStreamChecker
from pixxel_async._formats.zip_walk import walk
from pixxel_async.downloads.prove import Stopped, members, prove
from pixxel_async.errors import Corrupt, NotAPackage
from tests.support.archives import DAMAGES, flipped, make_zip, with_index, with_many_members, with_zip64_end
from tests.support.tools import run_tool


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / ".part"


names = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00\\"), min_size=1, max_size=20)
archives = st.builds(
    make_zip,
    st.lists(st.tuples(names, st.binary(max_size=2000)), max_size=6, unique_by=lambda member: member[0]),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    comment=st.binary(max_size=40).filter(lambda comment: b"PK" not in comment),
    streamed=st.booleans(),
    zip64=st.booleans(),
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(archives)
def test_valid_archives_pass(data: bytes) -> None:
    """Valid archives of any method, with descriptors, Zip64 or comment, or empty, are proved by CRC."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x")
        path.write_bytes(data)
        with zipfile.ZipFile(path) as archive:
            expected = len(archive.infolist())

        proof = prove(path, expected_size=len(data))

        assert (proof.container, proof.proof, proof.members, proof.note) == ("zip", "crc", expected, "")


@pytest.mark.fault("G-06")
@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(archives.filter(lambda data: len(data) > 22), st.data())
def test_a_cut_archive_never_passes(data: bytes, draw: st.DataObject) -> None:
    """A truncated archive fails, wherever it ends."""
    cut = draw.draw(st.integers(0, len(data) - 1))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x")
        path.write_bytes(data[:cut])

        with pytest.raises((Corrupt, NotAPackage)):
            prove(path)


def test_every_flipped_bit_of_contents_is_found(part: Path) -> None:
    """Every flipped bit of contents, offsets and sizes is found."""
    data = make_zip((("a", b"0123456789" * 3), ("b", b"x")), method=zipfile.ZIP_STORED)
    harmless = _free_bytes(data)
    for at in range(len(data)):
        if at in harmless:
            continue
        part.write_bytes(flipped(data, at, at % 8))
        with pytest.raises((Corrupt, NotAPackage)):
            prove(part)


def _free_bytes(data: bytes) -> set[int]:
    """Return the offsets of bytes that do not matter: versions, times, attributes and unused flags."""
    free: set[int] = set()
    at = -1
    while (at := data.find(b"PK\x03\x04", at + 1)) >= 0:
        free |= {at + 4, at + 5, *range(at + 6, at + 8), *range(at + 10, at + 14)}
    while (at := data.find(b"PK\x01\x02", at + 1)) >= 0:
        free |= {*range(at + 4, at + 10), *range(at + 12, at + 16), *range(at + 36, at + 42)}
    return free


@pytest.mark.fault("L-01", "L-02")
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_archive_is_refused(part: Path, damage: str) -> None:
    """L-01, L-02: an archive with a false structure is refused."""
    part.write_bytes(DAMAGES[damage]())

    with pytest.raises((Corrupt, NotAPackage)):
        prove(part)


def test_structure_alone_leaves_the_checksums(part: Path) -> None:
    """`verify="structure"` finds a truncated archive, but not a flipped bit in a member."""
    data = make_zip(method=zipfile.ZIP_STORED)
    part.write_bytes(flipped(data, 50))
    assert prove(part, verify="structure").proof == "structure"

    part.write_bytes(data[:-1])
    with pytest.raises(Corrupt):
        prove(part, verify="structure")


@pytest.mark.fault("L-01")
def test_a_method_that_cannot_be_unpacked_is_proved_by_structure(part: Path) -> None:
    """A member with an unsupported method is proved by structure, and the note names the method."""
    part.write_bytes(make_zip(method=zipfile.ZIP_LZMA))

    proof = prove(part)

    assert proof.proof == "structure"
    assert "method 14" in proof.note


@pytest.mark.fault("L-01")
def test_encrypted_members_are_proved_by_structure(part: Path) -> None:
    """An encrypted member is proved by structure, with a note."""
    data = make_zip((("a", b"x" * 50),), method=zipfile.ZIP_STORED)
    at = data.index(b"PK\x01\x02")
    part.write_bytes(data[:6] + b"\x01" + data[7 : at + 8] + b"\x01" + data[at + 9 :])

    assert "encrypted" in prove(part).note


@pytest.mark.slow
def test_more_members_than_plain_records_can_count(part: Path) -> None:
    """70,000 members, which need Zip64, are counted correctly."""
    part.write_bytes(with_many_members(70_000))

    assert prove(part).members == 70_000


def test_a_directory_in_another_order_is_read(part: Path) -> None:
    """A directory in another order is accepted."""
    data = make_zip((("a", b"1"), ("b", b"22")), method=zipfile.ZIP_STORED)
    start, stop = data.index(b"PK\x01\x02"), len(data) - 22
    half = (stop - start) // 2
    part.write_bytes(data[:start] + data[start + half : stop] + data[start : start + half] + data[stop:])

    assert prove(part).proof == "crc"
    assert [member.name for member in members(part)] == ["b", "a"]


def test_unnecessary_zip64_end_records(part: Path) -> None:
    """Unnecessary Zip64 end records are accepted."""
    part.write_bytes(with_zip64_end(make_zip()))

    assert prove(part).proof == "crc"


@pytest.mark.parametrize("options", [["-r"], ["-r", "-0"], ["-r", "-9", "-X"], ["-r", "-fz"], ["-r", "-D"]])
def test_archives_of_info_zip(tmp_path: Path, options: list[str]) -> None:
    """Archives of Info-ZIP are proved, written to a file or to a pipe."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "ä.tif").write_bytes(b"raster" * 9999)
    (source / "spec.json").write_bytes(b"{}")
    # With -fz into a pipe the program writes archives that it cannot read itself.
    for target in ("out.zip",) if "-fz" in options else ("out.zip", "-"):
        written = run_tool("zip", "-q", *options, target, "source", folder=tmp_path).stdout
        path = tmp_path / "out.zip"
        if target == "-":
            path.write_bytes(written)

        assert prove(path).proof == "crc"


@pytest.mark.slow
def test_memory_is_bounded(part: Path) -> None:
    """A highly compressed member is inflated in pieces."""
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(64 << 20))
    tracemalloc.start()
    try:
        assert prove(part).proof == "crc"
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 8 << 20


@pytest.mark.slow
def test_announced_sizes_bound_the_work(part: Path) -> None:
    """A member that inflates to more than declared is given up at its declared size."""
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(64 << 20))
    data, wrong = part.read_bytes(), struct.pack("<L", 1000)
    at = data.index(b"PK\x01\x02")
    part.write_bytes(data[:22] + wrong + data[26 : at + 24] + wrong + data[at + 28 :])

    ticks: list[None] = []
    with pytest.raises(Corrupt, match="checksum"):
        walk(part, unpack=True, tick=lambda: ticks.append(None))
    assert len(ticks) < 5


@pytest.mark.fault("L-08")
def test_proving_can_be_stopped(part: Path) -> None:
    """The stop event raises Stopped."""
    part.write_bytes(make_zip())
    stop = threading.Event()
    stop.set()

    with pytest.raises(Stopped):
        prove(part, stop=stop)


def test_a_page_in_place_of_a_package(part: Path) -> None:
    """An error page is distinguished from a damaged package at every `verify` level; its excerpt is redacted."""
    part.write_bytes(b"<Error><Code>AccessDenied</Code><Token>canary</Token></Error>")

    for verify in ("full", "structure", "size"):
        with pytest.raises(NotAPackage, match="AccessDenied") as caught:
            prove(part, verify=verify, package="job:w/j", expected_size=5)  # type: ignore[arg-type]
        assert "canary" not in str(caught.value)
        assert (caught.value.package, caught.value.stage) == ("job:w/j", "prove")


@pytest.mark.fault("G-09", "G-10")
@pytest.mark.parametrize("body", [b"", bytes(5000)])
def test_empty_and_zero_files_are_refused(part: Path, body: bytes) -> None:
    """An empty file and one of zeros are refused."""
    part.write_bytes(body)

    with pytest.raises(Corrupt):
        prove(part)


def test_the_announced_length_counts(part: Path) -> None:
    """A file of another length than announced is refused."""
    part.write_bytes(make_zip())

    with pytest.raises(Corrupt, match="announced"):
        prove(part, verify="size", expected_size=1)


@pytest.mark.fault("G-11")
def test_digests_are_compared(part: Path) -> None:
    """Digests stated by the storage are verified; unknown algorithms are ignored."""
    data = bytes(range(256)) * 9
    part.write_bytes(data)
    md5 = ("Content-MD5".removeprefix("Content-"), hashlib.md5(data).digest())
    crc = ("CRC32", zlib.crc32(data).to_bytes(4, "big"))

    assert prove(part, digests=[md5, crc, ("crc64nvme", b"?")]).proof == "digest"
    for wrong in ([("sha-256", b"no")], [md5, ("md5", b"no")]):
        with pytest.raises(Corrupt, match="digest"):
            prove(part, digests=wrong)


def test_a_digest_computed_on_the_way_is_not_computed_again(part: Path) -> None:
    """A digest computed while streaming is compared without reading the file."""
    part.write_bytes(make_zip())

    with pytest.raises(Corrupt, match="sha256"):
        prove(part, digests=[("sha256", b"stated")], computed=[("sha256", b"other")])


@pytest.mark.parametrize("streamed", [False, True])
def test_a_sozip_index_is_accepted(part: Path, streamed: bool) -> None:
    """A SOZip index, which the directory omits, is accepted in both checks and not listed."""
    data = with_index(streamed=streamed)
    part.write_bytes(data)
    checker = ZipStreamChecker()
    checker.update(data)
    assert prove(part).proof == prove(part, streamed=checker.seen).proof == "crc"
    assert checker.seen is not None and checker.seen.members == 2
    assert [member.name for member in members(part)] == ["s/a.tif", "b"]


@pytest.mark.parametrize(
    "data",
    [
        with_index(name=b"s/.b.tif.sozip.idx"),
        with_index(name=b".a.tif.sozip.idx"),
        with_index().replace(b"indexindex", b"indexindeX"),
    ],
)
def test_other_unlisted_members_are_damage(part: Path, data: bytes) -> None:
    """Another unlisted member, or a damaged index, is refused."""
    part.write_bytes(data)
    with pytest.raises(Corrupt):
        prove(part)


def _tar(mode: str) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode=mode) as archive:  # type: ignore[call-overload]
        for number in range(3):
            info = tarfile.TarInfo("n" * 150 + str(number))
            info.size = 1000
            archive.addfile(info, io.BytesIO(b"x" * 1000))
    return sink.getvalue()


def _png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13)) + chunk(b"IDAT", b"x" * 99) + chunk(b"IEND", b"")


OTHERS = [
    ("tar.gz", "size", _tar("w:gz")),
    ("gzip", "size", gzip.compress(b"a" * 5000, mtime=0)),
    ("tar", "size", _tar("w")),
    ("hdf5", "size", b"\x89HDF\r\n\x1a\n" + bytes(range(256))),
    ("nitf", "size", b"NITF02.10" + bytes(range(256))),
    ("unknown", "size", bytes(range(256))),
    ("png", "crc", _png()),
    ("jpeg", "structure", b"\xff\xd8\xff\xe0" + b"x" * 99 + b"\xff\xd9"),
    ("geojson", "structure", b'{"type": "FeatureCollection", "features": []}\n'),
    ("csv", "size", b"id,status\n1,done\n"),
]


@pytest.mark.parametrize(("container", "proof", "data"), OTHERS, ids=[other[0] for other in OTHERS])
def test_other_containers(part: Path, container: str, proof: str, data: bytes) -> None:
    """Each container is proved as far as its format allows, else by size with a note; a truncated one is refused."""
    part.write_bytes(data)
    found = prove(part)
    assert (found.container, found.proof, found.members) == (container, proof, None)
    assert bool(found.note) is (proof != "crc")

    part.write_bytes(data[: len(data) * 2 // 3])
    if proof != "size":
        with pytest.raises((Corrupt, NotAPackage)):
            prove(part)


@pytest.mark.parametrize("data", [bytes(9000), bytes(5000) + b"x", b"\xfe\xfe" + make_zip()[2:]])
def test_damaged_starts_are_not_unknown_containers(part: Path, data: bytes) -> None:
    """A file that starts with zeros, or an archive with a damaged start, is refused instead of unknown."""
    part.write_bytes(data)
    with pytest.raises(Corrupt):
        prove(part)


@pytest.mark.parametrize("options", [{}, {"tiled": True, "blockxsize": 16, "blockysize": 16}, {"BIGTIFF": "YES"}])
def test_rasters(tmp_path: Path, options: dict[str, object]) -> None:
    """A GeoTIFF is proved by its strips and tiles, which must lie inside the file."""
    path = tmp_path / "x.tif"
    profile = {"driver": "GTiff", "width": 64, "height": 64, "count": 3, "dtype": "uint16", **options}
    with rasterio.open(
        path, "w", crs="EPSG:4326", transform=rasterio.Affine(0.5, 0, 7, 0, -0.5, 50), **profile
    ) as raster:
        raster.write(numpy.ones((3, 64, 64), "uint16"))
    assert prove(path).proof == "structure"

    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(Corrupt, match="cut off"):
        prove(path)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(
        [
            b"II*\x00",
            b"MM\x00*",
            b"II+\x00\x08\x00\x00\x00",
            b"PK\x03\x04",
            b"\x89PNG\r\n\x1a\n",
            b"\x1f\x8b\x08",
            b"PK\x05\x06",
        ]
    ),
    st.binary(max_size=300),
)
def test_no_bytes_break_the_proof(magic: bytes, data: bytes) -> None:
    """Any bytes are proved or refused, with our errors only."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x")
        path.write_bytes(magic + data)
        with contextlib.suppress(Corrupt, NotAPackage):
            prove(path)
