"""Packages passed through over real sockets: forwarded headers, resumed cuts, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import re
import weakref
from collections.abc import AsyncIterator
from contextlib import aclosing

import anyio
import pytest

from pixxel_async import PackageStream, PixxelClient, SignedLink
from pixxel_async.errors import (
    ConfigError,
    DownloadError,
    LinkExpired,
    NotAPackage,
    PackageTimedOut,
    TimedOut,
    TooLarge,
)
from pixxel_async.sandbox import Clock, Fault, Sandbox
from pixxel_async.sandbox.http.site import SeenRequest
from pixxel_async.settings import Timing
from tests.support.raw_server import RawServer, Step

SIZE = 3 << 20


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(packing=0, package_size=SIZE, clock=Clock(running=False)) as started:
        yield started


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[PixxelClient]:
    async with PixxelClient(
        sandbox.api_key, base_url=sandbox.url, timing=Timing(clock=sandbox.clock.now, sleep=sandbox.sleep)
    ) as opened:
        yield opened
    await asyncio.sleep(0.01)
    assert not left_behind()


def left_behind() -> list[str]:
    """Return the running tasks except this one and the sandbox's."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    return [text for task in tasks if "sandbox" not in (text := repr(task)) and "web_protocol" not in text]


@pytest.fixture
def package(sandbox: Sandbox) -> str:
    job = sandbox.add_job()
    return f"job:{job.workflow_id}/{job.id}"


@pytest.fixture
async def whole(client: PixxelClient, sandbox: Sandbox, package: str) -> bytes:
    """Return the package's bytes as the storage has them."""
    link = await client.packages.link(package)
    async with client.storage.get(link.url) as reply:
        return b"".join([chunk async for chunk in reply.chunks()])


async def read(stream: PackageStream) -> bytes:
    async with stream:
        return b"".join([chunk async for chunk in stream])


def at_storage(sandbox: Sandbox) -> list[SeenRequest]:
    return [seen for seen in sandbox.requests if seen.host == "storage"]


async def test_the_whole_package(client: PixxelClient, package: str, whole: bytes, sandbox: Sandbox) -> None:
    """Status and headers are known before the body, which equals the storage's, after one request for the package."""
    async with client.packages.open(package) as stream:
        assert stream.status == 200
        etag = stream.headers.pop("ETag")
        assert re.fullmatch(r'"[0-9a-f]+"', etag)
        assert stream.headers.pop("Last-Modified").endswith(" GMT")
        assert stream.headers == {
            "Content-Length": str(SIZE),
            "Accept-Ranges": "bytes",
            "Content-Type": "application/zip",
            "Content-Disposition": f'attachment; filename="{package.rpartition("/")[2]}.zip"',
            "Cache-Control": "private, no-cache",
            "X-Content-Type-Options": "nosniff",
        }
        assert b"".join([chunk async for chunk in stream]) == whole
        assert [chunk async for chunk in stream] == []
    assert sandbox.count("jobs.request_download") == 1
    sandbox.assert_key_only_at_api()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("asked", "first", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=1000-", 1000, SIZE),
        ("bytes=-7", SIZE - 7, SIZE),
        ("Bytes= 5-99999999 ", 5, SIZE),
    ],
)
async def test_a_range(client: PixxelClient, package: str, whole: bytes, asked: str, first: int, stop: int) -> None:
    """A single range is forwarded in each of its forms, and so is the response."""
    async with client.packages.open(package, range=asked) as stream:
        assert stream.status == 206
        assert stream.headers["Content-Range"] == f"bytes {first}-{stop - 1}/{SIZE}"
        assert stream.headers["Content-Length"] == str(stop - first)
        assert b"".join([chunk async for chunk in stream]) == whole[first:stop]


@pytest.mark.slow
@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=9-2", "lines=1-2", "bytes=a-b", "bytes=-", ""])
async def test_an_invalid_range_gets_the_whole(client: PixxelClient, package: str, asked: str) -> None:
    """Several ranges, other units and invalid ones are answered with the whole, as RFC 9110 allows."""
    async with client.packages.open(package, range=asked) as stream:
        assert (stream.status, stream.headers["Content-Length"]) == (200, str(SIZE))


async def test_a_range_beyond_the_end(client: PixxelClient, package: str, whole: bytes) -> None:
    """A 416 is forwarded with the length and without the storage's body."""
    async with client.packages.open(package, range=f"bytes={SIZE}-") as stream:
        assert (stream.status, stream.headers["Content-Range"]) == (416, f"bytes */{SIZE}")
        assert (stream.headers["Content-Length"], [chunk async for chunk in stream]) == ("0", [])


