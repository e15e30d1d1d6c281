"""A damaged, stale or lost record causes work, but neither a wrong file nor a missing one that is skipped."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pixxel_async import DownloadManager, JobPackage, PixxelClient
from pixxel_async.downloads import write_sums
from pixxel_async.errors import NameTaken
from pixxel_async.events import Failed, Outcome
from tests.support.ground_truth import GroundTruth, collect, sha256, visible


def cut(kept: Path, rng: random.Random) -> None:
    """Truncate the file at any offset."""
    path = kept / "record.sqlite"
    path.write_bytes(path.read_bytes()[: rng.randrange(path.stat().st_size)])


def overwrite(kept: Path, rng: random.Random) -> None:
    """Overwrite some bytes anywhere."""
    path = kept / "record.sqlite"
    data = bytearray(path.read_bytes())
    at, length = rng.randrange(len(data)), rng.choice([1, 16, 512, 4096])
    data[at : at + length] = rng.randbytes(len(data[at : at + length]))
    path.write_bytes(data)


def older(kept: Path, rng: random.Random) -> None:
    """Restore a copy from the middle of the export."""
    shutil.rmtree(kept)
    shutil.copytree(kept.parent / ".older", kept)


def without_log(kept: Path, rng: random.Random) -> None:
    """Restore a copy made during the export, without its write-ahead log."""
    older(kept, rng)
    (kept / "record.sqlite-wal").unlink()
    (kept / "record.sqlite-shm").unlink()


def lost(kept: Path, rng: random.Random) -> None:
    """Remove the record."""
    shutil.rmtree(kept)


CASES = [(cut, 0), (cut, 1), *((overwrite, seed) for seed in range(8)), (older, 0), (without_log, 0), (lost, 0)]


async def exported(client: PixxelClient, ground: GroundTruth, folder: Path) -> None:
    """Export all packages, and keep a copy of the record from when half of them were fetched."""
    async with DownloadManager(client, folder) as manager:
        await collect(manager.fetch_all(ground.packages[:2]))
        shutil.copytree(folder / ".pixxel", folder / ".older")
        await collect(manager.fetch_all(ground.packages))
        await write_sums(folder, manager.record)


def path_of(folder: Path, package: JobPackage) -> Path:
    return folder / package.workflow_id / f"{package.job_id}.zip"


@pytest.mark.fault("M-01", "M-03")
@pytest.mark.slow
@pytest.mark.parametrize(("damage", "seed"), CASES, ids=lambda value: getattr(value, "__name__", str(value)))
async def test_a_damaged_record_makes_no_wrong_file(
    client: PixxelClient, ground: GroundTruth, tmp_path: Path, damage: Callable[[Path, random.Random], None], seed: int
) -> None:
    """M-01 to M-05: however the record is damaged, correct files stay untouched and missing ones are reported.

    If the loss is visible, a file that the record does not know is proved and adopted; otherwise its name counts as
    taken, which is reported, and `exists="replace"` fetches it again.
    """
    await exported(client, ground, tmp_path)
    truth = {path_of(tmp_path, package): sha256(path_of(tmp_path, package)) for package in ground.packages}
    damage(tmp_path / ".pixxel", random.Random(seed))
    shutil.rmtree(tmp_path / ".older")

    outcomes: list[Outcome] = []
    async with DownloadManager(client, tmp_path) as manager:
        await collect(manager.fetch_all(ground.packages), outcomes)
        await collect(manager.fetch_all(ground.packages, on_existing="replace"))

    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    assert len(outcomes) == len(ground.packages)
    assert all(isinstance(outcome.error, NameTaken) for outcome in failed)
    assert not failed or damage in (older, without_log)
    assert {path: sha256(path) for path in truth} == truth


@pytest.mark.fault("M-04")
@pytest.mark.slow
@pytest.mark.parametrize(("damage", "seed"), [case for case in CASES if case[0] in (older, without_log, lost)])
async def test_missing_files_are_fetched(
    client: PixxelClient, ground: GroundTruth, tmp_path: Path, damage: Callable[[Path, random.Random], None], seed: int
) -> None:
    """M-04: a missing file that the record does not know is fetched."""
    await exported(client, ground, tmp_path)
    missing = path_of(tmp_path, ground.packages[-1])
    truth = sha256(missing)
    missing.unlink()
    damage(tmp_path / ".pixxel", random.Random(seed))
    shutil.rmtree(tmp_path / ".older")

    async with DownloadManager(client, tmp_path) as manager:
        await collect(manager.fetch_all(ground.packages))

    assert sha256(missing) == truth


@pytest.mark.fault("M-05")
@pytest.mark.slow
async def test_a_lost_record_is_rebuilt(client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """M-05: if the record is gone and SHA256SUMS exists, files are proved and adopted without a request."""
    await exported(client, ground, tmp_path)
    sums = (tmp_path / "SHA256SUMS").read_text()
    shutil.rmtree(tmp_path / ".pixxel")
    gets = len(ground.gets())

    async with DownloadManager(client, tmp_path) as manager:
        outcomes = await collect(manager.fetch_all(ground.packages))
        await write_sums(tmp_path, manager.record)

    assert {getattr(outcome, "fetched", None) for outcome in outcomes} == {False}
    assert len(ground.gets()) == gets and (tmp_path / "SHA256SUMS").read_text() == sums


@pytest.mark.fault("H-08")
async def test_foreign_files_are_left_alone(client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """H-08: in a folder without a record an existing file with the name is foreign."""
    path = path_of(tmp_path, ground.packages[0])
    path.parent.mkdir()
    path.write_bytes(b"precious")

    async with DownloadManager(client, tmp_path) as manager:
        outcomes = await collect(manager.fetch_all(ground.packages[:1]))

    assert isinstance(outcomes[0], Failed) and isinstance(outcomes[0].error, NameTaken)
    assert path.read_bytes() == b"precious" and len(visible(tmp_path)) == 1
