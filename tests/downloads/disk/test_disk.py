"""Part files and final names on a real disk: short writes, full disks, failed syncs, links, nothing overwritten."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import evolve

from pixxel_async._aio.threads import Threads
from pixxel_async.downloads.disk import below
from pixxel_async.downloads.disk.disk import Disk
from pixxel_async.downloads.disk.parts.part_file import PartBusy
from pixxel_async.downloads.disk.parts.part_writer import PartWriter
from pixxel_async.downloads.disk.syscalls import Syscalls
from pixxel_async.downloads.disk.unzip import unpack
from pixxel_async.errors import ConfigError, DiskError, DiskFull, DownloadError, NameTaken
from tests.support.system import descriptors, make_fifo, posix

PART = "w/.0123456789abcdef.part"


@pytest.fixture
def disk() -> Disk:
    return Disk()


def failing(code: int) -> Callable[..., Any]:
    """Return a system call that always fails with this errno."""

    def call(*_: object, **__: object) -> Any:
        raise OSError(code, os.strerror(code))

    return call


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Limit file sizes to `size`, which acts as a full disk."""
    resource = pytest.importorskip("resource", exc_type=ImportError)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def write(disk: Disk, folder: Path, data: bytes) -> None:
    with disk.open_part(folder, PART) as part:
        part.write([data])


def test_a_part_is_appended_to(disk: Disk, tmp_path: Path) -> None:
    """A part file keeps its bytes between openings, and writes append."""
    write(disk, tmp_path, b"hello ")
    with disk.open_part(tmp_path, PART) as part:
        assert part.size == 6
        part.write([b"wor", b"", bytearray(b"l"), memoryview(b"d")])
        digest = hashlib.sha256()
        part.feed(digest, 0, part.size)
        part.write([b"!"])

    assert (tmp_path / PART).read_bytes() == b"hello world!"
    assert digest.digest() == hashlib.sha256(b"hello world").digest()


def test_thousands_of_buffers_in_one_write(disk: Disk, tmp_path: Path) -> None:
    """More buffers than one writev accepts are all written."""
    with disk.open_part(tmp_path, PART) as part:
        part.write([bytes([number % 256]) for number in range(5000)])

    assert (tmp_path / PART).read_bytes() == bytes(number % 256 for number in range(5000))


@pytest.mark.fault("K-03")
def test_short_writes_are_completed(tmp_path: Path) -> None:
    """Short writes are continued until all bytes are written."""
    disk = Disk(Syscalls(writev=lambda fd, buffers: os.write(fd, bytes(buffers[0])[:3])))
    write(disk, tmp_path, b"0123456789")

    assert (tmp_path / PART).read_bytes() == b"0123456789"


@posix
def test_parts_are_private_and_published_files_follow_the_umask(tmp_path: Path) -> None:
    """A part file has mode 0600, and the final file the mode that the umask gives."""
    before = os.umask(0o027)
    try:
        disk = Disk()
    finally:
        os.umask(before)
    part = disk.open_part(tmp_path, PART)
    assert stat.S_IMODE((tmp_path / PART).stat().st_mode) == 0o600

    disk.publish(part, "w/j.zip")

    assert stat.S_IMODE((tmp_path / "w/j.zip").stat().st_mode) == 0o640


def test_truncate_and_write_on(disk: Disk, tmp_path: Path) -> None:
    """After truncation the next write follows the remaining bytes."""
    write(disk, tmp_path, b"x" * 100)
    with disk.open_part(tmp_path, PART) as part:
        part.truncate(2)
        part.write([b"yz"])

    assert (tmp_path / PART).read_bytes() == b"xxyz"


def test_hashing_stops_at_the_stop_event(disk: Disk, tmp_path: Path) -> None:
    """Hashing a prefix ends soon after the stop event is set."""
    write(disk, tmp_path, b"x" * 100)
    stop = threading.Event()
    stop.set()
    digest = hashlib.sha256()
    with disk.open_part(tmp_path, PART) as part:
        part.feed(digest, 0, 100, stop)

    assert digest.digest() == hashlib.sha256().digest()