async def test_validators(client: PixxelClient, package: str, whole: bytes) -> None:
    """If-None-Match gives 304 without a body; If-Range gives the part of the same version, or else the whole."""
    async with client.packages.open(package, range="bytes=0-0") as stream:
        etag = stream.headers["ETag"]
    async with client.packages.open(package, if_none_match=f'"other", {etag}') as stream:
        assert (stream.status, stream.headers["ETag"]) == (304, etag)
        assert "Content-Length" not in stream.headers
        assert [chunk async for chunk in stream] == []
    assert await read(client.packages.open(package, range="bytes=9-", if_range=etag)) == whole[9:]
    assert await read(client.packages.open(package, range="bytes=9-", if_range='"other"')) == whole
    assert await read(client.packages.open(package, range="bytes=9-", if_range="caf\u00e9\r\n")) == whole


async def test_head(client: PixxelClient, package: str, sandbox: Sandbox) -> None:
    """HEAD, which signed links refuse, is answered by a one-byte range; its Range header is ignored."""
    async with client.packages.open(package, method="HEAD", range="bytes=5-9") as stream:
        assert (stream.status, stream.headers["Content-Length"]) == (200, str(SIZE))
        assert "Content-Range" not in stream.headers
        assert stream.headers["Accept-Ranges"] == "bytes"
        assert [chunk async for chunk in stream] == []
    assert [(seen.method, seen.sent) for seen in at_storage(sandbox)] == [("GET", 1)]


async def test_head_without_ranges(package: str) -> None:
    """For HEAD on a storage without ranges only a little of the full response is read."""
    async with (
        Sandbox(packing=0, package_size=64 << 20, profile={"ranges": False}) as sandbox,
        PixxelClient(sandbox.api_key, base_url=sandbox.url) as client,
        client.packages.open(package_of(sandbox), method="HEAD") as stream,
    ):
        assert (stream.status, stream.headers["Content-Length"]) == (200, str(64 << 20))
        assert "Accept-Ranges" not in stream.headers
        await asyncio.sleep(0.1)
        assert at_storage(sandbox)[0].sent < 32 << 20


def package_of(sandbox: Sandbox) -> str:
    job = sandbox.add_job()
    return f"job:{job.workflow_id}/{job.id}"


@pytest.mark.slow
async def test_a_hundred_ranges_share_one_link(
    client: PixxelClient, package: str, whole: bytes, sandbox: Sandbox
) -> None:
    """Ranges, sequential or concurrent, share one cached link."""
    for at in range(50):
        assert await read(client.packages.open(package, range=f"bytes={at}-{at}")) == whole[at : at + 1]
    parts = [client.packages.open(package, range=f"bytes={at}-{at + 9}") for at in range(50)]
    assert await asyncio.gather(*map(read, parts)) == [whole[at : at + 10] for at in range(50)]
    assert sandbox.count("jobs.request_download") == 1
    await sandbox.advance(seconds=541)
    await read(client.packages.open(package, range="bytes=0-0"))
    assert sandbox.count("jobs.request_download") == 2


@pytest.mark.slow
async def test_the_first_hundred_share_one_ask(client: PixxelClient, package: str, sandbox: Sandbox) -> None:
    """Ranges opened concurrently without a cached link share one request."""
    await asyncio.gather(*(read(client.packages.open(package, range="bytes=0-0")) for _ in range(100)))
    assert sandbox.count("jobs.request_download") == 1


async def test_short_links_are_kept_too(package: str) -> None:
    """A link that lives shorter than the margin is cached for half its life."""
    async with (
        Sandbox(packing=0, link_life=30, clock=Clock(running=False)) as sandbox,
        PixxelClient(sandbox.api_key, base_url=sandbox.url, timing=Timing(clock=sandbox.clock.now)) as client,
    ):
        package = package_of(sandbox)
        for seconds, asks in ((0, 1), (14, 1), (2, 2)):
            await sandbox.advance(seconds=seconds)
            for _ in range(5):
                await read(client.packages.open(package, range="bytes=0-0"))
            assert sandbox.count("jobs.request_download") == asks


