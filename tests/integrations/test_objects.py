"""Packages sent to object stores are complete or absent, whatever the store."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import obstore
import pytest
from obstore.store import LocalStore, MemoryStore
from obstore.store import ObjectStore as Store

from pixxel_async import DownloadManager, JobPackage, NameTaken, PixxelClient
from pixxel_async.downloads import verify_folder, write_sums
from pixxel_async.downloads.disk.destination import LookUp
from pixxel_async.events import Downloaded, Skipped
from pixxel_async.integrations.objects import ObjectStore
from tests.integrations.bucket import Bucket
from tests.support.ground_truth import GroundTruth, collect, visible


def sha256(store: Store, name: str) -> str:
    """Return the SHA-256 of an object."""
    return hashlib.sha256(bytes(obstore.get(store, name).bytes())).hexdigest()


def names(store: Store) -> list[str]:
    """Return the names of all objects."""
    return sorted(meta["path"] for page in obstore.list(store) for meta in page)


@pytest.fixture(params=["memory", "local"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Return a store that keeps metadata, and one that keeps none."""
    return MemoryStore() if request.param == "memory" else LocalStore(tmp_path / "store", mkdir=True)


def url_of(store: Store) -> str:
    """Return the URL that stands for a store in these tests."""
    return "file:///store" if isinstance(store, LocalStore) else "memory:///store"