def test_a_prefix_longer_than_the_file_is_an_error(disk: Disk, tmp_path: Path) -> None:
    """Hashing a prefix longer than the file raises DownloadError."""
    with disk.open_part(tmp_path, PART) as part, pytest.raises(DownloadError, match="EIO"):
        part.feed(hashlib.sha256(), 0, 1)


@pytest.mark.fault("K-01", "K-02")
def test_a_full_disk(disk: Disk, tmp_path: Path) -> None:
    """K-01: a full disk raises DiskFull, written bytes count, and the part continues once there is space."""
    with largest_file(65536), disk.open_part(tmp_path, PART) as part:
        with pytest.raises(DiskFull):
            part.write([b"x" * 50_000, b"y" * 50_000])
        assert part.size == 65536
    with disk.open_part(tmp_path, PART) as part:
        part.write([b"z"])

    assert (tmp_path / PART).read_bytes() == b"x" * 50_000 + b"y" * 15_536 + b"z"


@pytest.mark.fault("K-01")
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_errors_that_mean_full(tmp_path: Path, code: int) -> None:
    """Quota and file size limits raise DiskFull, too."""
    with Disk(Syscalls(writev=failing(code))).open_part(tmp_path, PART) as part, pytest.raises(DiskFull):
        part.write([b"x"])


@pytest.mark.fault("K-03", "K-04")
@pytest.mark.parametrize(
    ("call", "code", "retryable"),
    [
        ("writev", errno.EIO, True),
        ("open", errno.EMFILE, True),
        ("open", errno.EACCES, True),
        ("mkdir", errno.EROFS, True),
        ("mkdir", errno.ENAMETOOLONG, False),
    ],
)
def test_other_errors_of_the_disk(tmp_path: Path, call: str, code: int, retryable: bool) -> None:
    """K-03, K-04: any other OSError becomes a DownloadError that names it and is retryable or not."""
    disk = Disk(Syscalls(**{call: failing(code)}))

    with pytest.raises(DownloadError, match=errno.errorcode[code]) as caught, disk.open_part(tmp_path, PART) as part:
        part.write([b"x"])

    assert caught.value.retryable is retryable


@pytest.mark.fault("K-03")
@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (errno.EROFS, DiskError, "Read-only file system"),
        (errno.EACCES, DiskError, "Permission denied"),
        (errno.EIO, DiskError, "Input/output error"),
        (errno.ENOSPC, DiskFull, "no room to write"),
        (errno.EDQUOT, DiskFull, "the quota has no room to write"),
        (errno.EFBIG, DiskFull, "the limit on file sizes leaves no room to write"),
        (errno.ENAMETOOLONG, DownloadError, "name too long"),
        (errno.EMFILE, DownloadError, "Too many open files"),
    ],
)
def test_errors_of_the_disk_have_their_reason(tmp_path: Path, code: int, kind: type[DownloadError], words: str) -> None:
    """C13: an error that concerns the whole disk is a `DiskError` with its reason; one of a single package is not."""
    message = rf"(?i){words}.*\({errno.errorcode[code]}\)"
    with (
        Disk(Syscalls(writev=failing(code))).open_part(tmp_path, PART) as part,
        pytest.raises(DownloadError, match=message) as caught,
    ):
        part.write([b"x"])
    assert type(caught.value) is kind


def test_a_disk_without_inodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """C13: the error of a disk without free inodes names inodes."""
    monkeypatch.setattr(
        os, "statvfs", lambda _: SimpleNamespace(f_files=9, f_favail=0, f_bavail=5, f_frsize=1000), raising=False
    )
    with pytest.raises(DiskFull, match=r"no free inodes \(and 5,000 free bytes\)"):
        Disk(Syscalls(open=full)).open_part(tmp_path, "x.part")


def full(path: Any, flags: int, *given: Any, **at: Any) -> int:
    if flags & os.O_CREAT:
        raise OSError(errno.ENOSPC, "no space")
    return os.open(path, flags, *given, **at)


