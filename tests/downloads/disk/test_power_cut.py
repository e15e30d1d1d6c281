"""After a power cut only bytes count that the record knew to be synced."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from pixxel_async import DownloadManager, JobPackage, PixxelClient
from pixxel_async._aio.threads import Threads
from pixxel_async.downloads.disk.disk import Disk
from pixxel_async.downloads.disk.parts.part_writer import SYNC_STEP, PartWriter
from pixxel_async.downloads.disk.syscalls import Syscalls
from pixxel_async.downloads.record import Record, Row
from pixxel_async.downloads.record.commit_thread import CommitThread
from pixxel_async.downloads.record.database import Database
from pixxel_async.downloads.record.lease import Owner
from pixxel_async.errors import DownloadError
from pixxel_async.sandbox import Fault, Sandbox
from pixxel_async.settings.constants import Constants
from tests.support.ground_truth import GroundTruth, part_bytes, sha256, until

SMALL = 64 * 1024
JOB = "job:w/j"


@pytest.fixture
def tuning() -> dict[str, Any]:
    return {"constants": Constants(chunk_bytes=SMALL, stall_timeout=1.0)}


async def row_of(manager: DownloadManager, package: JobPackage) -> Row:
    row = await manager.record.get(str(package), manager.folder)
    assert row is not None
    return row


async def cut_off(client: PixxelClient, package: JobPackage, folder: Path) -> None:
    """Fetch and cancel during the body."""
    async with DownloadManager(client, folder) as manager:
        fetching = asyncio.create_task(manager.fetch(package))
        await until(lambda: part_bytes(folder) >= 1_500_000)
        fetching.cancel()
        await asyncio.wait([fetching])


async def rebooted(client: PixxelClient, package: JobPackage, folder: Path) -> Row:
    """Return the record's row as after a reboot."""
    async with DownloadManager(client, folder) as manager:
        await manager.record.save(str(package), folder, boot="another")
        return await row_of(manager, package)


@pytest.mark.slow
async def test_a_cancelled_body_is_synced_and_recorded(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path
) -> None:
    """After cancellation and reboot the next run resumes from the synced bytes and drops later ones."""
    truth = await ground.truth(package)
    sandbox.inject(Fault(route="storage", kind="stall", at=2_000_000))
    await cut_off(client, package, tmp_path)
    row = await rebooted(client, package, tmp_path)
    assert row.synced == part_bytes(tmp_path) >= 1_500_000
    assert row.part is not None
    with (tmp_path / row.part).open("ab") as part:
        part.write(bytes(SMALL))

    async with DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(package)

    assert ground.gets()[-1] == f"bytes={row.synced}-"
    assert sha256(done.path) == truth


@pytest.mark.slow
async def test_a_failed_body_is_synced_and_recorded(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """A failed body is synced and recorded like a cancelled one."""
    sandbox.inject(Fault(route="storage", kind="stall", at=1_000_000))
    sandbox.inject(Fault(route="storage", kind="status", status=500, after=1, times=None))
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(DownloadError, match="500"):
            await manager.fetch(package)
        assert (await row_of(manager, package)).synced == part_bytes(tmp_path) == 1_000_000


async def test_restarting_resets_the_synced_bytes(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """A body that restarts resets the recorded synced bytes before its first write."""
    sandbox.inject(Fault(route="storage", kind="stall", at=2_000_000))
    sandbox.inject(Fault(route="storage", kind="stall", at=1_000_000, after=1))
    await cut_off(client, package, tmp_path)
    async with DownloadManager(client, tmp_path) as manager:
        assert (await row_of(manager, package)).synced > 1_000_000
        await manager.record.save(str(package), tmp_path, etag='"another"')
        fetching = asyncio.create_task(manager.fetch(package))
        await until(lambda: 0 < part_bytes(tmp_path) <= 1_000_000)

        assert (await row_of(manager, package)).synced == 0

        fetching.cancel()
        await asyncio.wait([fetching])


@pytest.mark.slow
async def test_long_bodies_are_synced_on_the_way(tmp_path: Path) -> None:
    """A long body is synced every SYNC_STEP bytes, not with every write."""
    synced: list[int] = []

    def fsync(fd: int) -> None:
        synced.append(fd)
        os.fsync(fd)

    threads = Threads(1)
    with Disk(evolve(Syscalls(), fsync=fsync)).open_part(tmp_path, ".p.part") as part:
        writer = PartWriter(part, threads, buffer=SMALL, digest=None)
        for chunk in (bytes(SYNC_STEP - 1), b"x", b"y"):
            writer.add(chunk)
            await writer.flush()
    threads.close()

    assert len(synced) == 1 and (writer.synced, writer.size) == (SYNC_STEP, SYNC_STEP + 1)


class Noting(CommitThread):
    """A record thread that notes the durability of each commit: 2 waits for the disk, 1 does not."""

    levels: list[int]

    async def do(self, job: Callable[[Any], Any], *, durable: bool) -> Any:
        def noted(database: Database) -> Any:
            self.levels += database.sql.execute("PRAGMA synchronous").fetchone()
            return job(database)

        return await super().do(noted, durable=durable)


@pytest.mark.fault("M-07")
async def test_publishing_and_done_are_durable(tmp_path: Path) -> None:
    """M-07: commits of "publishing" and "done" wait for the disk; other commits do not."""
    owner, path = Owner.of_this_process(time.time), tmp_path / "record.sqlite"
    thread = Noting(lambda stop: Database.open(path, "o", owner, stop=stop), beat=10.0)
    thread.levels = []
    async with Record(await thread.start(), thread, owner, time.time) as record:
        for state in ("streaming", "publishing", "streaming", "done", "failed"):
            await record.save(JOB, tmp_path, state=state)
        await record.save(JOB, tmp_path, durable=True, synced=0)

    assert thread.levels == [1, 2, 1, 2, 1, 2]


@pytest.mark.fault("M-07")
async def test_a_claim_after_a_reboot_vouches_for_nothing(tmp_path: Path) -> None:
    """A claim after a reboot does not count a part file as of this boot until new bytes are written."""
    async with await Record.open(tmp_path / "record.sqlite", origin="o") as record:
        await record.save(JOB, tmp_path, state="streaming", part=".p.part", total=9)
        await record.save(JOB, tmp_path, boot="another")
        for _ in range(2):
            claim = await record.claim(JOB, tmp_path, name=None, part=".p.part")
            assert claim is not None and not claim.same_boot
            await record.release(JOB, tmp_path)

        await record.save(JOB, tmp_path, state="streaming")

        claim = await record.claim(JOB, tmp_path, name=None, part=".p.part")
        assert claim is not None and claim.same_boot
