"""Uploads interrupted at any moment: a killed process, a cancelled task, a crash before the record is written."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from obstore.store import LocalStore

from pixxel_async import DownloadManager, JobPackage, PixxelClient
from pixxel_async.integrations.objects.leftovers import make_cleaner
from pixxel_async.integrations.objects.sending import CHUNK, MOST_PARTS, chunk_size
from pixxel_async.sandbox import Sandbox
from tests.integrations.bucket import Bucket
from tests.integrations.stalled_proxy import StalledProxy
from tests.support.ground_truth import GroundTruth, part_bytes, until
from tests.support.system import RUN_MODULE

LARGE = 3 * CHUNK
"""Bytes of a package that takes a multipart upload."""


@pytest.fixture
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    async with Sandbox(packing=0.01, package_size=getattr(request, "param", LARGE)) as started:
        yield started


@pytest.fixture
def environment(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the environment that leads a process to the bucket, with its spool in the test's folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return {**os.environ, **bucket.environment}


async def start(ground: GroundTruth, url: str, package: JobPackage, environment: dict[str, str]) -> Process:
    """Start an export in a process of its own."""
    command = [ground.sandbox.url, ground.sandbox.api_key, url, str(package)]
    return await asyncio.create_subprocess_exec(
        *RUN_MODULE, "tests.downloads.programs.export", *command,
        stdout=PIPE, stderr=STDOUT, env=environment,
    )  # fmt: skip


@pytest.mark.slow
async def test_killed_during_an_upload(
    bucket: Bucket, ground: GroundTruth, package: JobPackage, environment: dict[str, str], tmp_path: Path
) -> None:
    """A killed upload leaves no partial object; the next run aborts it and sends the package without fetching."""
    truth, key = await ground.truth(package), f"nightly/{package.workflow_id}/{package.job_id}.zip"
    async with StalledProxy.before(environment["AWS_ENDPOINT_URL"], limit=CHUNK) as gate:
        process = await start(ground, bucket.url("nightly"), package, {**environment, "AWS_ENDPOINT_URL": gate.url})
        await until(lambda: gate.held or process.returncode is not None)
        process.kill()
        output, _ = await process.communicate()
    assert (bucket.objects(), bucket.uploads(), part_bytes(tmp_path) >= LARGE) == ({}, [key], True), output.decode()

    fetched = len(ground.gets())  # by the truth and by the first run, which may use several connections
    process = await start(ground, bucket.url("nightly"), package, environment)
    output, _ = await asyncio.wait_for(process.communicate(), 240)

    assert output == b"Downloaded\n"
    assert (bucket.objects(), bucket.uploads(), part_bytes(tmp_path)) == ({key: truth}, [], 0)
    assert len(ground.gets()) == fetched, "the second run fetches nothing"


@pytest.mark.slow
async def test_other_uploads_are_left_alone(
    bucket: Bucket, client: PixxelClient, package: JobPackage, environment: dict[str, str]
) -> None:
    """Only unfinished uploads of the same key are aborted, since others may be alive."""
    key = f"nightly/{package.workflow_id}/{package.job_id}.zip"
    for each in (key, key + ".bak", "nightly/other.zip"):
        bucket.s3.create_multipart_upload(Bucket=bucket.name, Key=each)

    async with DownloadManager(client, bucket.url("nightly")) as manager:
        await manager.fetch(package)

    assert bucket.uploads() == ["nightly/other.zip", key + ".bak"] or set(bucket.uploads()) == {
        "nightly/other.zip", key + ".bak"
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("part_is_left", [False, True])
async def test_a_crash_between_upload_and_record(
    part_is_left: bool, bucket: Bucket, client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path
) -> None:
    """After a crash between upload and record the object is recognised as ours, and nothing is sent again."""
    key = f"{package.workflow_id}/{package.job_id}.zip"
    async with DownloadManager(client, bucket.url(""), spool=tmp_path) as manager:
        first = await manager.fetch(package)
        await manager.record.save(str(package), tmp_path, state="publishing")
        row = await manager.record.get(str(package), tmp_path)
    assert row is not None and row.part is not None
    if part_is_left:
        (tmp_path / row.part).write_bytes(bucket.read(key))
    before = bucket.s3.head_object(Bucket=bucket.name, Key=key)

    async with DownloadManager(client, bucket.url(""), spool=tmp_path) as manager:
        again = await manager.fetch(package)

    after = bucket.s3.head_object(Bucket=bucket.name, Key=key)
    assert not again.fetched and again.sha256 == first.sha256
    assert (after["ETag"], after["LastModified"]) == (before["ETag"], before["LastModified"])
    assert part_bytes(tmp_path) == 0 and len(ground.begun()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("sandbox", [7 * CHUNK], indirect=True, ids=["more chunks than are sent at once"])
@pytest.mark.parametrize("comes_back", [True, False])
async def test_cancelled_during_an_upload(
    comes_back: bool, bucket: Bucket, client: PixxelClient, package: JobPackage, environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch, ground: GroundTruth,
) -> None:  # fmt: skip
    """Cancellation ends a stalled upload soon; the upload is aborted then or by the next run."""
    key = f"nightly/{package.workflow_id}/{package.job_id}.zip"
    async with StalledProxy.before(environment["AWS_ENDPOINT_URL"], limit=CHUNK) as gate:
        monkeypatch.setenv("AWS_ENDPOINT_URL", gate.url)
        async with DownloadManager(client, bucket.url("nightly")) as manager:
            fetching = asyncio.create_task(manager.fetch(package))
            await until(lambda: gate.held)
            fetching.cancel()
            if comes_back:
                gate.open()
            with pytest.raises(asyncio.CancelledError):
                await fetching
            async with asyncio.timeout(60):
                await manager.aclose(drain=0)
        assert bucket.objects() == {}
        if comes_back:  # a busy server may take longer than the manager waits
            await until(lambda: not bucket.uploads())
        else:
            assert bucket.uploads() == [key]
    monkeypatch.setenv("AWS_ENDPOINT_URL", environment["AWS_ENDPOINT_URL"])

    async with DownloadManager(client, bucket.url("nightly")) as manager:
        await manager.fetch(package)

    assert list(bucket.objects()) == [key] and bucket.uploads() == []
    assert len(ground.begun()) == 1


def test_local_leftovers(tmp_path: Path) -> None:
    """Leftovers of obstore's local store are removed for that object and no other."""
    (tmp_path / "W").mkdir()
    for name in ("J[1].zip", "J[1].zip#1", "J[1].zip#2", "J1.zip#1", "J[1].zip.part"):
        (tmp_path / "W" / name).touch()

    make_cleaner(LocalStore(tmp_path))("W/J[1].zip")

    assert {path.name for path in (tmp_path / "W").iterdir()} == {"J[1].zip", "J1.zip#1", "J[1].zip.part"}


def test_part_size_grows_with_the_object() -> None:
    """Part size grows with the object, so that 10,000 parts suffice for 5 TB."""
    for size in (1, CHUNK, MOST_PARTS * CHUNK, MOST_PARTS * CHUNK + 1, 5 << 40):
        assert chunk_size(size) >= CHUNK and size / chunk_size(size) <= MOST_PARTS
