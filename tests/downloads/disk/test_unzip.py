"""Extraction: all files of an archive or none, nothing outside the folder, and repair after any crash."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import stat
import threading
import time
import tracemalloc
import zipfile
from asyncio.subprocess import PIPE, STDOUT
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import rasterio
from attrs import evolve

from pixxel_async import DownloadManager, JobPackage, PixxelClient
from pixxel_async._formats.zip_entry import Entry
from pixxel_async.downloads.disk import unzip
from pixxel_async.downloads.disk.syscalls import Syscalls
from pixxel_async.downloads.disk.unzip import unpack
from pixxel_async.downloads.prove import members
from pixxel_async.errors import Corrupt, DiskFull, DownloadError, NameTaken, TooLarge
from pixxel_async.events import Downloaded, Event, Failed, Skipped, Unpacking
from pixxel_async.sandbox import Sandbox
from pixxel_async.settings.constants import Constants
from tests.support.archives import directory_of, make_zip, patched
from tests.support.ground_truth import GroundTruth, collect, until
from tests.support.system import RUN_MODULE


def inside(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist() if not name.endswith("/")}


def below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def files(folder: Path, pattern: str) -> list[Path]:
    return list(folder.rglob(pattern))


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*") if path.name != ".pixxel"]


async def test_the_files_are_in_a_folder_beside_the_archive(
    client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """The archive's files are in a folder beside it, and a second run fetches and unpacks nothing."""
    async with DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(package, extract=True)
        again = await manager.fetch(package, extract=True)

    assert done.folder is not None and below(done.folder) == inside(done.path) != {}
    assert (again.fetched, again.folder, again.path) == (False, done.folder, done.path)
    assert hidden(tmp_path) == []


