"""A part file has one writer: it has an owner, saves are fenced, and it is checked before publishing."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pixxel_async import DownloadManager, JobPackage, PixxelClient
from pixxel_async.downloads.disk.disk import Disk
from pixxel_async.downloads.disk.parts.part_file import PartBusy
from pixxel_async.downloads.record import Record
from pixxel_async.downloads.record.lease import LeaseLost
from pixxel_async.errors import DownloadError
from pixxel_async.sandbox import Fault, Sandbox
from tests.support.ground_truth import GroundTruth, part_bytes, sha256, until

JOB = "job:w/j"
ELSEWHERE = "UPDATE owners SET host = 'elsewhere', beat_at = 0"
RESTARTED = "UPDATE owners SET boot = 'before', beat_at = 0"


def change(record: Path, statement: str) -> None:
    """Change the record's owners so that they look like processes last seen long ago."""
    with closing(sqlite3.connect(record)) as database, database:
        database.execute(statement)


@pytest.mark.fault("Q-03")
@pytest.mark.parametrize(("statement", "kept"), [(ELSEWHERE, False), (RESTARTED, True)])
async def test_a_part_file_is_taken_over_only_from_the_dead(tmp_path: Path, statement: str, kept: bool) -> None:
    """A part file is taken over only if its holder is certainly dead; otherwise the next run begins a new one."""
    path = tmp_path / "r.sqlite"
    async with await Record.open(path, origin=None, beat=3600) as first:
        await first.claim(JOB, tmp_path, name="w/j", part="w/.first.part")
        change(path, statement)
        async with await Record.open(path, origin=None) as second:
            claim = await second.claim(JOB, tmp_path, name="w/j", part="w/.second.part")

    assert claim is not None and claim.took_over
    assert claim.row.part == ("w/.first.part" if kept else "w/.second.part")


@pytest.mark.fault("P-11")
async def test_a_thawed_process_changes_no_row(tmp_path: Path) -> None:
    """A save by a process whose lease was taken over and released changes nothing."""
    path = tmp_path / "r.sqlite"
    async with await Record.open(path, origin=None, beat=3600) as frozen:
        await frozen.claim(JOB, tmp_path, name="w/j", part="w/.1.part")
        change(path, ELSEWHERE)
        async with await Record.open(path, origin=None) as other:
            await other.claim(JOB, tmp_path, name="w/j", part="w/.2.part")
            await other.save(JOB, tmp_path, state="done", size=5, leased=True, release=True)
        with pytest.raises(LeaseLost):
            await frozen.save(JOB, tmp_path, state="streaming", size=6, leased=True)
        row = await frozen.get(JOB, tmp_path)

    assert row is not None and (row.state, row.size) == ("done", 5)


@pytest.mark.slow
async def test_a_frozen_download_and_its_successor_make_one_file(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path
) -> None:
    """A frozen download and its successor write separate part files, and one correct file results."""
    truth = await ground.truth(package)
    sandbox.inject(Fault(route="storage", kind="drip", rate=500_000, times=1))
    async with DownloadManager(client, tmp_path) as first:
        frozen = await first.submit(package)
        await until(lambda: part_bytes(tmp_path))
        change(first.record.path, ELSEWHERE)
        async with DownloadManager(client, tmp_path) as second:
            done = await second.fetch(package)
        again = await frozen

    assert done.fetched and not again.fetched
    assert sha256(done.path) == done.sha256 == again.sha256 == truth
    assert part_bytes(tmp_path) == 0


def test_a_part_file_has_one_descriptor(tmp_path: Path) -> None:
    """An open part file gets no second descriptor: a new file is begun, and the busy one is unlinked."""
    disk = Disk()
    busy = ".0123456789abcdef-0123456789abcdef.part"
    fresh = ".0123456789abcdef-0123456789abcdef-01234567.part"
    with disk.open_part(tmp_path, busy) as part:
        part.write([b"first"])
        with pytest.raises(PartBusy):
            disk.open_part(tmp_path, busy)
        second = disk.open_leased(tmp_path, busy, fresh=fresh, took_over=True)
        with second:
            assert (second.path.name, second.size) == (fresh, 0)
    assert [path.name for path in tmp_path.iterdir()] == [fresh]


def cut(path: Path) -> None:
    os.truncate(path, 2)


def extend(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


def replace(path: Path) -> None:
    path.rename(path.with_name("old"))
    path.write_bytes(b"bytes")


def link(path: Path) -> None:
    path.with_name("other").hardlink_to(path)


@pytest.mark.parametrize("spoil", [cut, extend, replace, link, Path.unlink])
def test_a_part_file_that_others_changed_gets_no_final_name(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    """A part file whose size or inode was changed by others is not published."""
    disk = Disk()
    part = disk.open_part(tmp_path, ".x.part")
    part.write([b"bytes"])
    spoil(part.path)
    with pytest.raises(DownloadError, match="was changed by another process") as caught:
        disk.publish(part, "x.zip")
    assert caught.value.retryable and not (tmp_path / "x.zip").exists()
