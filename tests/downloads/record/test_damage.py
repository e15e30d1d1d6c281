"""A record that is torn, stale or lost costs work: never a wrong file, and never one that is missing and skipped."""

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
    """The file ends anywhere."""
    path = kept / "record.sqlite"
    path.write_bytes(path.read_bytes()[: rng.randrange(path.stat().st_size)])


def overwrite(kept: Path, rng: random.Random) -> None:
    """Some bytes anywhere are others."""
    path = kept / "record.sqlite"
    data = bytearray(path.read_bytes())
    at, length = rng.randrange(len(data)), rng.choice([1, 16, 512, 4096])
    data[at : at + length] = rng.randbytes(len(data[at : at + length]))
    path.write_bytes(data)


def older(kept: Path, rng: random.Random) -> None:
    """A copy from the middle of the export was put back."""
    shutil.rmtree(kept)
    shutil.copytree(kept.parent / ".older", kept)


def without_log(kept: Path, rng: random.Random) -> None:
    """A copy was put back that was made while the export ran, and without what waited in its log."""
    older(kept, rng)
    (kept / "record.sqlite-wal").unlink()
    (kept / "record.sqlite-shm").unlink()


def lost(kept: Path, rng: random.Random) -> None:
    """The record is gone."""
    shutil.rmtree(kept)


CASES = [(cut, 0), (cut, 1), *((overwrite, seed) for seed in range(8)), (older, 0), (without_log, 0), (lost, 0)]


async def exported(client: PixxelClient, ground: GroundTruth, folder: Path) -> None:
    """A folder with all packages, and beside its record an older copy, made while half of them were there."""
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
async def test_a_bad_record_makes_no_wrong_file(
    client: PixxelClient, ground: GroundTruth, tmp_path: Path, damage: Callable[[Path, random.Random], None], seed: int
) -> None:
    """M-01 to M-05: however the record is damaged, correct files stay untouched and missing ones are reported.

    A file that the record no longer knows is proved and adopted where that it was lost can be seen; else its name is
    taken, which is said, and `exists="replace"` fetches it anew.
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
async def test_what_is_missing_is_fetched(
    client: PixxelClient, ground: GroundTruth, tmp_path: Path, damage: Callable[[Path, random.Random], None], seed: int
) -> None:
    """M-04: a file that is not there, and of which the record does not know that it ever was, is fetched."""
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
async def test_a_lost_record_is_made_anew(client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """M-05: where the record is gone and SHA256SUMS is there, files are proved and adopted, and nothing is fetched."""
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
async def test_a_strangers_folder_is_left_alone(client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """H-08: where there never was a record, a file that has the name is somebody else's."""
    path = path_of(tmp_path, ground.packages[0])
    path.parent.mkdir()
    path.write_bytes(b"precious")

    async with DownloadManager(client, tmp_path) as manager:
        outcomes = await collect(manager.fetch_all(ground.packages[:1]))

    assert isinstance(outcomes[0], Failed) and isinstance(outcomes[0].error, NameTaken)
    assert path.read_bytes() == b"precious" and len(visible(tmp_path)) == 1