@pytest.mark.slow
@pytest.mark.parametrize("asked", [None, "bytes=100000-2999999", "bytes=-2500000"])
async def test_a_cut_is_resumed(
    client: PixxelClient, package: str, whole: bytes, sandbox: Sandbox, asked: str | None
) -> None:
    """A body that is cut twice is resumed by ranges of the same version, and the reader gets all bytes."""
    before = len(at_storage(sandbox))
    sandbox.inject(Fault(route="storage", kind="cut", at=700_000, times=2))
    sandbox.inject(Fault(route="storage", kind="reset", after=1))
    async with client.packages.open(package, range=asked) as stream:
        etag, length = stream.headers["ETag"], int(stream.headers["Content-Length"])
        body = b"".join([chunk async for chunk in stream])
    assert len(body) == length and body in whole
    more = at_storage(sandbox)[before + 1 :]
    assert len(more) >= 2 and {seen.headers["if-range"] for seen in more} == {etag}
    assert sum(seen.sent for seen in at_storage(sandbox)[before:]) < length + SIZE // 2


async def test_a_cut_without_a_strong_validator_raises(package: str) -> None:
    """A cut body without a strong ETag raises, since nothing identifies the rest."""
    async with (
        Sandbox(packing=0, package_size=SIZE, profile={"etag": "weak"}) as sandbox,
        PixxelClient(sandbox.api_key, base_url=sandbox.url) as client,
    ):
        sandbox.inject(Fault(route="storage", kind="cut", at=700_000))
        with pytest.raises(DownloadError, match="without a strong ETag it cannot be resumed"):
            await read(client.packages.open(package_of(sandbox)))
        assert len(at_storage(sandbox)) == 1


async def test_another_version_is_not_joined(client: PixxelClient, package: str, sandbox: Sandbox) -> None:
    """A package that changed before the resume raises."""
    sandbox.inject(Fault(route="storage", kind="cut", at=700_000))
    sandbox.inject(Fault(route="storage", kind="etag", after=1, times=None))
    with pytest.raises(DownloadError, match="does not have that version any more") as caught:
        await read(client.packages.open(package))
    assert caught.value.package == package and caught.value.retryable


async def test_a_resume_without_ranges_raises(client: PixxelClient, package: str, sandbox: Sandbox) -> None:
    """A storage that answers the resume with the whole raises."""
    sandbox.inject(Fault(route="storage", kind="cut", at=700_000))
    sandbox.inject(Fault(route="storage", kind="no-range", after=1, times=None))
    with pytest.raises(DownloadError, match="does not have that version"):
        await read(client.packages.open(package))


@pytest.mark.slow
async def test_a_wrong_range_is_requested_again(
    client: PixxelClient, package: str, whole: bytes, sandbox: Sandbox
) -> None:
    """A response for another range is requested again and never forwarded."""
    sandbox.inject(Fault(route="storage", kind="wrong-range"))
    assert await read(client.packages.open(package, range="bytes=10-19")) == whole[10:20]
    sandbox.inject(Fault(route="storage", kind="wrong-range", times=None))
    with pytest.raises(DownloadError, match="8 attempts without progress"):
        await client.packages.open(package, range="bytes=10-19")


async def test_a_link_that_expires_during_a_body(
    client: PixxelClient, package: str, whole: bytes, sandbox: Sandbox
) -> None:
    """A body that is cut after its link expired is resumed by a fresh link."""
    sandbox.inject(Fault(route="storage", kind="cut", at=700_000))
    async with client.packages.open(package) as stream:
        first = await anext(stream)
        await sandbox.advance(hours=1)
        assert first + b"".join([chunk async for chunk in stream]) == whole
    assert sandbox.count("jobs.request_download") == 2


@pytest.mark.slow
async def test_a_refused_link_is_renewed_once(package: str, sandbox: Sandbox) -> None:
    """Readers whose link has expired share one fresh link."""
    then = sandbox.clock.now()
    async with PixxelClient(sandbox.api_key, base_url=sandbox.url, timing=Timing(clock=lambda: then)) as client:
        await client.packages.link(package)
        sandbox.clock.advance(24 * 3600.0)
        await asyncio.gather(*(read(client.packages.open(package, range="bytes=0-0")) for _ in range(100)))
    assert sandbox.count("jobs.request_download") == 2
    assert sandbox.count("storage") < 110  # waiting readers use the fresh link at once


async def test_a_refused_fresh_link_raises(client: PixxelClient, package: str, sandbox: Sandbox) -> None:
    """A fresh link that is refused as well raises LinkExpired."""
    await client.packages.link(package)
    sandbox.inject(Fault(route="storage", kind="expired", times=None))
    with pytest.raises(LinkExpired, match="refused the link, and a fresh one too: 403") as caught:
        await client.packages.open(package)
    assert sandbox.count("jobs.request_download") == 2
    assert "Signature=" not in str(caught.value) and sandbox.storage_url not in str(caught.value)


