"""The example backends with browsers that read, send ranges, reconnect and hang up."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from zipfile import ZipFile

import aiohttp
import pytest
from yarl import URL

from pixxel_async.sandbox import Fault, Sandbox
from tests.support.ground_truth import until

pytestmark = pytest.mark.slow

SIZE = 64 << 20


def job(sandbox: Sandbox, *, packing: float | None = None, seconds: float = 0.0) -> str:
    """Add a job and return the path of its pages."""
    added = sandbox.add_job(packing=packing, seconds=seconds)
    return f"/jobs/{added.workflow_id}/{added.id}"


def at_storage(sandbox: Sandbox) -> list[tuple[str, int]]:
    """Return Range header and sent bytes of each storage request."""
    return [(seen.headers.get("range", ""), seen.sent) for seen in sandbox.requests if seen.host == "storage"]


def connections(sandbox: Sandbox) -> int:
    """Return the number of open connections to the storage."""
    server = sandbox._runners["storage"].server
    assert server is not None
    return len(server.connections)


def files(folder: Path) -> list[Path]:
    """Return all files of the folder except the record's."""
    return [path for path in folder.rglob("*") if path.is_file() and ".pixxel" not in path.parts]


async def read_events(answer: aiohttp.ClientResponse) -> AsyncIterator[dict[str, object]]:
    """Yield the data of server-sent events."""
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    async for line in answer.content:
        if line.startswith(b"data: "):
            yield json.loads(line[6:])


