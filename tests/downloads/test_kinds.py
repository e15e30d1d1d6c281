"""Packages of every kind, from request to proved file, over real sockets and in both profiles."""

from __future__ import annotations

import asyncio
import hashlib
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pixxel_async import (
    AssetPackage,
    CatalogPackage,
    DownloadManager,
    InsightPackage,
    JobPackage,
    LinkExpired,
    Package,
    PackageFailed,
    PixxelClient,
    SignedLink,
    TaskPackage,
)
from pixxel_async.events import Downloaded, Failed
from pixxel_async.sandbox import Fault, Sandbox
from pixxel_async.waiting import verdict
from tests.downloads.conftest import quick_settings
from tests.support.ground_truth import collect, part_bytes, sha256, until, visible
from tests.support.system import RUN_MODULE

KINDS = ["job", "task", "insight", "parts", "asset", "assets", "catalog", "items"]
BY_ID = ["asset", "assets", "catalog", "items"]
POSTS = {"asset": "assets", "assets": "assets", "catalog": "catalogs", "items": "catalogs"}


@pytest.fixture(params=["literal", "realistic"])
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    async with Sandbox(packing=0.05, package_size=600_000, profile=request.param) as started:
        yield started


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[PixxelClient]:
    async with PixxelClient(settings=quick_settings(sandbox)) as opened:
        yield opened


async def named(kind: str, sandbox: Sandbox, client: PixxelClient) -> Package:
    """Return a package of this kind in the sandbox."""
    if kind in ("job", "task"):
        flow: Any = (await client.workflows.list())[0]
        job: Any = await client.jobs.get(flow.id, (await client.jobs.list(flow.id, status="completed"))[0].id)
        ids: dict[str, Any] = {"workflow_id": flow.id, "job_id": job.id}
        return JobPackage(**ids) if kind == "job" else TaskPackage(**ids, task_id=(job.tasks or [])[0].id)
    if kind in ("insight", "parts"):
        rows = [row async for aoi in client.aois.list() async for row in client.insights.list(str(aoi.aoi_id))]
        row = next(row for row in rows if verdict(row.status) == "good")
        outputs = [sandbox.world.insights[str(row.id)].block.outputs[0].name] if kind == "parts" else ()
        return InsightPackage(aoi_id=str(row.aoi_id), insight_id=str(row.id), outputs=outputs)
    if kind in ("asset", "assets"):
        aoi: Any = next(iter(await client.aois.list()))
        ready = [str(row.id) async for row in client.assets.list(aoi.aoi_id) if row.status == "success"]
        return AssetPackage(aoi_id=aoi.aoi_id, asset_ids=ready[: 1 if kind == "asset" else 2])
    if kind == "catalog":
        return CatalogPackage(catalog_ids=[str(row.id) for row in await client.catalogs.search(limit=2)])
    return CatalogPackage(order_item_ids=[(await bought(client)).id])


async def bought(client: PixxelClient) -> Any:
    """Return an order item with imagery."""
    tasks = {row.task_id async for row in client.catalogs.search()}
    async for row in client.order_items.list():
        whole = await client.order_items.get(str(row.id))
        if any(task.id in tasks for task in whole.tasks or ()):
            return whole
    raise AssertionError("nothing was bought")


async def truth(client: PixxelClient, package: Package) -> str:
    """Return the digest of what the link leads to, by a plain read."""
    digest = hashlib.sha256()
    async with client.storage.get((await client.packages.link(package)).url) as reply:
        async for chunk in reply.chunks():
            digest.update(chunk)
    return digest.hexdigest()


@pytest.mark.parametrize("kind", KINDS)
async def test_ask_wait_link_fetch(kind: str, sandbox: Sandbox, client: PixxelClient, tmp_path: Path) -> None:
    """A package of any kind is requested, waited for, linked and fetched to a proved file."""
    package = await named(kind, sandbox, client)
    assert not (await client.packages.ask(package)).ready
    assert (await client.packages.wait(package)).ready
    expected = await truth(client, package)
    async with DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(package)
        again = await manager.fetch(str(package))
    assert (done.proof, done.sha256, sha256(done.path), bool(done.members)) == ("crc", expected, expected, True)
    assert (again.fetched, again.path) == (False, done.path)
    assert done.path.relative_to(tmp_path).with_suffix("").as_posix() == "/".join(package.path)
    sandbox.assert_key_only_at_api()