async def test_a_package_fetched_earlier_is_unpacked_without_requests(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """A package fetched earlier is unpacked from its archive without a request, in a batch too."""
    async with DownloadManager(client, tmp_path) as manager:
        await manager.fetch(package)
    seen = sandbox.count("storage"), sandbox.count("jobs.request_download")
    async with DownloadManager(client, tmp_path) as manager:
        (done,) = await collect(manager.fetch_all([package], extract=True))

    assert isinstance(done, Downloaded) and done.folder is not None and not done.fetched
    assert below(done.folder) == inside(done.path)
    assert (sandbox.count("storage"), sandbox.count("jobs.request_download")) == seen


@pytest.mark.slow
async def test_the_archive_need_not_be_kept(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """With keep_archive=False the folder stands for the package until it is deleted."""
    options: dict[str, Any] = {"extract": True, "keep_archive": False, "on_missing": "redo"}
    async with DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(package, **options)
        assert done.path == done.folder and done.path.is_dir() and not files(tmp_path, "*.zip")
        again = await manager.fetch(package, **options)
        assert (again.fetched, again.path) == (False, done.path)
        assert await manager.forget(package, delete=True)
        assert not done.path.exists()
        assert (await manager.fetch(package, **options)).fetched
    assert sandbox.count("storage") == 2


async def test_members_are_selected(client: PixxelClient, package: JobPackage, tmp_path: Path) -> None:
    """A function as `extract` selects the members to unpack."""

    def rasters(member: zipfile.ZipInfo) -> bool:
        return member.filename.endswith(".tif")

    async with DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(package, extract=rasters)

    expected = {name: data for name, data in inside(done.path).items() if name.endswith(".tif")}
    assert done.folder is not None and below(done.folder) == expected != {}


@pytest.mark.slow
async def test_rasters_open_where_they_are(client: PixxelClient, package: JobPackage, tmp_path: Path) -> None:
    """rasterio opens the paths of rasters, in the archive and unpacked."""
    async with DownloadManager(client, tmp_path) as manager:
        packed = await manager.fetch(package)
        plain = await manager.fetch(package, to=tmp_path / "plain", extract=True, keep_archive=False)

    for done in (packed, plain):
        assert done.rasters
        for path in done.rasters:
            with rasterio.open(path) as raster:
                assert raster.count > 0 and raster.crs is not None


async def test_a_folder_that_is_not_ours_is_left_alone(
    client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """An existing folder that is not ours is neither filled nor replaced; the archive is published."""
    folder = tmp_path / package.workflow_id / f"{package.job_id}.files"
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("mine")
    for _ in range(2):
        async with DownloadManager(client, tmp_path) as manager:
            with pytest.raises(NameTaken, match="is not in the record"):
                await manager.fetch(package, extract=True)
    assert below(folder) == {"mine.txt": b"mine"}
    assert folder.with_suffix(".zip").is_file()


@pytest.mark.fault("L-06")
@pytest.mark.slow
async def test_killed_while_unpacking(sandbox: Sandbox, ground: GroundTruth, tmp_path: Path) -> None:
    """After SIGKILL at any moment every visible folder is complete, and the next run completes the rest."""
    command = ["--extract", sandbox.url, sandbox.api_key, str(tmp_path), *map(str, ground.packages)]

    async def start() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *RUN_MODULE, "tests.downloads.programs.export", *command, stdout=PIPE, stderr=STDOUT
        )

    dice = random.Random(3)
    for _ in range(3):
        process = await start()
        await until(lambda process=process: files(tmp_path, "*.zip") or process.returncode is not None)
        await asyncio.sleep(dice.uniform(0.0, 0.03))
        if process.returncode is None:
            process.kill()
        await process.communicate()
        for folder in files(tmp_path, "*.files"):
            assert below(folder) == inside(folder.with_suffix(".zip"))
    output, _ = await asyncio.wait_for((process := await start()).communicate(), 240)
    assert process.returncode == 0, output.decode()

    assert len(files(tmp_path, "*.files")) == len(ground.packages)
    for folder in files(tmp_path, "*.files"):
        assert below(folder) == inside(folder.with_suffix(".zip"))
    assert hidden(tmp_path) == []


def link(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return member


BAD: dict[str, list[str | zipfile.ZipInfo]] = {
    "up": ["../x"], "up inside": ["a/../../x"], "absolute": ["/etc/x"], "backslash": ["..\\x"],
    "device": ["a/NUL.txt"], "dot": ["a./x"], "blank": ["x "], "control": ["a\x1b[31m"],
    "empty part": ["a//x"], "one dot": ["a/./x"], "long": ["x" * 300], "deep": ["/".join(["aaaa"] * 300)],
    "case": ["a/X.tif", "A/x.tif"], "accents": ["e\u0301", "\u00e9"], "twice": ["x", "x"],
    "file and folder": ["a", "a/x"], "link": ["x", link("y")],
}  # fmt: skip


@pytest.mark.fault("L-03")
@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("how", BAD)
def test_unsafe_archives_are_refused(how: str, tmp_path: Path) -> None:
    """An archive with an unsafe name, two members for one file, or a link is not unpacked at all."""
    archive, folder = tmp_path / "a.zip", tmp_path / "a.files"
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("good.txt", b"good")
        for member in BAD[how]:
            written.writestr(member, b"bad")
    with pytest.raises(DownloadError, match="nothing was unpacked") as caught:
        unpack(tmp_path, archive.name, folder.name, ".part.d")
    assert not caught.value.retryable
    assert sorted(os.listdir(tmp_path)) == ["a.zip"]
    assert not (tmp_path.parent / "x").exists()


CHANGED = {"at 10:20:30/B1.tif": "at 10_20_30/B1.tif", "C:/x": "C_/x", "a.txt:x": "a.txt_x", 'a?*"<>|': "a______"}


@pytest.mark.fault("L-04")
def test_names_that_some_systems_forbid_are_changed(tmp_path: Path) -> None:
    """Each of `< > : " | ? *` in a name becomes `_`, and the members tell the names on disk."""
    (tmp_path / "a.zip").write_bytes(make_zip([(name, name.encode()) for name in CHANGED]))
    unpack(tmp_path, "a.zip", "a.files", ".part.d")
    assert below(tmp_path / "a.files") == {new: name.encode() for name, new in CHANGED.items()}
    assert {each.name: each.unpacked_as for each in members(tmp_path / "a.zip")} == CHANGED


@pytest.mark.fault("L-04")
def test_changed_names_stay_apart(tmp_path: Path) -> None:
    """Two members that would become one file are refused."""
    (tmp_path / "a.zip").write_bytes(make_zip([("a:b", b"1"), ("a_b", b"2")]))
    with pytest.raises(DownloadError, match="has the name of"):
        unpack(tmp_path, "a.zip", "a.files", ".part.d")


def test_a_leading_dot_is_dropped(tmp_path: Path) -> None:
    """A leading `./` is dropped from names, and `./a` beside `a` is refused."""
    (tmp_path / "a.zip").write_bytes(make_zip([("./", b""), ("./s/", b""), ("./s/B1.tif", b"x"), ("././b", b"y")]))
    unpack(tmp_path, "a.zip", "a.files", ".part.d")
    assert below(tmp_path / "a.files") == {"s/B1.tif": b"x", "b": b"y"}
    assert [each.name for each in members(tmp_path / "a.zip")] == ["./", "s/", "s/B1.tif", "b"]
    (tmp_path / "b.zip").write_bytes(make_zip([("./a", b"1"), ("a", b"2")]))
    with pytest.raises(DownloadError, match="has the name of"):
        unpack(tmp_path, "b.zip", "b.files", ".part.d")


@pytest.mark.parametrize(
    ("raw", "host", "name"),
    [
        ("s/Münch.tif".encode(), 3, "s/Münch.tif"),
        ("s/Münch.tif".encode(), 19, "s/Münch.tif"),
        ("s/Münch.tif".encode(), 0, "s/M├╝nch.tif"),
        (b"s/M\x81nch.tif", 3, "s/Münch.tif"),
    ],
)
def test_names_without_the_flag_of_utf8(raw: bytes, host: int, name: str, tmp_path: Path) -> None:
    """Names without the UTF-8 flag are UTF-8 if made on Unix or macOS and valid, else code page 437."""
    plain = make_zip([("x" * len(raw), b"1")]).replace(b"x" * len(raw), raw)
    data = patched(plain, directory_of(plain) + 5, bytes([host]))
    (tmp_path / "a.zip").write_bytes(data)
    unpack(tmp_path, "a.zip", "a.files", ".part.d", choose=lambda member: member.filename == name)
    assert list(below(tmp_path / "a.files")) == [each.name for each in members(tmp_path / "a.zip")] == [name]


def test_rasters_are_geotiffs_alone(tmp_path: Path) -> None:
    """Rasters exclude macOS resource forks, and paths avoid braces that GDAL would interpret."""
    names = ["s/B1.tif", "__MACOSX/s/._B1.tif", "s/._B2.tif", "s/B3.TIFF", "s/a:b.tif", "spec.json"]
    inside = tuple(Entry(name.encode(), 0, 0, 0, 0, 0, 0) for name in names)
    package = JobPackage(workflow_id="w", job_id="j")

    def rasters(path: str, folder: str | None = None) -> tuple[str, ...]:
        return Downloaded(package, Path(path), 1, members=inside, folder=folder and Path(folder)).rasters

    assert rasters("/d/a.zip") == tuple(f"/vsizip/{{/d/a.zip}}/s/{name}" for name in ("B1.tif", "B3.TIFF", "a:b.tif"))
    assert rasters("/{d/a.zip")[0] == "/vsizip//{d/a.zip/s/B1.tif"
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name.replace("a:b", "a_b")).touch()
    unpacked = rasters(str(tmp_path), str(tmp_path))
    assert unpacked == tuple(f"{tmp_path}/s/{name}" for name in ("B1.tif", "B3.TIFF", "a_b.tif"))


def test_ordinary_names_are_fine(tmp_path: Path) -> None:
    """Folders, accents, inner dots and blanks, empty files and implied folders are unpacked."""
    names = ["a/", "a/b c.tif", "a/\u00e9t\u00e9.json", "x..y/.hidden", "spec.json", "empty"]
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as written:
        for name in names:
            written.writestr(name, b"" if name in ("a/", "empty") else name.encode())
    unpack(tmp_path, "a.zip", "a.files", ".part.d")
    assert below(tmp_path / "a.files") == inside(tmp_path / "a.zip")


def bomb(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr("zeros", bytes(3_000_000))
    return path


@pytest.mark.fault("L-05")
def test_bombs_are_refused(tmp_path: Path) -> None:
    """The unpacked size is bounded by setting and free space before anything is written."""
    archive = bomb(tmp_path / "a.zip")
    with pytest.raises(TooLarge, match="max_extracted_bytes"):
        unpack(tmp_path, archive.name, "a.files", ".part.d", limit=2_999_999)
    with pytest.raises(TooLarge, match="the disk"):
        unpack(tmp_path, archive.name, "a.files", ".part.d", keep_free=1 << 60)
    unpack(tmp_path, archive.name, "a.files", ".part.d", limit=3_000_000)
    assert (tmp_path / "a.files" / "zeros").stat().st_size == 3_000_000


@pytest.mark.fault("L-05")
def test_a_wrong_size_is_detected(tmp_path: Path) -> None:
    """A member that unpacks to another size than declared raises Corrupt, and nothing is left."""
    archive = bomb(tmp_path / "a.zip")
    data = bytearray(archive.read_bytes())
    size = (3_000_000).to_bytes(4, "little")
    while (at := data.find(size)) >= 0:
        data[at : at + 4] = (1_000).to_bytes(4, "little")
    archive.write_bytes(data)
    with pytest.raises(Corrupt):
        unpack(tmp_path, archive.name, "a.files", ".part.d")
    assert sorted(os.listdir(tmp_path)) == ["a.zip"]


@pytest.mark.fault("L-08")
def test_unpacking_can_be_stopped(tmp_path: Path) -> None:
    """The stop event ends unpacking between two pieces, and written files are removed."""
    stop = threading.Event()
    stop.set()
    with pytest.raises(DownloadError, match="stopped"):
        unpack(tmp_path, bomb(tmp_path / "a.zip").name, "a.files", ".part.d", stop=stop)
    assert sorted(os.listdir(tmp_path)) == ["a.zip"]


async def test_a_failed_extraction_is_recorded(client: PixxelClient, package: JobPackage, tmp_path: Path) -> None:
    """A failed extraction has stage `extract`, keeps the archive, and is recorded beside "done" until it succeeds.

    Without `extract` the package counts as done.
    """
    small = evolve(client.settings, constants=Constants(max_extracted_bytes=10))
    async with PixxelClient(settings=small) as refusing, DownloadManager(client, tmp_path) as manager:
        (failed,) = await collect(manager.fetch_all([package], client=refusing, extract=True))
        assert isinstance(failed, Failed) and isinstance(failed.error, TooLarge) and failed.stage == "extract"
        done = await manager.fetch(package)
        row = await manager.record.get(str(package), tmp_path)
        await manager.fetch(package, extract=True)
        mended = await manager.record.get(str(package), tmp_path)
    assert done.path.is_file() and not done.fetched
    assert row is not None and (row.state, row.error_kind, row.retryable) == ("done", "TooLarge", False)
    assert mended is not None and (mended.state, mended.error) == ("done", None)


def test_disk_errors_are_ours(tmp_path: Path) -> None:
    """An OSError while unpacking becomes a DownloadError that names the folder."""
    (tmp_path / "no").write_text("")
    with pytest.raises(DownloadError, match="unpack into") as caught:
        unpack(tmp_path / "no", "a.zip", "a.files", ".part.d")
    assert not isinstance(caught.value, DiskFull)


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"extract": True}, {"extract": True, "keep_archive": False}])
async def test_every_run_reports_the_same_results(
    client: PixxelClient, package: JobPackage, tmp_path: Path, settings: dict[str, Any]
) -> None:
    """Rasters, members, folder and path are equal whether fetched now, existing, or skipped in a batch."""
    async with DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(package, **settings)
        again = await manager.fetch(package, **settings)
        async with manager.fetch_all([package], **settings) as outcomes:
            (skipped,) = [outcome async for outcome in outcomes]

    assert isinstance(skipped, Skipped) and not again.fetched
    for later in (again, skipped):
        assert (later.rasters, later.members) == (done.rasters, done.members)
        assert (later.folder, later.path) == (done.folder, done.path)
    assert done.rasters and done.members and (done.folder is None) == (not settings)
    for raster in done.rasters:
        assert raster.startswith("/vsizip/") == (not settings)
        with rasterio.open(raster) as opened:
            assert opened.width
    done.path.rename(tmp_path / "moved")
    assert (skipped.rasters, skipped.members) == (again.rasters, again.members)


