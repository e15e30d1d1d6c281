"""Group commit of final files: what a group shares, in which order its steps reach the disk, and who fails alone."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import pytest_asyncio
from attrs import evolve

from pixxel_async._aio.threads import Threads
from pixxel_async.downloads.disk.disk import Disk
from pixxel_async.downloads.disk.final import Final
from pixxel_async.downloads.disk.publisher import Publication, Publisher
from pixxel_async.downloads.disk.syscalls import Syscalls
from pixxel_async.downloads.record import Record
from pixxel_async.downloads.record.lease import LeaseLost
from pixxel_async.downloads.record.rows import RowChange
from pixxel_async.errors import DownloadError, NameTaken
from tests.support.ground_truth import until
from tests.support.system import posix


class Scene:
    """A folder with a record, and a publisher whose system calls are noted, and held up while `go` is not set."""

    def __init__(self, folder: Path, record: Record, threads: Threads) -> None:
        self.folder = folder
        self.record = record
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.go = Event()
        self.go.set()
        self.begun = Event()
        self.broken: set[str] = set()
        system = Syscalls()
        self.disk = Disk(evolve(system, fsync=self.fsync, link=self.link))
        self.publisher = Publisher(record, self.disk, threads)

    def states(self) -> dict[str, str]:
        """The states that are committed, as another process sees them."""
        with sqlite3.connect(self.record.path) as seen:
            return dict(seen.execute("SELECT identity, state FROM items").fetchall())

    def fsync(self, fd: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "part"
        self.calls.append((f"sync {kind}", self.states()))
        if kind in self.broken:
            raise OSError(errno.EIO, "broken")
        os.fsync(fd)

    def link(self, *given: Any, **more: Any) -> None:
        self.begun.set()
        self.go.wait(20)
        self.calls.append(("rename", self.states()))
        os.link(*given, **more)

    async def publish(self, name: str, *, leased: bool = True) -> RowChange:
        """Claim a package, write its part file, and publish it."""
        key = f"job:w/{name}", self.folder
        if leased:
            assert await self.record.claim(*key, name=name, part=f".{name}.part")
        part = self.disk.open_part(self.folder, f".{name}.part")
        part.write([name.encode()])

        def done(final: Final) -> RowChange:
            return RowChange(*key, {"state": "done", "size": final.size}, release=True, leased=True)

        announcement = RowChange(*key, {"state": "publishing", "name": name, "size": part.size}, leased=True)
        try:
            return await self.publisher.publish(
                Publication(part=part, name=name, replace=False, announcement=announcement, done=done)
            )
        finally:
            part.close()

    def count(self, call: str) -> int:
        return sum(call == name for name, _ in self.calls)


@pytest_asyncio.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    threads = Threads(2)
    folder = tmp_path / "files"
    folder.mkdir()
    async with await Record.open(tmp_path / "record.sqlite", origin="o") as record:
        yield Scene(folder, record, threads)
    threads.close()


async def gathered(scene: Scene, *names: str) -> list[asyncio.Task[RowChange]]:
    """Publish the first file, and the others while it is being renamed, so that they are one group."""
    scene.go.clear()
    tasks = [asyncio.create_task(scene.publish(names[0]))]
    await asyncio.to_thread(scene.begun.wait, 20)
    tasks += [asyncio.create_task(scene.publish(name)) for name in names[1:]]
    await until(lambda: len(scene.publisher._waiting) == len(names) - 1)
    scene.go.set()
    return tasks


@posix
async def test_a_group_shares_one_folder_sync(scene: Scene) -> None:
    """Files that wait while another is renamed are one group: two syncs of the folder for four files, not four."""
    await asyncio.gather(*await gathered(scene, "a", "b", "c", "d"))

    assert (scene.count("sync part"), scene.count("rename"), scene.count("sync folder")) == (4, 4, 2)
    assert set(scene.states().values()) == {"done"}
    assert sorted(os.listdir(scene.folder)) == ["a", "b", "c", "d"]


@posix
@pytest.mark.fault("M-07")
async def test_each_step_is_on_the_disk_before_the_next(scene: Scene) -> None:
    """M-07: bytes, then `publishing`, then the name, then the folder, and only then `done`."""
    await asyncio.gather(*await gathered(scene, "a", "b", "c"))

    for number, (call, states) in enumerate(scene.calls):
        if call == "rename":
            assert scene.calls[number - 1][0] == "sync part", "bytes are on the disk before they get a name"
            assert "publishing" in states.values(), "and the record knows"
    group = scene.calls[-1]
    assert group[0] == "sync folder"
    assert [group[1][f"job:w/{name}"] for name in "abc"] == ["done", "publishing", "publishing"]


@posix
async def test_one_of_a_group_fails_alone(scene: Scene) -> None:
    """A name that is taken, and a lease that was lost, fail their own package; the others are published."""
    (scene.folder / "b").write_bytes(b"somebody's")
    tasks = await gathered(scene, "a", "b", "c")
    lost = asyncio.create_task(scene.publish("d", leased=False))
    outcomes = await asyncio.gather(*tasks, lost, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [RowChange, NameTaken, RowChange, LeaseLost]
    assert scene.states() == {"job:w/a": "done", "job:w/b": "publishing", "job:w/c": "done"}
    assert (scene.folder / "b").read_bytes() == b"somebody's"
    assert (scene.folder / ".b.part").read_bytes() == b"b", "the part file stays"


@posix
async def test_nothing_is_done_without_the_folder(scene: Scene) -> None:
    """A folder that cannot be synced leaves all its files `publishing`, which the next run finishes."""
    scene.broken = {"folder"}
    outcomes = await asyncio.gather(*await gathered(scene, "a", "b"), return_exceptions=True)

    assert all(isinstance(outcome, DownloadError) for outcome in outcomes)
    assert scene.states() == {"job:w/a": "publishing", "job:w/b": "publishing"}


async def test_a_cancelled_waiter_leaves_before_its_group_or_after(scene: Scene) -> None:
    """A file cancelled while it waits is not published; one whose group has begun is, before the cancellation."""
    scene.go.clear()
    first = asyncio.create_task(scene.publish("a"))
    await asyncio.to_thread(scene.begun.wait, 20)
    second = asyncio.create_task(scene.publish("b"))
    await until(lambda: len(scene.publisher._waiting) == 1)
    second.cancel()
    first.cancel()
    await asyncio.wait([second])
    assert not first.done(), "its file is just being renamed"
    scene.go.set()
    await asyncio.wait([first])

    assert first.cancelled() and second.cancelled()
    assert scene.states()["job:w/a"] == "done" and (scene.folder / "a").read_bytes() == b"a"
    assert scene.states()["job:w/b"] != "publishing" and not (scene.folder / "b").exists()


async def test_a_file_after_the_last_group_begins_another(scene: Scene) -> None:
    """A publisher whose groups have ended publishes the next file as it did the first."""
    async with asyncio.timeout(20):
        for name in "ab":
            await scene.publish(name)
    assert scene.states() == {"job:w/a": "done", "job:w/b": "done"}


async def test_a_lease_lost_during_the_rename_is_no_success(scene: Scene) -> None:
    """A package whose lease is lost after the write-ahead commit raises, and its row stays `publishing`."""
    scene.go.clear()
    publishing = asyncio.create_task(scene.publish("a"))
    await asyncio.to_thread(scene.begun.wait, 20)
    await scene.record.release("job:w/a", scene.folder)
    scene.go.set()
    with pytest.raises(LeaseLost):
        await publishing
    assert scene.states() == {"job:w/a": "publishing"}
