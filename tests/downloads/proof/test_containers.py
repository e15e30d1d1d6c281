"""Containers are recognised by their first bytes, and ZIP structures are parsed strictly."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async._formats.detect import HEAD, recognise
from pixxel_async._formats.zip_structure import find_end, parse_entries
from pixxel_async._redact import excerpt
from pixxel_async.errors import Corrupt
from tests.support.archives import directory_of, make_zip, with_zip64_end


def tar_of(*names: str) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
    return sink.getvalue()


@pytest.mark.fault("F-11")
@pytest.mark.parametrize(
    ("head", "container"),
    [
        (make_zip(), "zip"),
        (make_zip(()), "zip"),
        (tar_of("a"), "tar"),
        (gzip.compress(tar_of("a"), mtime=0), "tar.gz"),
        (gzip.compress(b"x", mtime=0), "gzip"),
        (b"II*\x00\x08\x00\x00\x00", "tiff"),
        (b"MM\x00*\x00\x00\x00\x08", "tiff"),
        (b"II+\x00\x08\x00\x00\x00" + bytes(8), "tiff"),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"\x89HDF\r\n\x1a\n\x00", "hdf5"),
        (b"CDF\x01\x00\x00\x00\x00", "netcdf"),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "jpeg2000"),
        (b"NITF02.10", "nitf"),
        (b"7z\xbc\xaf\x27\x1c\x00", "7z"),
        (b"\x28\xb5\x2f\xfd\x00", "zstd"),
        (b'{"type": "FeatureCollection", "features": []}', "geojson"),
        (b'{"features": [], "type":"Feature"}', "geojson"),
        (b"id,status\n1,done\n", "csv"),
        (b"\xef\xbb\xbfid;status\r\n1;done\r\n", "csv"),
        ("näme,wert\nä,1\n".encode(), "csv"),
        (b"<!DOCTYPE html><html>", "page"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><Error/>", "page"),
        (b"\n  <Error><Code>AccessDenied</Code></Error>", "page"),
        (b'{"error": {"code": 1}}', "page"),
        (b"[]", "page"),
        (b"null", "page"),
        (b"Access denied, please sign in", "page"),
        (b"Internal Server Error", "page"),
        (b"", "unknown"),
        (bytes(100), "unknown"),
        (b"\x7fELF\x02\x01", "unknown"),
    ],
)
def test_a_container_is_recognised_by_its_first_bytes(head: bytes, container: str) -> None:
    """The container is detected from the first bytes, not from Content-Type; error pages are recognized."""
    assert recognise(head[:HEAD]) == container


def test_a_split_character_at_the_end_of_the_head_is_accepted() -> None:
    """A multi-byte character cut at the end of the head is no damage."""
    assert recognise(("a,b\n" + "1,é\n" * 2000).encode()[: HEAD - 1]) == "csv"


@pytest.mark.slow
@given(st.binary(max_size=600))
def test_any_head_is_something(head: bytes) -> None:
    """Any bytes are recognised as something without an exception."""
    assert recognise(head)


@pytest.mark.parametrize(
    "body",
    [
        b"<Error><Code>SignatureDoesNotMatch</Code><StringToSign>canary</StringToSign></Error>",
        b"<Error><AWSAccessKeyId>canary</AWSAccessKeyId><SignatureProvided>canary</SignatureProvided>",
        b'{"link": "https://bucket/x?X-Amz-Signature=canary"}',
        b'{"link": "https:\\/\\/bucket\\/x?sig=canary"}',
        b"AuthenticationFailed: sig=canary",
        b"token: canary",
        b'{"signature": "canary"}',
        b"word " + b"c" * 64 + b"anary",
        b"<a href='https://bucket/canary'>here</a>",
    ],
)
def test_an_excerpt_of_a_page_holds_no_secret(body: bytes) -> None:
    """An excerpt of a page masks links and signatures."""
    assert "canary" not in excerpt(body)


def test_an_excerpt_of_a_page_is_short_and_printable() -> None:
    """An excerpt of a page is printable and at most 200 characters long."""
    assert excerpt(b"<h1>Sign\x1b[31m in</h1>\r\n" + b"a " * 500)[:22] == "<h1>Sign [31m in</h1> "
    assert len(excerpt(b"a " * 500)) <= 200


@pytest.mark.slow
@given(st.integers(1, 400))
def test_a_directory_is_read_however_its_bytes_are_cut(step: int) -> None:
    """Directory entries are the same however the bytes are split."""
    data = make_zip([(f"m{number}", b"x" * number) for number in range(9)])
    end = find_end(data, len(data))
    directory = data[end.directory : end.directory + end.directory_size]
    cut = [directory[at : at + step] for at in range(0, len(directory), step)]

    assert list(parse_entries(cut, end)) == list(parse_entries([directory], end))
    assert [entry.name for entry in parse_entries(cut, end)] == [f"m{number}" for number in range(9)]


@pytest.mark.parametrize("comment", [b"", b"hello", b"x" * 65535])
def test_the_end_record_is_found_behind_any_comment(comment: bytes) -> None:
    """The end record is found behind the longest possible comment."""
    data = make_zip(comment=comment)

    assert find_end(data[-70_000:], len(data)).members == 2


@pytest.mark.fault("L-02")
def test_an_end_record_in_a_comment_is_refused() -> None:
    """An archive with a second end record in its comment is ambiguous and refused."""
    data = make_zip(comment=b"x" + b"PK\x05\x06" + bytes(18))

    with pytest.raises(Corrupt, match="two end records"):
        find_end(data, len(data))


def test_a_zip64_end_record_counts() -> None:
    """The Zip64 end record replaces saturated fields of the plain one."""
    data = make_zip()
    end = find_end(with_zip64_end(data), len(with_zip64_end(data)))

    assert (end.members, end.directory, end.zip64) == (2, directory_of(data), True)


@pytest.mark.slow
@given(st.binary(max_size=200), st.integers(0, 400))
def test_no_tail_breaks_the_reader(tail: bytes, more: int) -> None:
    """Any end record is read or raises Corrupt, and nothing else."""
    data = tail + b"PK\x05\x06" + tail[:18].ljust(18, b"\x00")
    try:
        end = find_end(data, len(data) + more)
        list(parse_entries([tail], end))
    except Corrupt:
        pass


@pytest.mark.parametrize(
    "head", [b"\xc3!DOCTYPE html><html><body>Sign in</body></html>", "<p>Zugriff verweigért".encode("latin-1")]
)
def test_a_damaged_page_is_still_a_page(head: bytes) -> None:
    """A page with a damaged byte or in Latin-1 is recognised as a page."""
    assert recognise(head) == "page"