async def test_rasters_of_a_filtered_archive_are_those_that_were_unpacked(
    client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """Rasters exclude members that the `extract` function did not select."""
    async with DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(
            package, extract=lambda member: not member.filename.lower().endswith((".tif", ".tiff"))
        )
    assert done.folder is not None and done.rasters == () and done.members


@pytest.mark.skipif(os.name != "posix", reason="folders are synced on POSIX")
async def test_a_folder_of_a_failed_sync_is_recognised(
    client: PixxelClient, package: JobPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A4: after a failed fsync of the renamed folder the next run recognises the folder as ours."""
    real = os.fsync

    def fsync(fd: int) -> None:
        if any(os.path.samestat(path.parent.stat(), os.fstat(fd)) for path in tmp_path.rglob("*.files")):
            raise OSError(errno.EIO, "failed")
        real(fd)

    async with DownloadManager(client, tmp_path) as manager:
        await manager.fetch(package)
        with monkeypatch.context() as patch:
            patch.setattr(unzip, "Syscalls", partial(Syscalls, fsync=fsync))
            with pytest.raises(DownloadError, match="EIO"):
                await manager.fetch(package, extract=True)
        done = await manager.fetch(package, extract=True)

    assert done.folder is not None and below(done.folder) == inside(done.path)


async def test_unpacking_reports_progress(client: PixxelClient, package: JobPackage, tmp_path: Path) -> None:
    """A4: Unpacking events report files written and in total, from 0 to all."""
    events: list[Event] = []
    async with DownloadManager(client, tmp_path, on_event=events.append) as manager:
        done = await manager.fetch(package, extract=True)
    assert done.folder is not None
    reported = [(event.files, event.total) for event in events if isinstance(event, Unpacking)]
    count = len(below(done.folder))
    assert reported[0] == (0, count) and reported[-1] == (count, count) and reported == sorted(reported)


@pytest.mark.slow
def test_progress_events_are_throttled(tmp_path: Path) -> None:
    """A4: thousands of small files cause a few progress events per second."""
    (tmp_path / "a.zip").write_bytes(make_zip([(f"d/{number}", b"x") for number in range(2000)]))
    reported: list[tuple[int, int]] = []
    began = time.monotonic()
    unpack(tmp_path, "a.zip", "a.files", ".part.d", progress=lambda *done: reported.append(done))
    assert reported[0] == (0, 2000) and reported[-1] == (2000, 2000)
    assert len(reported) <= 3 + (time.monotonic() - began) / unzip.INTERVAL


@pytest.mark.slow
@pytest.mark.fault("L-05")
def test_members_are_counted_before_the_directory_is_read(tmp_path: Path) -> None:
    """A4: an archive of too many members is refused by its end record, in little memory."""
    count, name = 1_000_001, b"x"
    entry = b"PK\x01\x02" + bytes(24) + len(name).to_bytes(2, "little") + bytes(16) + name
    directory = entry * count
    archive = tmp_path / "many.zip"
    end64 = b"PK\x06\x06" + (44).to_bytes(8, "little") + b"\x2d\0\x2d\0" + bytes(8)
    end64 += count.to_bytes(8, "little") * 2 + len(directory).to_bytes(8, "little") + bytes(8)
    locator = b"PK\x06\x07" + bytes(4) + len(directory).to_bytes(8, "little") + (1).to_bytes(4, "little")
    end = b"PK\x05\x06" + bytes(4) + b"\xff\xff\xff\xff" + b"\xff\xff\xff\xff" * 2 + bytes(2)
    archive.write_bytes(directory + end64 + locator + end)

    tracemalloc.start()
    try:
        with pytest.raises(TooLarge, match="1,000,001 members"):
            unpack(tmp_path, archive.name, "out", ".out")
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
