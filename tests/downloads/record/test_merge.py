"""Machines with a shard and a record each, and merging these records."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pixxel_async import DownloadManager, JobPackage, PixxelClient
from pixxel_async.downloads import Record, merge
from pixxel_async.downloads.engine.lookup import in_shard
from pixxel_async.downloads.record.rules.merging import is_better
from pixxel_async.errors import ConfigError
from pixxel_async.events import Downloaded, Skipped
from tests.downloads.record.test_record import change, opened
from tests.support.ground_truth import GroundTruth, collect


def file_of(folder: Path) -> Path:
    return folder / ".pixxel/record.sqlite"


@pytest.mark.slow
async def test_shards_become_one_folder(client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """Two shards fetch each package once; after merging records and files, everything is done."""
    folders = tmp_path / "1", tmp_path / "2"
    fetched: list[JobPackage] = []
    for number, folder in enumerate(folders, 1):
        async with DownloadManager(client, folder) as manager:
            outcomes = await collect(manager.fetch_all(ground.packages, shard=(number, 2)))
        fetched += [outcome.package for outcome in outcomes if isinstance(outcome, Downloaded)]  # type: ignore[misc]
    assert sorted(map(str, fetched)) == sorted(map(str, ground.packages))
    shutil.copytree(folders[1], folders[0], dirs_exist_ok=True, ignore=shutil.ignore_patterns(".pixxel"))

    first = await merge(file_of(folders[0]), [file_of(folders[1])])
    again = await merge(file_of(folders[0]), [file_of(folders[1])])

    assert first.taken + again.kept == 2 * first.taken > 0 and again.taken == 0
    gets = len(ground.gets())
    async with DownloadManager(client, folders[0]) as manager:
        outcomes = await collect(manager.fetch_all(ground.packages))
    assert all(isinstance(outcome, Skipped) for outcome in outcomes) and len(ground.gets()) == gets


def test_shards_are_stable_and_cover_all() -> None:
    """A package belongs to one shard, the same in every version and process, and shards are about equal."""
    packages = [JobPackage(workflow_id="w", job_id=f"j-{number}") for number in range(3000)]
    shares = [[package for package in packages if in_shard(package, (i, 3))] for i in (1, 2, 3)]

    assert sorted(str(package) for share in shares for package in share) == sorted(map(str, packages))
    assert all(900 < len(share) < 1100 for share in shares)
    assert [in_shard(packages[number], (1, 3)) for number in range(6)] == [False, True, False, False, False, True]


async def test_the_better_row_is_kept(tmp_path: Path) -> None:
    """A done row wins over one that is not; of two equal states the newer row wins."""
    one, two = tmp_path / "1", tmp_path / "2"
    async with await opened(one, clock=lambda: 200.0) as record:
        await record.save("job:w/1", one, state="failed", error="late")
        await record.save("job:w/2", one, state="done", size=1)
        await record.save("job:w/3", one, state="failed", error="new")
    async with await opened(two, clock=lambda: 100.0) as record:
        await record.save("job:w/1", two, state="done", name="w/1.zip", size=7)
        await record.save("job:w/2", two, state="streaming", total=9)
        await record.save("job:w/3", two, state="failed", error="old")
        await record.save("job:w/4", two, state="failed")

    merged = await merge(file_of(one), [file_of(two)])

    assert (merged.taken, merged.kept, merged.clashes) == (2, 2, ())
    async with await opened(one) as record:
        rows = {row.identity: row async for row in record.rows(one)}
    assert (rows["job:w/1"].state, rows["job:w/1"].size, rows["job:w/1"].updated_at) == ("done", 7, 100.0)
    assert (rows["job:w/2"].size, rows["job:w/3"].error) == (1, "new")
    assert not is_better(rows["job:w/4"], rows["job:w/4"]) and is_better(rows["job:w/4"], None)


async def test_a_name_is_not_given_twice(tmp_path: Path) -> None:
    """A row whose name belongs to another package here is skipped and reported; that package is downloaded again."""
    one, two = tmp_path / "1", tmp_path / "2"
    async with await opened(one) as record:
        await record.save("job:w/1", one, state="done", name="a.zip")
    async with await opened(two) as record:
        await record.save("job:w/2", two, state="done", name="A.zip")
        await record.save("job:w/3", two, state="done", name="b.zip")

    merged = await merge(file_of(one), [file_of(two)])

    assert merged.taken == 1 and len(merged.clashes) == 1 and "job:w/2" in merged.clashes[0]


@pytest.mark.slow
async def test_foreign_records_are_refused(tmp_path: Path) -> None:
    """Records of another API, organization or version, and damaged or missing ones, are refused."""
    one, two = tmp_path / "1", tmp_path / "2"
    async with await opened(one) as record:
        await record.bind("org-1")
    async with await opened(two) as record:
        await record.bind("org-2")
        await record.save("job:w/1", two, state="done")
    with pytest.raises(ConfigError, match="org-2"):
        await merge(file_of(one), [file_of(two)])
    with pytest.raises(ConfigError, match="itself"):
        await merge(file_of(two), [file_of(two)])
    with pytest.raises(ConfigError, match="no record"):
        await merge(file_of(one), [tmp_path / "3"])
    change(two, "UPDATE meta SET value = 'https://other' WHERE key = 'origin'")
    with pytest.raises(ConfigError, match="other"):
        await merge(file_of(one), [file_of(two)])
    change(two, "PRAGMA user_version = 99")
    with pytest.raises(ConfigError, match="newer"):
        await merge(file_of(one), [file_of(two)])
    torn = file_of(two).read_bytes()[:5000]
    file_of(two).write_bytes(torn)
    with pytest.raises(ConfigError, match="nothing was taken"):
        await merge(file_of(one), [file_of(two)])
    assert file_of(two).read_bytes() == torn
    async with await opened(one) as record:
        assert await record.counts() == {}


async def test_merging_creates_a_record(tmp_path: Path) -> None:
    """Merging into a missing record creates one with the API and organization of the first."""
    async with await opened(tmp_path / "1") as record:
        await record.bind("org-1")
        await record.save("job:w/1", tmp_path / "1", state="done")

    await merge(file_of(tmp_path / "new"), [file_of(tmp_path / "1")])

    async with await Record.open(file_of(tmp_path / "new"), origin=None) as record:
        assert (await record.bound("origin"), await record.bound("organization")) == ("https://api.example", "org-1")
        assert await record.get("job:w/1", tmp_path / "new") is not None