def test_a_folder_that_is_gone(disk: Disk, tmp_path: Path) -> None:
    """C13: if the folder of all packages is gone, the error names it."""
    (tmp_path / "exports").mkdir()
    part = disk.open_part(tmp_path / "exports", PART)
    (tmp_path / "exports").rename(tmp_path / "moved")
    with pytest.raises(DiskError, match=r"the folder .*exports is gone"):
        disk.publish(part, "w/j.zip")
    with pytest.raises(DiskError, match=r"the folder .*exports is gone"):
        disk.open_part(tmp_path / "exports", PART)
    assert disk.look_up(tmp_path / "exports", "w/j.zip") is None


def test_after_a_failed_sync_the_file_is_gone(tmp_path: Path) -> None:
    """After a failed fsync the part file is deleted: pages may be lost, and a second fsync would report success."""
    (tmp_path / "w").mkdir()
    part = Disk(Syscalls(fsync=failing(errno.EIO))).open_part(tmp_path, PART)
    part.write([b"x"])

    with pytest.raises(DownloadError, match="EIO"):
        part.sync()
    assert not (tmp_path / PART).exists()


@pytest.mark.fault("M-07")
@pytest.mark.parametrize("way", ["link", "rename", "replace"])
def test_publishing_syncs_bytes_then_name_then_folder(tmp_path: Path, way: str) -> None:
    """M-07: bytes are synced before the final name is given, and the folder after."""
    order: list[str] = []

    def noting(name: str) -> Callable[..., Any]:
        def call(*given: Any, **at: Any) -> Any:
            folder = name == "fsync" and stat.S_ISDIR(os.fstat(given[0]).st_mode)
            order.append("fsync folder" if folder else name)
            return getattr(os, name)(*given, **at)

        return call

    noted = {name: noting(name) for name in ("fsync", "link", "rename", "replace")}
    disk = Disk(Syscalls(**{**noted, **({"link": failing(errno.EPERM)} if way == "rename" else {})}))
    part = disk.open_part(tmp_path, PART)
    part.write([b"proved"])
    order.clear()  # creating the folder synced it as well

    disk.publish(part, "w/final", replace=way == "replace")

    assert order == ["fsync", way, "fsync folder"]


def test_publish_gives_the_final_name_and_nothing_else_stays(disk: Disk, tmp_path: Path) -> None:
    """After publishing only the final file is left, and its description is returned."""
    part = disk.open_part(tmp_path, PART)
    part.write([b"data"])

    final = disk.publish(part, "w/j.zip")

    assert [path.name for path in (tmp_path / "w").iterdir()] == ["j.zip"]
    assert (final.regular, final.size) == (True, 4)
    assert final == disk.look_up(tmp_path, "w/j.zip")


@pytest.mark.fault("H-07")
@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("kind", ["file", "link", "dangling", "folder", "fifo"])
def test_publish_replaces_nothing(tmp_path: Path, kind: str, links: bool) -> None:
    """H-07: publishing never replaces an existing entry, with or without hard links; the part file stays."""
    disk = Disk() if links else Disk(Syscalls(link=failing(errno.EPERM)))
    final = make(tmp_path, kind)
    part = disk.open_part(tmp_path, PART)
    part.write([b"new"])

    with pytest.raises(NameTaken):
        disk.publish(part, "w/j.zip")

    assert (tmp_path / PART).read_bytes() == b"new"
    assert (tmp_path / "foreign").read_bytes() == b"foreign"
    assert final.lstat().st_size != 3


@pytest.mark.fault("H-07")
@pytest.mark.parametrize("kind", ["file", "link", "dangling"])
def test_replace_replaces_files_and_links_themselves(disk: Disk, tmp_path: Path, kind: str) -> None:
    """With `replace` a file is replaced, and a link itself instead of its target."""
    final = make(tmp_path, kind)
    part = disk.open_part(tmp_path, PART)
    part.write([b"new"])

    disk.publish(part, "w/j.zip", replace=True)

    assert final.read_bytes() == b"new" and not final.is_symlink()
    assert (tmp_path / "foreign").read_bytes() == b"foreign"