@pytest.mark.slow
@pytest.mark.parametrize("kind", BY_ID)
async def test_waiting_posts_once(kind: str, sandbox: Sandbox, client: PixxelClient) -> None:
    """A download begun by POST is polled by its id in ask(), wait() and link()."""
    package = await named(kind, sandbox, client)
    await client.packages.ask(package)
    await client.packages.wait(package)
    await client.packages.link(package, fresh=True)
    assert sandbox.count(f"{POSTS[kind]}.request_download") == 1
    assert sandbox.count(f"{POSTS[kind]}.get_download") >= 2


@pytest.mark.parametrize("kind", ["asset", "catalog"])
async def test_a_package_may_be_ready_at_once(kind: str, tmp_path: Path) -> None:
    """A POST answered with a link needs no GET."""
    async with Sandbox(packing=0) as prompt, PixxelClient(settings=quick_settings(prompt)) as client:
        async with DownloadManager(client, tmp_path) as manager:
            assert (await manager.fetch(await named(kind, prompt, client))).fetched
        assert prompt.count(f"{POSTS[kind]}.get_download") == 0


async def start(sandbox: Sandbox, folder: Path, package: Package) -> Process:
    """Start an export in a process of its own."""
    command = [sandbox.url, sandbox.api_key, str(folder), str(package)]
    return await asyncio.create_subprocess_exec(
        *RUN_MODULE, "tests.downloads.programs.export", *command, stdout=PIPE, stderr=STDOUT
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["insight", "assets", "items"])
async def test_killed_and_continued(kind: str, sandbox: Sandbox, client: PixxelClient, tmp_path: Path) -> None:
    """The next run resumes a killed one's bytes, and does not repeat a POST whose id was recorded."""
    package = await named(kind, sandbox, client)
    sandbox.inject(Fault(route="storage", kind="stall", at=300_000))
    process = await start(sandbox, tmp_path, package)
    await until(lambda: part_bytes(tmp_path) or process.returncode is not None)
    process.kill()
    await process.communicate()
    kept, posts = part_bytes(tmp_path), sandbox.count(f"{POSTS.get(kind, '')}.request_download")

    async with DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(package)

    last = [seen.headers.get("range", "") for seen in sandbox.requests if seen.host == "storage"][-1]
    assert kept and last == f"bytes={kept}-"
    assert sha256(done.path) == done.sha256
    assert sandbox.count(f"{POSTS.get(kind, '')}.request_download") == posts


@pytest.mark.slow
async def test_a_run_that_ended_while_packing_is_polled_by_the_next(
    sandbox: Sandbox, client: PixxelClient, tmp_path: Path
) -> None:
    """The id of a download that was not ready in time is recorded, and the next run polls it."""
    sandbox.world.packing.seconds = 1.0
    package = await named("assets", sandbox, client)
    async with DownloadManager(client, tmp_path) as manager:
        (late,) = await collect(manager.fetch_all([package], timeout=0.2))
        assert isinstance(late, Failed)
        row = await manager.record.get(str(package), tmp_path)
    assert row is not None and row.download_id
    async with DownloadManager(client.with_key(sandbox.api_key), tmp_path) as manager:
        assert (await manager.fetch(package)).fetched
    assert sandbox.count("assets.request_download") == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["asset", "items"])
async def test_a_download_that_is_gone_is_requested_again(
    kind: str, sandbox: Sandbox, client: PixxelClient, tmp_path: Path
) -> None:
    """A recorded id that the service no longer knows leads to a new POST, and the new id is recorded."""
    package = await named(kind, sandbox, client)
    async with DownloadManager(client, tmp_path) as manager:
        await manager.record.save(str(package), tmp_path, download_id="long-gone")
        done = await manager.fetch(package)
        row = await manager.record.get(str(package), tmp_path)
    assert done.fetched and row is not None and row.download_id not in (None, "long-gone")
    assert sandbox.count(f"{POSTS[kind]}.request_download") == 1