async def test_a_package(browser: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    """A package is 202 with Retry-After while packing, then the complete archive; HEAD needs no further API call."""
    path = f"{job(sandbox, packing=30)}/package"
    async with browser.get(path) as packing:
        assert (packing.status, int(packing.headers["Retry-After"]) > 0) == (202, True)
    await sandbox.advance(31)

    async with browser.get(path) as ready:
        assert (ready.status, ready.headers["Content-Length"]) == (200, str(SIZE))
        assert ready.headers["Content-Disposition"] == f'attachment; filename="{path.split("/")[3]}.zip"'
        archive = ZipFile(io.BytesIO(await ready.read()))
    assert archive.namelist()
    async with browser.head(path) as head:
        assert (head.status, head.headers["Content-Length"], await head.read()) == (200, str(SIZE), b"")

    assert sandbox.count("jobs.request_download") == 2
    sandbox.assert_key_only_at_api()


async def test_resuming(browser: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    """A reconnecting browser resumes by Range and If-Range; an unchanged archive is 304 and a range beyond it 416."""
    path = f"{job(sandbox)}/package"
    async with browser.get(path) as first:
        etag, begun = first.headers["ETag"], await first.content.readexactly(1000)
        first.close()
    async with browser.get(path, headers={"Range": "bytes=1000-1999", "If-Range": etag}) as rest:
        assert (rest.status, rest.headers["Content-Range"]) == (206, f"bytes 1000-1999/{SIZE}")
        begun += await rest.read()
    async with browser.get(path, headers={"Range": "bytes=0-1999"}) as both:
        assert await both.read() == begun
    async with browser.get(path, headers={"If-None-Match": etag}) as same:
        assert (same.status, same.headers["ETag"], await same.read()) == (304, etag, b"")
    async with browser.get(path, headers={"Range": f"bytes={SIZE}-"}) as beyond:
        assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{SIZE}")

    assert sandbox.count("jobs.request_download") == 1


@pytest.mark.parametrize("kind", ["latency", "stall"])
async def test_hanging_up(browser: aiohttp.ClientSession, sandbox: Sandbox, kind: str) -> None:
    """When the browser disconnects, the storage connection is closed at once, even while the storage is silent."""
    sandbox.inject(Fault(route="storage", kind=kind, at=5_000_000))  # type: ignore[arg-type]
    answer = await browser.get(f"{job(sandbox)}/package")
    await answer.content.readexactly(1_000_000)
    assert connections(sandbox) == 1

    answer.close()
    await until(lambda: not connections(sandbox))

    ((_, sent),) = at_storage(sandbox)
    assert sent < SIZE


@pytest.mark.slow
async def test_a_cut_that_cannot_be_resumed(browser: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    """A body that cannot be resumed breaks the browser's connection instead of ending it normally."""
    sandbox.inject(Fault(route="storage", kind="cut", at=1_000_000))
    sandbox.inject(Fault(route="storage", kind="etag", after=1, times=None))
    async with browser.get(f"{job(sandbox)}/package") as answer:
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


@pytest.mark.slow
async def test_a_redirect(browser: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    """/link is a 307 to the signed link, not cached, and the bytes come from the storage."""
    async with browser.get(f"{job(sandbox)}/link", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Cache-Control"]) == (307, "no-store")
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        link = answer.headers["Location"]
    async with aiohttp.ClientSession() as elsewhere, elsewhere.get(link) as followed:
        assert (followed.status, followed.content_length) == (200, SIZE)
    assert link.startswith(sandbox.storage_url)


async def test_progress(browser: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    """The event stream ends with `ready`; a client that reconnects gets the current state first."""
    path = f"{job(sandbox, packing=30)}/events"
    async with browser.get(path) as answer:
        assert await anext(read_events(answer))
        answer.close()
    async with asyncio.timeout(30), browser.get(path) as answer:
        states = [each["state"] async for each in read_events(answer)]
    assert (states[-1], "packing" in states) == ("ready", True)
    async with asyncio.timeout(30), browser.get(path) as answer:
        assert [each["state"] async for each in read_events(answer)][-1] == "ready"


@pytest.mark.slow
async def test_types_are_not_guessed(browser: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    """Every response has one X-Content-Type-Options: nosniff header."""
    path = job(sandbox)
    for what in ("", "/package", "/link", "/events", "/none"):
        async with browser.get(path + what, allow_redirects=False) as answer:
            assert answer.headers.getall("X-Content-Type-Options") == ["nosniff"]


@pytest.mark.slow
async def test_a_package_that_fails(browser: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    """The last event of a failed package has the reason."""
    sandbox.inject(Fault(route="jobs.request_download", kind="status", status=400, times=None))
    async with asyncio.timeout(30), browser.get(f"{job(sandbox)}/events") as answer:
        last = [each async for each in read_events(answer)][-1]
    assert (last["state"], str(last["why"])[:3]) == ("failed", "400")


@pytest.mark.parametrize(
    ("status", "then"), [(404, 404), (429, 503), (500, 502)], ids=["unknown", "too much", "at fault"]
)
async def test_error_statuses(browser: aiohttp.ClientSession, sandbox: Sandbox, status: int, then: int) -> None:
    """Unknown jobs are 404, rate limits 503 with Retry-After, other failures 502; no response holds a key."""
    headers = {"Retry-After": "600"} if status == 429 else {}
    sandbox.inject(Fault(route="jobs.request_download", kind="status", status=status, headers=headers, times=None))
    for what in ("package", "link"):
        async with browser.get(f"{job(sandbox)}/{what}") as answer:
            assert (answer.status, answer.headers.get("Retry-After")) == (then, "600" if headers else None)
            assert sandbox.api_key not in await answer.text()


@pytest.mark.parametrize(
    "name", ["..", "..%2F..%2Fetc%2Fpasswd", "a%2Fb%3Fc%23d", "%00", "%0D%0AX: y", "caf%C3%A9", "%"]
)
async def test_names_from_an_address(
    browser: aiohttp.ClientSession, origin: str, sandbox: Sandbox, tmp_path: Path, name: str
) -> None:
    """Any text in the address is treated as an unknown id: no other call is made and nothing is written."""
    for what in ("package", "link", "file"):
        url = URL(f"{origin}/jobs/{name}/{name}/{what}", encoded=True)
        async with browser.get(url) as answer:
            assert answer.status in (400, 404)
            assert "X" not in answer.headers
            assert str(tmp_path) not in await answer.text()
            assert answer.status == 400 or answer.headers["X-Content-Type-Options"] == "nosniff"
    assert {seen.operation for seen in sandbox.requests} <= {"jobs.request_download", "projects.list"}
    assert not files(tmp_path)