@pytest.mark.fault("H-07")
@pytest.mark.parametrize("kind", ["folder", "fifo"])
def test_replace_leaves_folders_and_devices(disk: Disk, tmp_path: Path, kind: str) -> None:
    """With `replace` folders and devices are still never replaced."""
    make(tmp_path, kind)

    with pytest.raises(NameTaken):
        disk.publish(disk.open_part(tmp_path, PART), "w/j.zip", replace=True)


def make(folder: Path, kind: str) -> Path:
    """Create an entry at the final name, and a file that must not change."""
    final = folder / "w" / "j.zip"
    final.parent.mkdir()
    (folder / "foreign").write_bytes(b"foreign")
    {
        "file": lambda: final.write_bytes(b"mine"),
        "link": lambda: final.symlink_to(folder / "foreign"),
        "dangling": lambda: final.symlink_to(folder / "nowhere"),
        "folder": final.mkdir,
        "fifo": lambda: make_fifo(final),
    }[kind]()
    return final


@pytest.mark.fault("L-07")
def test_without_hard_links_publishing_renames(tmp_path: Path) -> None:
    """On file systems without hard links publishing checks and renames."""
    disk = Disk(Syscalls(link=failing(errno.EOPNOTSUPP)))
    disk.publish(disk.open_part(tmp_path, PART), "w/j.zip")

    assert [path.name for path in (tmp_path / "w").iterdir()] == ["j.zip"]


@pytest.mark.fault("L-07")
def test_a_scanner_that_holds_the_file_is_waited_for(tmp_path: Path) -> None:
    """L-07: a file held by a scanner is waited for."""
    waits: list[float] = []

    def replace(source: Any, target: Any, **at: Any) -> None:
        if len(waits) < 2:
            raise PermissionError(errno.EACCES, "held")
        os.replace(source, target, **at)

    disk = Disk(Syscalls(replace=replace, sleep=waits.append))
    disk.publish(disk.open_part(tmp_path, PART), "w/j.zip", replace=True)

    assert waits == [0.02, 0.1]


def test_a_published_part_is_not_written_to(disk: Disk, tmp_path: Path) -> None:
    """I-1: a part file that is already hard-linked to its final name is not written to; a new one is begun."""
    write(disk, tmp_path, b"proved")
    os.link(tmp_path / PART, tmp_path / "w/j.zip")

    with disk.open_part(tmp_path, PART) as part:
        assert part.size == 0
        part.write([b"other"])

    assert (tmp_path / "w/j.zip").read_bytes() == b"proved"


@pytest.mark.parametrize("kind", ["link", "folder", "fifo"])
def test_a_part_that_is_not_a_regular_file_is_refused(disk: Disk, tmp_path: Path, kind: str) -> None:
    """A link, folder or FIFO at the part file's name is refused without following or blocking."""
    (tmp_path / "victim").write_bytes(b"victim")
    trap = tmp_path / PART
    trap.parent.mkdir()
    {"link": lambda: trap.symlink_to(tmp_path / "victim"), "folder": trap.mkdir, "fifo": lambda: make_fifo(trap)}[
        kind
    ]()

    with pytest.raises(ConfigError):
        disk.open_part(tmp_path, PART)
    assert (tmp_path / "victim").read_bytes() == b"victim"


@pytest.mark.fault("H-08")
@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "", ".pixxel/x", "C:x"])
def test_no_name_leaves_the_folder(disk: Disk, tmp_path: Path, name: str) -> None:
    """I-8: a path that leaves the folder is refused."""
    with pytest.raises(ConfigError):
        disk.open_part(tmp_path, name)


