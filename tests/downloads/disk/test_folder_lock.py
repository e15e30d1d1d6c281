"""A folder has one record at a time, even if processes are frozen or killed."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from pathlib import Path

import pytest
from attrs import evolve

from pixxel_async import DownloadManager, JobPackage, PixxelClient
from pixxel_async.downloads.disk.state.folder_lock import FolderLocks
from pixxel_async.downloads.record import Record
from pixxel_async.errors import ConfigError
from pixxel_async.sandbox import Fault, Sandbox
from tests.support.ground_truth import GroundTruth, part_bytes, sha256, until, visible
from tests.support.system import RUN_MODULE, posix


def lock_files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / ".pixxel").glob("use-*"))


async def start(ground: GroundTruth, folder: Path, package: JobPackage, *options: str) -> Process:
    """Start an export in a process of its own."""
    command = [*options, ground.sandbox.url, ground.sandbox.api_key, str(folder), str(package)]
    return await asyncio.create_subprocess_exec(
        *RUN_MODULE, "tests.downloads.programs.export", *command, stdout=PIPE, stderr=STDOUT
    )


@pytest.mark.slow
async def test_another_record_is_refused_while_the_first_is_open(client: PixxelClient, tmp_path: Path) -> None:
    """A second record for a folder is refused with the holder's pid, and accepted once the first is closed."""
    folder = tmp_path / "exports"
    async with DownloadManager(client, folder):
        with pytest.raises(ConfigError, match=rf"in use by process {os.getpid()} on .* with another record, .*record"):
            async with DownloadManager(client, folder, record=tmp_path / "other.sqlite"):
                pass
        async with DownloadManager(client, folder):
            assert len(lock_files(folder)) == 2
    async with DownloadManager(client, folder, record=tmp_path / "other.sqlite"):
        assert len(lock_files(folder)) == 1
    assert lock_files(folder) == []


@pytest.mark.slow
async def test_a_folder_given_by_to_is_locked(client: PixxelClient, package: JobPackage, tmp_path: Path) -> None:
    """A folder given by `to=` is locked for the manager's record."""
    async with (
        DownloadManager(client, tmp_path / "a") as first,
        DownloadManager(client, tmp_path / "b") as second,
    ):
        await first.fetch(package, to=tmp_path / "c")
        with pytest.raises(ConfigError, match="with another record"):
            await second.fetch(package, to=tmp_path / "c")


def test_the_same_record_is_known_by_another_path(tmp_path: Path) -> None:
    """A record reached by a link or another mount is recognised as the same."""
    (tmp_path / "real").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    first, second = FolderLocks(), FolderLocks(tmp_path / "linked" / ".pixxel" / "record.sqlite")
    first.acquire(tmp_path / "real")
    second.acquire(tmp_path / "real")
    first.close()
    second.close()
    assert lock_files(tmp_path / "real") == []


def test_two_that_start_together_do_not_both_give_up(tmp_path: Path) -> None:
    """Of two records that start together, each backs off once, and one gets the folder."""
    other = FolderLocks(tmp_path / "other.sqlite")
    other.acquire(tmp_path)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        other.close()

    mine = FolderLocks(tmp_path / "mine.sqlite", sleep=pause)
    mine.acquire(tmp_path)
    assert len(pauses) == 1
    mine.close()


@posix
@pytest.mark.slow
async def test_a_frozen_process_keeps_its_folder_and_a_killed_one_does_not(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path
) -> None:
    """SIGSTOP: another record is refused and the same one works; SIGKILL: another record gets the folder at once."""
    sandbox.inject(Fault(route="storage", kind="drip", rate=200_000, times=1))
    process = await start(ground, tmp_path, package)
    try:
        await until(lambda: part_bytes(tmp_path))
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(ConfigError, match=f"process {process.pid}"):
            async with DownloadManager(client, tmp_path, record=tmp_path / "other.sqlite"):
                pass
        async with DownloadManager(client, tmp_path) as manager:
            assert (await manager.fetch(ground.packages[1])).fetched
    finally:
        process.kill()
        await process.communicate()
    async with DownloadManager(client, tmp_path, record=tmp_path / "other.sqlite") as manager:
        done = await manager.fetch(package)
    assert sha256(done.path) == await ground.truth(package)
    assert part_bytes(tmp_path) == 0, "the part file of the killed process was removed"


@posix
@pytest.mark.slow
async def test_a_part_file_of_a_frozen_process_is_not_written_to(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path
) -> None:
    """A part file that a frozen process has open is not written to, although the record counts its holder as dead."""
    sandbox.inject(Fault(route="storage", kind="drip", rate=600_000, times=1))
    process = await start(ground, tmp_path, package)
    try:
        await until(lambda: part_bytes(tmp_path) and (tmp_path / ".pixxel" / "record.sqlite").exists())
        process.send_signal(signal.SIGSTOP)
        async with await Record.open(tmp_path / ".pixxel" / "record.sqlite", origin=None) as record:
            await record._do(lambda db: db.sql.execute("UPDATE owners SET started = '1'"), durable=True)
        async with DownloadManager(client, tmp_path) as manager:
            done = await manager.fetch(package)
        assert ground.gets() == ["", ""], "the second began at byte 0"
        process.send_signal(signal.SIGCONT)
        output, _ = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert sha256(done.path) == await ground.truth(package)
    assert process.returncode == 0, output.decode()
    assert part_bytes(tmp_path) == 0
    assert [path.endswith(".zip") for path in visible(tmp_path)] == [True]


async def test_part_files_of_a_lost_record_are_removed(
    client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """Part files of a lost record are removed, except open ones and files that are not ours."""
    kept = [tmp_path / ".0123456789abcdef-x.part", tmp_path / "w" / "my.part"]
    stale = [tmp_path / ".0123456789abcdef-0123456789abcdef.part", tmp_path / "w" / f".{'a' * 16}-{'b' * 16}.part"]
    for path in (*kept, *stale):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"bytes")
    async with DownloadManager(client, tmp_path):
        assert [path.exists() for path in (*kept, *stale)] == [True, True, False, False]


@pytest.mark.slow
async def test_machines_of_different_shards_share_a_folder(client: PixxelClient, tmp_path: Path) -> None:
    """Two records may share a folder only if their managers fetch different shards."""

    def manager(name: str, shard: tuple[int, int] | None) -> DownloadManager:
        settings = evolve(client.settings.download, shard=shard)
        return DownloadManager(client, tmp_path / "folder", record=tmp_path / name, settings=settings)

    async with manager("first", (1, 2)) as first:
        async with manager("second", (2, 2)):
            pass
        with pytest.raises(ConfigError, match="in use by"):
            await manager("second", (1, 2)).open()
        for shard in ((2, 3), None):
            with pytest.raises(ConfigError, match="in use by"):
                FolderLocks(tmp_path / "second", shard, sleep=lambda _: None).acquire(tmp_path / "folder")
        with pytest.raises(ConfigError, match="announced shard"):
            first.fetch_all([], shard=(2, 2))
