"""Packages whose bytes the API itself serves: order reports and index pictures."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path
from typing import Any

import pytest

from pixxel_async import (
    APIError,
    ConfigError,
    ConnectionFailed,
    Corrupt,
    DownloadError,
    DownloadManager,
    IndexPicture,
    NotAPackage,
    NotFound,
    OrderReport,
    Package,
    PixxelClient,
    TooLarge,
)
from pixxel_async.events import Failed
from pixxel_async.sandbox import Fault, Sandbox
from pixxel_async.settings.constants import Constants
from tests.downloads.conftest import quick_settings
from tests.house.test_secrets import read, told_by
from tests.support.clients import KEY, client_for
from tests.support.ground_truth import collect, part_bytes, sha256, tuned, until, visible
from tests.support.raw_server import RawServer, answer

REPORT = OrderReport(tz="Asia/Kolkata", edition="2026-11-28")
KINDS = {"report": "reports.orders", "picture": "visualizations.png"}


def named(kind: str, sandbox: Sandbox) -> Package:
    """Return a package of this kind in the sandbox."""
    if kind == "report":
        return REPORT
    one = next(iter(sandbox.world.pictures.values()))
    return IndexPicture(
        aoi_id=one.area.id, visualization_id=one.id, index_id=one.index["id"], date=one.area.dates()[0], mode="dynamic"
    )


async def truth(package: Package, client: PixxelClient) -> bytes:
    """Return the same bytes by the plain call."""
    if isinstance(package, IndexPicture):
        return await client.visualizations.png(
            package.aoi_id, package.visualization_id,
            index_id=package.index_id, date=package.date, visualization_mode=package.mode,
        )  # fmt: skip
    return await client.reports.orders(tz=REPORT.tz)


@pytest.mark.parametrize("kind", KINDS)
async def test_fetched_proved_and_recorded(kind: str, sandbox: Sandbox, client: PixxelClient, tmp_path: Path) -> None:
    """One call fetches the bytes, which are proved and recorded; the package stays done, by its text too."""
    package = named(kind, sandbox)
    expected = await truth(package, client)
    before = sandbox.count(KINDS[kind])
    async with DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(package)
        again = await manager.fetch(str(package))
        row = await manager.record.get(str(package), tmp_path)
    assert done.path.read_bytes() == expected
    assert done.path.relative_to(tmp_path).as_posix() == {
        "report": "reports/Asia_Kolkata/2026-11-28.csv",
        "picture": "/".join(package.path) + ".png",
    }[kind]  # fmt: skip
    assert (done.proof, again.fetched, again.path) == ("crc" if kind == "picture" else "size", False, done.path)
    assert row is not None and (row.state, row.sha256) == ("done", sha256(done.path))
    assert sandbox.count(KINDS[kind]) == before + 1
    sandbox.assert_key_only_at_api()


async def test_each_edition_of_a_report_is_a_package(sandbox: Sandbox, client: PixxelClient, tmp_path: Path) -> None:
    """Reports of different days are different packages and files."""
    async with DownloadManager(client, tmp_path, name_template="{tz}-{edition}") as manager:
        await manager.fetch(OrderReport(edition="2026-11-28"))
        await manager.fetch("report:edition=2026-11-29")
    assert visible(tmp_path) == ["UTC-2026-11-28.csv", "UTC-2026-11-29.csv"]
    assert sandbox.count("reports.orders") == 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
async def test_sent_to_an_object_store(kind: str, sandbox: Sandbox, client: PixxelClient, tmp_path: Path) -> None:
    """Sent to an object store, such a package is proved first."""
    pytest.importorskip("obstore")
    package = named(kind, sandbox)
    async with DownloadManager(client, (tmp_path / "bucket").as_uri(), spool=tmp_path / "spool") as manager:
        done = await manager.fetch(package)
    assert done.url is not None and visible(tmp_path / "spool") == []
    assert (tmp_path / "bucket" / done.url.rpartition("bucket/")[2]).read_bytes() == await truth(package, client)


@pytest.mark.slow
@tuned(constants=Constants(stall_timeout=0.3))
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ["cut", "stall", "reset", "status", "gzip", "wrong-length"])
async def test_a_broken_body_restarts(
    kind: str, fault: Any, sandbox: Sandbox, client: PixxelClient, tmp_path: Path
) -> None:
    """A broken body is requested again from byte 0, and no two bodies are joined.

    An unrequested compression is undone; its length is not the file's.
    """
    package = named(kind, sandbox)
    expected = await truth(package, client)
    sandbox.inject(Fault(route=KINDS[kind], kind=fault, at=100, status=503))
    async with DownloadManager(client, tmp_path) as manager:
        outcome = await collect(manager.fetch_all([package]))
    assert outcome[0].path.read_bytes() == expected  # type: ignore[union-attr]
    assert all("range" not in seen.headers for seen in sandbox.requests if seen.operation == KINDS[kind])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", ["html", '{"code": "internal", "message": "no"}', "Service unavailable, try later"])
async def test_other_contents_are_refused(
    kind: str, body: str, sandbox: Sandbox, client: PixxelClient, tmp_path: Path
) -> None:
    """HTML, a JSON error or a sentence with status 200 is refused, and no file gets a final name."""
    package = named(kind, sandbox)
    said: Any = {"kind": "html"} if body == "html" else {"kind": "status", "status": 200, "body": body}
    sandbox.inject(Fault(route=KINDS[kind], times=None, **said))
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(NotAPackage):
            await manager.fetch(package)
    assert visible(tmp_path) == []


async def test_another_container_than_promised(sandbox: Sandbox, client: PixxelClient, tmp_path: Path) -> None:
    """A valid file of another container, and a picture with a flipped bit, are refused."""
    package = named("picture", sandbox)
    sandbox.inject(Fault(route="visualizations.png", kind="status", status=200, body="a,b\r\n1,2\r\n", times=2))
    sandbox.inject(Fault(route="visualizations.png", kind="corrupt", at=60, times=2, after=2))
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(NotAPackage, match="no png"):
            await manager.fetch(package)
        with pytest.raises(Corrupt):
            await manager.fetch(package)
    assert visible(tmp_path) == []


async def test_a_report_without_orders(sandbox: Sandbox, client: PixxelClient, tmp_path: Path) -> None:
    """A report with only a header line is valid."""
    sandbox.inject(Fault(route="reports.orders", kind="status", status=200, body="order_id,status,created_at\r\n"))
    async with DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(REPORT)
    assert len(list(csv.reader(done.path.read_text().splitlines()))) == 1


@pytest.mark.fault("G-08")
@pytest.mark.slow
async def test_bounds_and_refusals(sandbox: Sandbox, client: PixxelClient, tmp_path: Path) -> None:
    """max_package_bytes bounds an endless body; an unknown id fails its package alone."""
    found = named("picture", sandbox)
    assert isinstance(found, IndexPicture)
    lost = IndexPicture(
        aoi_id=found.aoi_id, visualization_id="none", index_id=found.index_id, date=found.date, mode=found.mode
    )
    sandbox.inject(Fault(route="reports.orders", kind="endless"))
    async with DownloadManager(client, tmp_path) as manager:
        outcomes = await collect(manager.fetch_all([REPORT, lost, found], max_package_bytes=500_000))
    failed = {outcome.package: outcome.error for outcome in outcomes if isinstance(outcome, Failed)}
    assert {package: type(error) for package, error in failed.items()} == {REPORT: TooLarge, lost: NotFound}
    assert part_bytes(tmp_path) < 2_000_000  # the bound is checked once per buffer
    assert len(visible(tmp_path)) == 1


@pytest.mark.fault("B-02")
@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
async def test_an_unreachable_api(kind: str, sandbox: Sandbox, client: PixxelClient, tmp_path: Path) -> None:
    """An unreachable API ends the fetch after the retries of one call; they are not multiplied."""
    package, most = named(kind, sandbox), client.settings.retry.max_attempts
    await client.projects.list()
    sandbox.inject(Fault(route=KINDS[kind], kind="reset", times=None))
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(ConnectionFailed):
            await manager.fetch(package)
    assert sandbox.count(KINDS[kind]) == most
    with pytest.raises(ConnectionFailed):
        await client.packages.open(package)
    assert sandbox.count(KINDS[kind]) == 2 * most


async def test_through_a_backend(sandbox: Sandbox, client: PixxelClient) -> None:
    """open() passes such a package through completely; link() and resuming are refused with a reason."""
    package = named("picture", sandbox)
    async with client.packages.open(package, range="bytes=5-9") as stream:
        body = b"".join([chunk async for chunk in stream])
    assert (stream.status, body) == (200, await truth(package, client))
    assert stream.headers["Content-Type"] == "image/png"
    assert (await client.packages.wait(package)).ready
    with pytest.raises(ConfigError, match="has no signed link"):
        await client.packages.link(package)
    sandbox.inject(Fault(route="visualizations.png", kind="cut", at=100))
    with pytest.raises(DownloadError, match="cannot be resumed"):
        await client.packages.open(package)


async def test_a_large_report_is_streamed(sandbox: Sandbox, tmp_path: Path) -> None:
    """A report larger than `http.max_response_bytes` is streamed to the file."""
    settings = quick_settings(sandbox).with_values(**{"http.max_response_bytes": 1024})
    sandbox.inject(Fault(route="reports.orders", kind="status", status=200, body="a,b\r\n" + "1,2\r\n" * 100_000))
    async with PixxelClient(settings=settings) as client, DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(REPORT)
    assert done.size == 500_005


@pytest.mark.slow
async def test_a_body_in_progress_holds_no_call(sandbox: Sandbox) -> None:
    """A body in progress does not occupy one of max_concurrent_calls."""
    settings = quick_settings(sandbox).with_values(**{"http.max_concurrent_calls": 1})
    sandbox.inject(Fault(route="reports.orders", kind="endless"))
    async with PixxelClient(settings=settings) as client, client.packages.open(REPORT) as stream:
        await anext(stream)
        assert await asyncio.wait_for(client.projects.list(), 10)


@pytest.mark.slow
async def test_cancelled_during_a_body(sandbox: Sandbox, client: PixxelClient, tmp_path: Path) -> None:
    """Cancellation takes effect at once, and the next run restarts."""
    sandbox.inject(Fault(route="reports.orders", kind="stall", at=100))
    async with DownloadManager(client, tmp_path) as manager:
        fetching = asyncio.create_task(manager.fetch(REPORT))
        await until(lambda: sandbox.count("reports.orders"))
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching
        assert visible(tmp_path) == []
        assert (await manager.fetch(REPORT)).path.read_bytes() == await truth(REPORT, client)


@pytest.mark.slow
@pytest.mark.parametrize("body", [b"no such key: KEY", b'{"error": "KEY"}', b"<html><p>KEY"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_response_that_echoes_the_key(kind: str, body: bytes, sandbox: Sandbox, tmp_path: Path) -> None:
    """T-17: a body that echoes the key leaves it in no error and not in the record."""
    package = named(kind, sandbox)
    async with (
        RawServer(answer(200, body.replace(b"KEY", KEY.encode()))) as server,
        PixxelClient(KEY, base_url=server.url) as client,
        DownloadManager(client, tmp_path) as manager,
    ):
        for way in (manager.fetch(package), client.packages.open(package).open()):
            with pytest.raises(NotAPackage) as caught:
                await way
            assert not [text for text in told_by(caught.value) if KEY in text]
        assert [path.name for path, held in read(tmp_path).items() if KEY.encode() in held] == []


@pytest.mark.parametrize("body", [b"<html>portal</html>", b'{"error": {"code": 1}}', b"\xef\xbb\xbf \n[]"])
async def test_the_client_refuses_html_and_json(body: bytes) -> None:
    """`reports.orders` and `visualizations.png` refuse HTML and JSON, and raise error bodies."""
    refusal = APIError if b"error" in body else NotAPackage
    async with RawServer(answer(200, body), answer(200, body)) as server, client_for(server.url) as client:
        with pytest.raises(refusal, match=r"reports"):
            await client.reports.orders()
        with pytest.raises(refusal, match=r"visualizations"):
            await client.visualizations.png("a", "v", index_id="i", date="2024_05_06", visualization_mode="dynamic")


async def test_a_report_without_rows_is_returned() -> None:
    """`reports.orders` returns a report with only a header line."""
    async with RawServer(answer(200, b"order_id\n")) as server, client_for(server.url) as client:
        assert await client.reports.orders() == b"order_id\n"