@pytest.mark.fault("H-08")
def test_a_linked_folder_below_is_refused(disk: Disk, tmp_path: Path) -> None:
    """A link in place of a subfolder is refused."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "w").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ConfigError):
        disk.open_part(tmp_path / "exports", PART)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_the_folder_is_created_and_tested(disk: Disk, tmp_path: Path) -> None:
    """Preparing creates the folder, leaves nothing in it, and returns its real path."""
    (tmp_path / "real").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "real")

    assert disk.prepare(tmp_path / "linked" / "deep") == tmp_path / "real" / "deep"
    assert not list((tmp_path / "real" / "deep").iterdir())


@pytest.mark.fault("H-09")
def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    """H-09: a folder that is a file, or on a read-only or full disk, raises before the first request."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError):
        Disk().prepare(tmp_path / "file")
    with pytest.raises(ConfigError, match="Read-only"):
        Disk(Syscalls(open=failing(errno.EROFS))).prepare(tmp_path)
    with pytest.raises(DiskFull):
        Disk(Syscalls(open=failing(errno.ENOSPC))).prepare(tmp_path)


def test_no_descriptor_stays_open(disk: Disk, tmp_path: Path) -> None:
    """The part file's descriptor is closed whether publishing succeeds or not."""
    before = len(descriptors())
    disk.publish(disk.open_part(tmp_path, PART), "w/j.zip")
    with pytest.raises(NameTaken):
        disk.publish(disk.open_part(tmp_path, PART), "w/j.zip")
    with disk.open_part(tmp_path, PART) as part:
        part.discard()
        part.close()

    assert len(descriptors()) == before


def test_looking_at_missing_entries(disk: Disk, tmp_path: Path) -> None:
    """look() returns None for a missing entry and `regular=False` for a folder; free() is a number."""
    assert disk.look_up(tmp_path, "w/j.zip") is None
    (tmp_path / "w").mkdir()
    found = disk.look_up(tmp_path, "w")
    assert found is not None and not found.regular
    assert (disk.free(tmp_path) or 0) > 0
    disk.remove(tmp_path, "nothing")
    disk.remove(tmp_path, "no/thing")


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_permissions_publishes(tmp_path: Path, code: int) -> None:
    """A file system that refuses fchmod, such as CIFS or Azure Files, keeps its own permissions."""
    disk = Disk(Syscalls(fchmod=failing(code)))
    part = disk.open_part(tmp_path, PART)
    part.write([b"data"])
    disk.publish(part, "w/j.zip")
    assert (tmp_path / "w/j.zip").read_bytes() == b"data"


@pytest.mark.fault("K-05")
async def test_a_slow_disk_leaves_the_loop_free(tmp_path: Path) -> None:
    """K-05: a blocked write blocks a thread, and the event loop continues."""
    begun, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hang(file: int, buffers: Any) -> int:
        loop.call_soon_threadsafe(begun.set)
        assert go_on.wait(30), "the loop was blocked by the write"
        return os.writev(file, buffers)

    threads = Threads(1)
    with Disk(Syscalls(writev=hang)).open_part(tmp_path, PART) as part:
        writer = PartWriter(part, threads, buffer=4, digest=None)
        assert writer.add(b"slow")
        await writer.hand_over()
        async with asyncio.timeout(30):
            await begun.wait()
        go_on.set()
        await writer.hand_over()
    threads.close()

    assert (tmp_path / PART).read_bytes() == b"slow"