async def test_a_late_refusal_finds_the_fresh_link(client: PixxelClient, package: str, sandbox: Sandbox) -> None:
    """A reader whose link is refused uses the one renewed by another reader meanwhile."""
    await client.packages.link(package)
    sandbox.inject(Fault(route="storage", kind="expired", times=2))
    sandbox.inject(Fault(route="storage", kind="latency", seconds=0.2, after=1))
    await asyncio.gather(*(read(client.packages.open(package, range="bytes=0-0")) for _ in range(2)))
    assert sandbox.count("jobs.request_download") == 2


async def test_temporary_errors_are_retried(client: PixxelClient, package: str, whole: bytes, sandbox: Sandbox) -> None:
    """Temporary errors are retried before the response begins; final ones are raised at once."""
    sandbox.inject(Fault(route="storage", kind="status", status=503, times=3))
    assert await read(client.packages.open(package)) == whole
    sandbox.inject(Fault(route="storage", kind="status", status=451))
    with pytest.raises(DownloadError, match="the storage answered 451") as caught:
        await client.packages.open(package)
    assert (caught.value.status, caught.value.retryable) == (451, False)


async def test_a_page_is_no_package(client: PixxelClient, package: str, sandbox: Sandbox) -> None:
    """HTML with status 200 is refused before the response begins."""
    sandbox.inject(Fault(route="storage", kind="html"))
    with pytest.raises(NotAPackage, match="an HTML page instead of the package"):
        await client.packages.open(package)


async def test_not_ready_yet(client: PixxelClient, sandbox: Sandbox) -> None:
    """Opening a pending package raises PackageTimedOut with retry_after."""
    job = sandbox.add_job(packing=3600)
    with pytest.raises(PackageTimedOut) as caught:
        await client.packages.open(f"job:{job.workflow_id}/{job.id}")
    assert caught.value.retry_after == 2.0


async def test_max_bytes(client: PixxelClient, package: str, sandbox: Sandbox) -> None:
    """A body announced above max_bytes is refused before the response begins; a range within the limit is allowed."""
    with pytest.raises(TooLarge, match="announced 3,145,728 bytes; the limit is 1,000"):
        await client.packages.open(package, max_bytes=1000)
    assert len(await read(client.packages.open(package, range="bytes=0-999", max_bytes=1000))) == 1000
    sandbox.inject(Fault(route="storage", kind="endless"))
    with pytest.raises(TooLarge):
        await read(client.packages.open(package, max_bytes=2 * SIZE))


@pytest.mark.slow
async def test_timeout(client: PixxelClient, package: str, sandbox: Sandbox) -> None:
    """The deadline ends a stalled storage and closes the connection of a reader that stalls."""
    sandbox.inject(Fault(route="storage", kind="stall", at=1_000_000, times=2))
    with pytest.raises(TimedOut, match=r"was not passed on within 0.5 s"):
        await read(client.packages.open(package, timeout=0.5))
    stream = await client.packages.open(package, timeout=0.4)
    await asyncio.sleep(0.5)
    with pytest.raises(TimedOut):
        await read(stream)
    await stream.aclose()


@pytest.mark.slow
async def test_a_deadline_without_a_response() -> None:
    """T-12: the deadline holds before the first byte and while a cut body is resumed, whichever server is silent."""
    cut: list[Step] = [b'HTTP/1.1 200 OK\r\nContent-Length: 9000\r\nETag: "e"\r\n\r\nPK\3\4' + bytes(600), 0.05, "fin"]
    for scripts, package in (
        ([["hang"]], lambda url: "job:w/j"),
        ([["hang"]], lambda url: SignedLink(url=f"{url}/a", name="a")),
        ([cut, ["hang"]], lambda url: SignedLink(url=f"{url}/a", name="a")),
    ):
        async with (
            RawServer(*scripts) as server,
            PixxelClient("a-key-1", base_url=server.url) as client,
            asyncio.timeout(30),
        ):
            with pytest.raises(TimedOut, match=r"not passed on within 0\.3 s"):
                await read(client.packages.open(package(server.url), timeout=0.3))


@pytest.mark.slow
async def test_a_finished_stream_is_released(client: PixxelClient, package: str) -> None:
    """A finished stream is not referenced by its deadline timer."""
    stream = client.packages.open(package, range="bytes=0-0")
    await read(stream)
    alive = weakref.ref(stream)
    del stream
    gc.collect()
    assert alive() is None


@pytest.mark.slow
async def test_backpressure() -> None:
    """Beyond the connection's buffers only bytes that the reader takes are fetched."""
    async with (
        Sandbox(packing=0, package_size=256 << 20) as sandbox,
        PixxelClient(sandbox.api_key, base_url=sandbox.url) as client,
        client.packages.open(package_of(sandbox)) as stream,
    ):
        taken = 0
        async for chunk in stream:
            taken += len(chunk)
            if taken > 20 << 20:
                break
        await asyncio.sleep(0.3)
        assert at_storage(sandbox)[0].sent < taken + (16 << 20)