@pytest.mark.slow
async def test_a_batch_and_the_next(store: Store, client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """All packages become objects, the spool is empty afterwards, and a second run fetches nothing."""
    truth = {f"{package.workflow_id}/{package.job_id}.zip": await ground.truth(package) for package in ground.packages}
    for kind in (Downloaded, Skipped):
        target = ObjectStore(store, url_of(store))
        async with DownloadManager(client, target, spool=tmp_path / "spool") as manager:
            outcomes = await collect(manager.fetch_all(ground.packages))
        assert {type(outcome) for outcome in outcomes} == {kind}
        assert sorted(str(outcome.url) for outcome in outcomes) == sorted(f"{url_of(store)}/{name}" for name in truth)

    assert {name: sha256(store, name) for name in names(store)} == truth
    assert visible(tmp_path / "spool") == [] and list((tmp_path / "spool").rglob("*.part")) == []
    assert len(ground.begun()) == 2 * len(truth)


@pytest.mark.slow
async def test_s3(
    bucket: Bucket, client: PixxelClient, package: JobPackage, ground: GroundTruth, tmp_path: Path
) -> None:
    """A URL is enough for S3: credentials, endpoint and region come from the standard AWS variables."""
    async with DownloadManager(client, bucket.url("a/b"), spool=tmp_path) as manager:
        done = await manager.fetch(package, name_template="2026/{job_id}")
        again = await manager.fetch(package)

    assert bucket.objects() == {f"a/b/2026/{package.job_id}.zip": await ground.truth(package)}
    assert done.url == again.url == bucket.url(f"a/b/2026/{package.job_id}.zip")
    assert (done.fetched, again.fetched) == (True, False)
    head = bucket.s3.head_object(Bucket=bucket.name, Key=f"a/b/2026/{package.job_id}.zip")
    assert head["Metadata"]["sha256"] == done.sha256 and head["ContentType"] == "application/zip"


@pytest.mark.slow
async def test_a_foreign_object_is_left_alone(
    store: Store, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """An object that is not ours is not overwritten, except with on_existing="replace"."""
    name = f"{package.workflow_id}/{package.job_id}.zip"
    obstore.put(store, name, b"somebody's own")
    async with DownloadManager(client, ObjectStore(store, url_of(store)), spool=tmp_path / "spool") as manager:
        with pytest.raises(NameTaken, match=name):
            await manager.fetch(package)
        assert bytes(obstore.get(store, name).bytes()) == b"somebody's own"
        done = await manager.fetch(package, on_existing="replace")

    assert sha256(store, name) == done.sha256


@pytest.mark.slow
async def test_a_deleted_object_stays_done_or_is_redone(
    store: Store, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """A deleted object stays done; `on_missing="redo"` checks for it and fetches it again."""
    async with DownloadManager(client, ObjectStore(store, url_of(store)), spool=tmp_path / "spool") as manager:
        await manager.fetch(package)
        obstore.delete(store, names(store))
        assert not (await manager.fetch(package)).fetched
        assert (await manager.fetch(package, on_missing="redo")).fetched
        assert not (await manager.fetch(package, on_missing="redo")).fetched
    assert len(names(store)) == 1


@pytest.mark.slow
async def test_sums_and_verify(store: Store, client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """`SHA256SUMS` is an object without deleted packages, and verify_folder() reads objects to find damage."""
    gone, damaged, *rest = ground.packages
    name = f"{damaged.workflow_id}/{damaged.job_id}.zip"
    async with DownloadManager(client, ObjectStore(store, url_of(store)), spool=tmp_path / "spool") as manager:
        await collect(manager.fetch_all(ground.packages))
        obstore.delete(store, [f"{gone.workflow_id}/{gone.job_id}.zip"])
        await write_sums(manager.folder, manager.record, manager.destination)
        lines = bytes(obstore.get(store, "SHA256SUMS").bytes()).decode().splitlines()
        assert {line.split("  ")[1]: line.split("  ")[0] for line in lines} == {
            f"{package.workflow_id}/{package.job_id}.zip": await ground.truth(package) for package in (damaged, *rest)
        }

        whole = bytes(obstore.get(store, name).bytes())
        obstore.put(store, name, whole[:-1] + b"!")
        found = [each async for each in verify_folder(manager.folder, manager.record, manager.destination)]

    reasons = {str(each.url).removeprefix(url_of(store) + "/"): each.reason for each in found if not each.ok}
    assert reasons == {f"{gone.workflow_id}/{gone.job_id}.zip": "is gone", name: "its bytes have changed"}


@pytest.mark.slow
async def test_forget_deletes_the_object(
    store: Store, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """A forgotten package is fetched again; with `delete` its object is removed."""
    async with DownloadManager(client, ObjectStore(store, url_of(store)), spool=tmp_path / "spool") as manager:
        await manager.fetch(package)
        assert await manager.forget(package, delete=True)
        assert names(store) == []
        assert (await manager.fetch(package)).fetched


@pytest.mark.slow
@pytest.mark.parametrize("what", ["damaged", "gone"])
async def test_objects_are_recognised_after_a_lost_record(
    what: str, client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """After the record is lost, objects labelled with their digest are recognised and not fetched again."""
    store, spool = MemoryStore(), tmp_path / "spool"

    async def run() -> list[bool]:
        async with DownloadManager(client, ObjectStore(store, "memory:///store"), spool=spool) as manager:
            outcomes = await collect(manager.fetch_all(ground.packages))
            await write_sums(manager.folder, manager.record, manager.destination)
        return [outcome.fetched for outcome in outcomes if isinstance(outcome, Downloaded)]

    assert await run() == [True] * len(ground.packages)
    if what == "gone":
        shutil.rmtree(spool)
    else:
        (spool / ".pixxel" / "record.sqlite").write_bytes(b"not a database any more" * 500)
    assert await run() == [False] * len(ground.packages)

    assert len(ground.begun()) == len(ground.packages)


class Overtaken(ObjectStore):
    """A store where another process publishes the package between the record's lookup and this look."""

    def __init__(self, store: Store, url: str, meanwhile: Callable[[], Awaitable[object]]) -> None:
        super().__init__(store, url)
        self._meanwhile = [meanwhile]

    async def prepare_lookup(self, names: Sequence[str], *, sure: bool = True) -> LookUp:
        while self._meanwhile:
            await self._meanwhile.pop()()
        return await super().prepare_lookup(names, sure=sure)


@pytest.mark.slow
async def test_an_object_published_meanwhile_is_ours(
    store: Store, client: PixxelClient, package: JobPackage, ground: GroundTruth, tmp_path: Path
) -> None:
    """Q-01: an object published by another process during the lookup counts as ours, not as foreign."""
    url, spool = url_of(store), tmp_path / "spool"
    async with DownloadManager(client, ObjectStore(store, url), spool=spool) as faster:
        target = Overtaken(store, url, lambda: faster.fetch(package))
        async with DownloadManager(client, target, spool=spool) as manager:
            done = await manager.fetch(package, on_missing="redo")

    assert not done.fetched and len(ground.begun()) == 1
