"""Valid archives of other programs are proved, also by the streaming check."""

from __future__ import annotations

import itertools
import os
import shutil
import stat
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from pixxel_async._formats.zip_stream import ZipStreamChecker
from pixxel_async.downloads.prove import Proof, prove
from tests.support.archives import NoSeek, with_zip64_end
from tests.support.samples.make import BY_STRUCTURE, RECIPES, WRITERS
from tests.support.samples.make import HERE as SAMPLES
from tests.support.tools import run_tool

JVM = ("-Xshare:auto", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""Options that halve the CPU time of a short Java program."""


def proved(path: Path) -> Proof:
    """Return the proof of a file after asserting that the streaming check gives the same."""
    proof = prove(path)
    assert proved_by_stream(path) == proof, path.name
    return proof


def proved_by_stream(path: Path) -> Proof:
    """Return the proof of a file whose bytes were checked while they streamed past."""
    checker = ZipStreamChecker()
    checker.update(path.read_bytes())
    return prove(path, streamed=checker.seen)


def all_proved(paths: Iterable[Path]) -> int:
    """Return the number of archives after asserting that each is proved by CRC."""
    found = [(path.name, proved(path).proof) for path in paths]
    assert [name for name, proof in found if proof != "crc"] == []
    return len(found)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a folder of files as a user may have them."""
    folder = tmp_path / "source"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "empty folder").mkdir()
    (folder / "deep" / "ä ö.tif").write_bytes(os.urandom(70_000))
    (folder / "deep" / "er" / "zeros.bin").write_bytes(bytes(300_000))
    (folder / "nothing").write_bytes(b"")
    (folder / "marks").write_bytes(b"PK\x03\x04PK\x07\x08PK\x01\x02PK\x05\x06" * 99)
    (folder / "link").symlink_to("nothing")
    return folder


def infos(kind: str) -> list[zipfile.ZipInfo]:
    """Return members that are unusual in one way."""
    plain = zipfile.ZipInfo("a/b.txt")
    match kind:
        case "unicode":
            return [zipfile.ZipInfo("ünï/コード 🛰.tif"), plain]
        case "extra fields":
            plain.extra = b"\x55\x54\x05\x00\x03\x00\x00\x00\x00" + b"\xfe\xca\x00\x00"
            plain.comment = b"of a member"
            return [plain]
        case "folders":
            return [zipfile.ZipInfo("x/"), zipfile.ZipInfo("x/y/"), plain]
        case "links":
            link = zipfile.ZipInfo("link")
            link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            return [link, plain]
        case "old dates":
            return [zipfile.ZipInfo("z", (1980, 1, 1, 0, 0, 0)), zipfile.ZipInfo("y", (2107, 12, 31, 23, 59, 58))]
        case _:
            return []


KINDS = ("unicode", "extra fields", "folders", "links", "old dates", "none")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_archives_of_python(tmp_path: Path, kind: str) -> None:
    """Python's archives are proved for each mixture of method, level, descriptors, Zip64, comment and sizes."""
    ways = itertools.product(
        ((0, 0), (8, 0), (8, 1), (8, 9)), (False, True), (False, True), (b"", b"c" * 300), (0, 99, 90_000)
    )
    made = 0
    for (method, level), streamed, zip64, comment, size in ways:
        sink = NoSeek()
        with zipfile.ZipFile(sink if streamed else tmp_path / "x", "w", method, compresslevel=level) as archive:
            archive.comment = comment
            for info in infos(kind):
                info.compress_type = method
                with archive.open(info, "w", force_zip64=zip64) as member:
                    member.write(os.urandom(0 if info.is_dir() else size))
        if streamed:
            (tmp_path / "x").write_bytes(bytes(sink.data))
        made += all_proved([tmp_path / "x"])
        if not comment and not streamed:
            (tmp_path / "x").write_bytes(with_zip64_end((tmp_path / "x").read_bytes()))
            made += all_proved([tmp_path / "x"])
    assert made >= 50, "six kinds of these are 300 and more"


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_ready_made_samples(name: str) -> None:
    """The stored samples of all programs are proved, whether the programs are installed or not."""
    proof = proved(SAMPLES / name)

    assert (proof.container, proof.proof) == ("zip", "structure" if name in BY_STRUCTURE else "crc")
    assert ("proved by structure alone" in proof.note) == (name in BY_STRUCTURE)


def test_no_sample_is_left_out() -> None:
    """Every stored sample has a recipe and is smaller than 4 KiB."""
    files = {path.name: path.stat().st_size for path in SAMPLES.iterdir() if path.suffix in (".zip", ".jar")}
    assert sorted(files) == sorted(RECIPES)
    assert max(files.values()) < 4096