async def leaving_the_block(stream: PackageStream) -> None:
    async with stream:
        await anext(stream)


async def leaving_a_generator(stream: PackageStream) -> None:
    """Leave an async generator over the stream, like a framework does when its client disconnects."""

    async def body() -> AsyncIterator[bytes]:
        async with stream:
            async for chunk in stream:
                yield chunk

    async with aclosing(body()) as chunks:  # type: ignore[type-var]
        await anext(chunks)


async def being_cancelled(stream: PackageStream) -> None:
    """Cancel a task that iterates over the stream."""

    async def drain() -> None:
        async for _ in stream:
            pass

    task = asyncio.create_task(drain())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def closing_in_the_background(stream: PackageStream) -> None:
    """Close the stream in a background task."""
    await anext(stream)
    await asyncio.create_task(stream.aclose())


@pytest.mark.slow
@pytest.mark.parametrize("leave", [leaving_the_block, leaving_a_generator, being_cancelled, closing_in_the_background])
async def test_the_storage_connection_is_closed_when_the_reader_leaves(leave) -> None:  # type: ignore[no-untyped-def]
    """However the reader leaves, the storage sends nothing 0.1 s later."""
    async with (
        Sandbox(packing=0, package_size=1 << 30) as sandbox,
        PixxelClient(sandbox.api_key, base_url=sandbox.url) as client,
    ):
        stream = await client.packages.open(package_of(sandbox))
        await leave(stream)
        await asyncio.sleep(0.1)
        sent = at_storage(sandbox)[0].sent
        assert not serving_storage(sandbox)
        await asyncio.sleep(0.1)
        assert at_storage(sandbox)[0].sent == sent < 1 << 30


async def test_a_cancel_scope_takes_effect() -> None:
    """A cancel scope ends a reader even if the next bytes are always ready."""
    async with (
        Sandbox(packing=0, package_size=1 << 30) as sandbox,
        PixxelClient(sandbox.api_key, base_url=sandbox.url) as client,
        client.packages.open(package_of(sandbox)) as stream,
    ):
        begun = asyncio.Event()

        async def drain() -> None:
            async for _ in stream:
                begun.set()

        async with anyio.create_task_group() as group:
            group.start_soon(drain)
            await begun.wait()
            group.cancel_scope.cancel()
    assert at_storage(sandbox)[0].sent < 64 << 20


def serving_storage(sandbox: Sandbox) -> list[object]:
    """Return the open connections of the storage."""
    return list(sandbox._runners["storage"].server.connections)  # type: ignore[union-attr]


async def test_closing_while_reading(client: PixxelClient, package: str, sandbox: Sandbox) -> None:
    """Closing a stream raises in its reader instead of ending the body."""
    sandbox.inject(Fault(route="storage", kind="stall", at=1_000_000))
    stream = await client.packages.open(package)
    reading = asyncio.ensure_future(read(stream))
    await asyncio.sleep(0.1)
    await stream.aclose()
    with pytest.raises(DownloadError, match="closed before its end"):
        await asyncio.wait_for(reading, 30)
    with pytest.raises(DownloadError, match="closed before its end"):
        await anext(stream)


async def test_it_must_be_open(client: PixxelClient, package: str) -> None:
    """A stream that is not open has no status and no bytes; opening and closing may be repeated."""
    stream = client.packages.open(package)
    for use in (lambda: stream.status, lambda: stream.headers, lambda: anext(stream).send(None)):
        with pytest.raises(ConfigError, match="not open"):
            use()
    await stream.aclose()
    other = client.packages.open(package)
    assert await other is other and (await other.open()).status == 200
    await other.aclose()
    await other.aclose()


async def test_keys_share_no_link_and_no_stream(client: PixxelClient, package: str, sandbox: Sandbox) -> None:
    """Clients with different keys share neither links nor streams."""
    other = client.with_key(sandbox.add_key())
    async with client.packages.open(package) as one, other.packages.open(package) as two:
        assert await anext(one) and await anext(two)
    assert sandbox.count("jobs.request_download") == 2


async def test_no_secret_is_shown(client: PixxelClient, package: str) -> None:
    """Neither link nor key is in a stream's repr or headers."""
    async with client.packages.open(package) as stream:
        shown = f"{stream!r} {stream.headers}"
    assert "X-Amz" not in shown and "127.0.0.1" not in shown
