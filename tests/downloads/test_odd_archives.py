"""No false refusal: sound archives of other makers, however odd, are proved; also by what passed while they arrived."""

from __future__ import annotations

import itertools
import os
import shutil
import stat
import subprocess
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from pixxel_async.downloads.prove import Proof, prove
from pixxel_async.packages.rules.passage import Passage
from tests.support.archives import NoSeek, with_zip64_end

WRITERS = Path(__file__).parents[1] / "support" / "writers"


def proved(path: Path) -> Proof:
    """The proof of a file, the same whether its bytes passed by before or not."""
    passage = Passage()
    passage.update(path.read_bytes())
    proof = prove(path)
    assert prove(path, seen=passage.seen) == proof, path.name
    return proof


def all_proved(paths: Iterable[Path]) -> int:
    """How many archives there are; each is proved by the checksums of all its members."""
    found = [(path.name, proved(path).proof) for path in paths]
    assert [name for name, proof in found if proof != "crc"] == []
    return len(found)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Files as a user may have them."""
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
    """Members that are unusual in one way."""
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


@pytest.mark.parametrize("kind", KINDS)
def test_pythons_own(tmp_path: Path, kind: str) -> None:
    """Each mixture of method, level, descriptors, Zip64 by force, comment, and sizes from 0 to several pieces."""
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


@pytest.mark.skipif(shutil.which("zip") is None, reason="needs the zip program")
def test_info_zips(source: Path, tmp_path: Path) -> None:
    """Levels, without extra fields or folders, links as links, appended to, and written into a pipe."""
    for number, (level, *flags) in enumerate(
        itertools.product(("-0", "-1", "-9"), ("", "-X"), ("", "-D"), ("", "-y"), ("", "-c"))
    ):
        options = ["-q", "-r", level, *(flag for flag in flags if flag and flag != "-c")]
        target = tmp_path / f"{number}.zip"
        run(["zip", *options, str(target), "source"], tmp_path)
        if "-c" in flags:
            run(["zip", "-q", str(target), "source/marks"], tmp_path)
        if not {"-0", "-y"} <= set(options):  # a link stored into a pipe is more than some releases of it can
            target.with_suffix(".pipe").write_bytes(run(["zip", *options, "-", "source"], tmp_path))
    run(["zip", "-q", "-r", "-P", "secret", str(tmp_path / "locked"), "source"], tmp_path)

    assert all_proved(sorted([*tmp_path.glob("[0-9]*.zip"), *tmp_path.glob("*.pipe")])) == 88
    assert proved(tmp_path / "locked.zip").proof == "structure"


@pytest.mark.skipif(shutil.which("7z") is None, reason="needs the 7z program")
def test_7zips(source: Path, tmp_path: Path) -> None:
    """Its levels and names; its other methods are proved by structure, and said so."""
    for level, names in itertools.product(("0", "1", "9"), ("-mcu=on", "-mcu=off", "-mtc=on")):
        run(["7z", "a", "-tzip", "-mm=Deflate", f"-mx={level}", names, f"plain{level}{names}.zip", "source"], tmp_path)
    assert all_proved(tmp_path.glob("plain*.zip")) == 9

    for method in ("Deflate64", "BZip2", "LZMA"):
        run(["7z", "a", "-tzip", f"-mm={method}", f"{method}.zip", "source"], tmp_path)
        proof = proved(tmp_path / f"{method}.zip")
        assert proof.proof == "structure"
        assert "proved by structure alone" in proof.note


@pytest.mark.skipif(shutil.which("java") is None or shutil.which("jar") is None, reason="needs Java")
def test_javas(source: Path, tmp_path: Path) -> None:
    """Its writer always puts descriptors; a jar's first member has an extra field of its own."""
    run(["jar", "cf", str(tmp_path / "packed.jar"), "-C", str(source), "."], tmp_path)
    run(["jar", "c0f", str(tmp_path / "stored.jar"), "-C", str(source), "."], tmp_path)
    run(["java", "-Xshare:auto", str(WRITERS / "Odd.java"), str(tmp_path)], tmp_path)

    assert all_proved([*tmp_path.glob("*.jar"), *tmp_path.glob("java-*.zip")]) == 13


@pytest.mark.skipif(shutil.which("go") is None, reason="needs Go")
def test_gos(tmp_path: Path) -> None:
    """Its writer puts descriptors behind stored members too."""
    out = tmp_path / "out"
    out.mkdir()
    environment = {**os.environ, "GOFLAGS": "-mod=mod", "GO111MODULE": "off", "GOTOOLCHAIN": "local"}
    run(["go", "run", str(WRITERS / "odd.go"), str(out)], tmp_path, environment)

    assert all_proved(out.glob("*.zip")) == 19


def run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> bytes:
    """What a program writes."""
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True, timeout=120).stdout