@pytest.mark.slow
@pytest.mark.parametrize("target", ["file", "pipe"])
@pytest.mark.parametrize("links", [(), ("-y",)], ids=["followed", "as links"])
@pytest.mark.parametrize("level", ["-0", "-1", "-9"])
def test_archives_of_info_zip(level: str, links: tuple[str, ...], target: str, source: Path, tmp_path: Path) -> None:
    """Archives of Info-ZIP are proved: levels, bare and flat, links, appended, and written to a pipe."""
    made = []
    for number, (bare, flat) in enumerate(itertools.product(((), ("-X",)), ((), ("-D",)))):
        options = ["-q", "-r", level, *links, *bare, *flat]
        path = tmp_path / f"{number}.zip"
        if target == "pipe":
            path.write_bytes(run_tool("zip", *options, "-", "source", folder=tmp_path).stdout)
        else:
            run_tool("zip", *options, path, "source", folder=tmp_path)
            appended = shutil.copyfile(path, tmp_path / f"{number}-appended.zip")
            run_tool("zip", "-q", appended, "source/marks", folder=tmp_path)
            made.append(appended)
        made.append(path)
    assert all_proved(made) == (4 if target == "pipe" else 8)


def test_encrypted_archives_of_info_zip(source: Path, tmp_path: Path) -> None:
    """An encrypted archive is proved by structure."""
    run_tool("zip", "-q", "-r", "-P", "secret", tmp_path / "locked", "source", folder=tmp_path)
    assert proved(tmp_path / "locked.zip").proof == "structure"


@pytest.mark.parametrize("level", ["0", "1", "9"])
def test_archives_of_7zip(level: str, source: Path, tmp_path: Path) -> None:
    """Archives of 7-Zip are proved by CRC for its levels and name options."""
    for names in ("-mcu=on", "-mcu=off", "-mtc=on"):
        target = f"plain{names}.zip"
        run_tool("7z", "a", "-tzip", "-mm=Deflate", f"-mx={level}", names, target, "source", folder=tmp_path)
    assert all_proved(tmp_path.glob("plain*.zip")) == 3


@pytest.mark.parametrize("method", ["Deflate64", "BZip2", "LZMA"])
def test_other_methods_of_7zip(method: str, source: Path, tmp_path: Path) -> None:
    """Other methods of 7-Zip are proved by structure, with a note."""
    run_tool("7z", "a", "-tzip", f"-mm={method}", f"{method}.zip", "source", folder=tmp_path)
    proof = proved(tmp_path / f"{method}.zip")
    assert proof.proof == "structure"
    assert "proved by structure alone" in proof.note


@pytest.mark.parametrize("options", ["compression=deflate", "compression=store", "zip64", "hdrcharset=UTF-8"])
def test_archives_of_bsdtar(options: str, source: Path, tmp_path: Path) -> None:
    """Archives of bsdtar are proved for its methods and Zip64."""
    made = tmp_path / "made.zip"
    run_tool("bsdtar", "--format=zip", "--options", f"zip:{options}", "-cf", made, "source", folder=tmp_path)
    assert proved(made).proof == "crc"


@pytest.mark.slow
@pytest.mark.parametrize("way", ["cf", "c0f"])
def test_archives_of_jar(way: str, source: Path, tmp_path: Path) -> None:
    """A jar, whose first member has an extra field, is proved."""
    run_tool("jar", way, tmp_path / "made.jar", "-C", source, ".", folder=tmp_path)
    assert proved(tmp_path / "made.jar").proof == "crc"


@pytest.mark.slow
def test_archives_of_java(tmp_path: Path) -> None:
    """Archives of Java's writer, which always adds descriptors, are proved."""
    run_tool("java", *JVM, WRITERS / "Odd.java", tmp_path, folder=tmp_path)
    many = tmp_path / "java-many.zip"  # a walk through as many members is `test_prove.py`'s
    proof = proved_by_stream(many)
    assert (proof.proof, proof.members) == ("crc", 66_001)
    assert all_proved(set(tmp_path.glob("java-*.zip")) - {many}) == 10


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_archives_of_go(tmp_path: Path) -> None:
    """Archives of Go's writer, with descriptors behind stored members, are proved."""
    modules = {"GOFLAGS": "-mod=mod", "GO111MODULE": "off", "GOTOOLCHAIN": "local"}
    cache = {} if "HOME" in os.environ else {"GOCACHE": str(tmp_path / "cache")}
    environment = {**os.environ, **modules, **cache}
    (tmp_path / "out").mkdir()
    run_tool("go", "run", WRITERS / "odd.go", "out", folder=tmp_path, environment=environment, timeout=120)
    assert all_proved((tmp_path / "out").glob("*.zip")) == 20