@pytest.mark.slow
@pytest.mark.parametrize("lost", [3, 4])
async def test_a_lost_response_to_a_post_is_repeated(
    lost: int, sandbox: Sandbox, client: PixxelClient, tmp_path: Path
) -> None:
    """A package request by POST whose response is lost is repeated up to three times."""
    package = await named("assets", sandbox, client)
    sandbox.inject(Fault(route="assets.request_download", kind="reset", times=lost))
    async with DownloadManager(client, tmp_path) as manager:
        (outcome,) = await collect(manager.fetch_all([package]))
    assert isinstance(outcome, Downloaded if lost == 3 else Failed)
    assert sandbox.count("assets.request_download") == 4


@pytest.mark.slow
async def test_a_failed_download_is_requested_again(sandbox: Sandbox, client: PixxelClient, tmp_path: Path) -> None:
    """The id of a failed download is dropped, so that the next run requests it again."""
    package = await named("catalog", sandbox, client)
    state = await client.packages.ask(package)
    sandbox.world.packing.failing.add(state.download_id)
    async with DownloadManager(client, tmp_path) as manager:
        await manager.record.save(str(package), tmp_path, download_id=state.download_id)
        with pytest.raises(PackageFailed):
            await manager.fetch(package)
        assert (await manager.fetch(package)).fetched


@pytest.mark.slow
async def test_a_download_with_refused_links_is_requested_again(
    sandbox: Sandbox, client: PixxelClient, tmp_path: Path
) -> None:
    """If the storage refuses every link of a download, the next run requests it by a new POST."""
    package = await named("assets", sandbox, client)
    sandbox.inject(Fault(route="storage", kind="status", status=403, times=4))
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(LinkExpired):
            await manager.fetch(package)
    assert sandbox.count("assets.request_download") == 1
    async with DownloadManager(client, tmp_path) as manager:
        assert (await manager.fetch(package)).fetched
    assert sandbox.count("assets.request_download") == 2


@pytest.mark.slow
async def test_rows_of_listings_are_fetched(client: PixxelClient, tmp_path: Path) -> None:
    """Rows of insights, assets, catalog and order items are packages, also in one batch."""
    aoi: Any = next(iter(await client.aois.list()))
    rows: list[Any] = [row async for row in client.assets.list(aoi.aoi_id) if row.status == "success"][:2]
    rows += [*(await client.catalogs.search(limit=1)), await bought(client)]
    async with DownloadManager(client, tmp_path) as manager:
        outcomes = await collect(manager.fetch_all(rows))
    assert {type(outcome) for outcome in outcomes} == {Downloaded}
    assert len(visible(tmp_path)) == len(rows) == 4


@pytest.mark.slow
async def test_a_signed_link_is_fetched(sandbox: Sandbox, client: PixxelClient, tmp_path: Path) -> None:
    """A signed link is fetched without an API request, and recognised under a new signature."""
    ready = await client.packages.wait(await named("job", sandbox, client))
    assert ready.link is not None
    asked = sandbox.count("jobs.request_download")
    async with DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(SignedLink(url=ready.link.url, name="mine/one"))
        link = await client.packages.link(ready.package, fresh=True)
        again = await manager.fetch(SignedLink(url=link.url, name="mine/one"))
        rows = [row async for row in manager.record.rows(tmp_path)]
    assert (visible(tmp_path), done.proof, again.fetched) == (["mine/one.zip"], "crc", False)
    assert sandbox.count("jobs.request_download") == asked + 1
    secret = ready.link.url.rpartition("=")[2]
    assert secret not in repr(rows) and secret not in repr(done)
    assert secret.encode() not in b"".join(path.read_bytes() for path in (tmp_path / ".pixxel").iterdir())


@pytest.mark.slow
async def test_an_expired_signed_link(sandbox: Sandbox, client: PixxelClient, tmp_path: Path) -> None:
    """An expired signed link raises LinkExpired without quoting the link."""
    sandbox.world.packing.link_life = -100.0
    ready = await client.packages.wait(await named("job", sandbox, client))
    assert ready.link is not None
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(LinkExpired) as caught:
            await manager.fetch(SignedLink(url=ready.link.url, name="old"))
    assert ready.link.url.rpartition("=")[2] not in str(caught.value)