@posix
def test_a_directory_swapped_for_a_link_receives_nothing(tmp_path: Path) -> None:
    """A3: a directory swapped for a link after the part file was opened receives nothing."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "j.zip").write_bytes(b"foreign")
    (elsewhere / "files").mkdir()
    folder = tmp_path / "exports"
    folder.mkdir()
    disk = Disk()
    part = disk.open_part(folder, PART)
    part.write([b"bytes"])
    (folder / "w").rename(folder / "old")
    (folder / "w").symlink_to(elsewhere)

    with pytest.raises(ConfigError, match="is in the way"):
        disk.publish(part, "w/j.zip", replace=True)
    with pytest.raises(ConfigError, match="is in the way"):
        disk.remove(folder, "w/j.zip")
    with pytest.raises(ConfigError, match="is in the way"):
        disk.remove_tree(folder, "w/files")
    with pytest.raises(ConfigError, match="is in the way"):
        unpack(folder, "a.zip", "w/a.files", "w/.a.part.d")
    assert disk.look_up(folder, "w/j.zip") is None
    assert sorted(os.listdir(elsewhere)) == ["files", "j.zip"]
    assert (elsewhere / "j.zip").read_bytes() == b"foreign"


@pytest.mark.parametrize("descriptors_of_directories", [True, False])
def test_a_linked_directory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, descriptors_of_directories: bool
) -> None:
    """A3: a linked directory is refused, with directory descriptors and without; new ones are created properly."""
    monkeypatch.setattr(below, "HAS_DIR_FD", descriptors_of_directories and below.HAS_DIR_FD)
    (tmp_path / "real").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    (tmp_path / "file").touch()
    for way in ("linked", "file"):
        with pytest.raises(ConfigError, match="is in the way"), below.entry(tmp_path, f"{way}/x", Syscalls()):
            pass
    with pytest.raises(FileNotFoundError), below.entry(tmp_path, "no/x", Syscalls()):
        pass
    disk = Disk()
    part = disk.open_part(tmp_path, "a/b/.x.part")
    part.write([b"bytes"])
    disk.publish(part, "a/b/x.zip")
    assert (tmp_path / "a/b/x.zip").read_bytes() == b"bytes"
    (tmp_path / "real" / "x").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert [disk.look_up(tmp_path, f"{way}/x") for way in ("linked", "file", "loop", "no")] == [None] * 4
    assert disk.look_up(tmp_path, "real/x") is not None


def test_a_swap_while_a_directory_is_open(tmp_path: Path) -> None:
    """A3: with an open directory descriptor files are created in that directory, wherever its name leads by then."""
    if not below.HAS_DIR_FD:
        pytest.skip("this system has no directory descriptors")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "w").mkdir()
    with below.entry(tmp_path, "w/new", Syscalls()) as there:
        (tmp_path / "w").rename(tmp_path / "old")
        (tmp_path / "w").symlink_to(tmp_path / "elsewhere")
        os.close(there.open(os.O_RDWR | os.O_CREAT))
    assert os.listdir(tmp_path / "old") == ["new"]
    assert os.listdir(tmp_path / "elsewhere") == []


def test_a_new_part_file_is_created_by_its_first_write(tmp_path: Path) -> None:
    """A new part file appears with its first write: locked, and in the place of others of its package."""
    old, new = (f".0123456789abcdef-{digit * 16}.part" for digit in "12")
    (tmp_path / old).touch()
    disk = Disk()
    with disk.new_part(tmp_path, f"w/{new}", took_over=False) as part:
        part.truncate()
        assert not (tmp_path / "w").exists() and not part.closed
        (tmp_path / "w").mkdir()
        (tmp_path / old).rename(tmp_path / "w" / old)

        part.write([b"data"])

        assert os.listdir(tmp_path / "w") == [new] and part.size == 4
        with pytest.raises(PartBusy):
            disk.open_part(tmp_path, f"w/{new}")
    assert part.closed and (tmp_path / "w" / new).read_bytes() == b"data"


def test_an_unwritten_part_file_removes_nothing(tmp_path: Path) -> None:
    """A new part file that was never written leaves alone a file that appeared under its name."""
    part = Disk().new_part(tmp_path, ".x.part", took_over=False)
    (tmp_path / ".x.part").write_bytes(b"somebody's")
    with pytest.raises(DownloadError, match="by another process") as caught:
        part.write([b"data"])
    assert caught.value.retryable

    part.sync_and_close()

    assert part.closed and (tmp_path / ".x.part").read_bytes() == b"somebody's"


@posix
def test_a_file_is_settled_once_until_it_is_changed(tmp_path: Path) -> None:
    """Permissions and sync are not repeated for a file that was settled, but for one written or cut since."""
    synced: list[int] = []
    disk = Disk(evolve(Syscalls(), fsync=synced.append))
    with disk.open_part(tmp_path, ".x.part") as part:
        for change in (lambda: part.write([b"data"]), lambda: part.truncate(2)):
            change()
            part.settle()
            part.settle()
        assert len(synced) == 2
        disk.publish(part, "x")
    assert len(synced) == 3, "publishing syncs the folder alone"
