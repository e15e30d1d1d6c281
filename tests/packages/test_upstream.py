"""A body from a storage with unusual responses."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from pixxel_async import PixxelClient
from pixxel_async._aio.loop_budget import LoopBudget
from pixxel_async._aio.threads import Threads
from pixxel_async.errors import DownloadError, UnsafeLink
from pixxel_async.packages import JobPackage, Link, PackageStream
from pixxel_async.packages.reading.rules.forwarding import storage_request
from pixxel_async.packages.reading.upstream import BUFFER, BodySource
from pixxel_async.settings import DownloadSettings, RetrySettings
from tests.support.clients import client_for
from tests.support.ground_truth import until
from tests.support.raw_server import RawServer, Step

TEXT = b"PK\x03\x04" + bytes(range(200)) * 50


def head(status: int, *lines: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} X", *lines, "", ""]).encode()


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))


async def passed(
    server: RawServer, range: str | None = None, url: str = "", **settings: Any
) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body that a reader gets from this storage."""
    async with client_for(server.url, **settings) as client:
        source = source_of(client, server, url)
        async with PackageStream(source, storage_request("GET", range, None, None), "j") as stream:
            return stream.status, stream.headers, b"".join([chunk async for chunk in stream])


def source_of(client: PixxelClient, server: RawServer, url: str = "") -> BodySource:
    """Return the source of a package on this storage, whose link never changes."""
    link = Link(url or f"{server.url}/x?sig=1")

    async def same() -> Link:
        return link

    async def other(refused: Link) -> Link:
        return link

    package = JobPackage(workflow_id="w", job_id="j")
    return BodySource(
        package=package, body=partial(client.packages.body, package), link=same, renew=other,
        timing=client.timing, download=DownloadSettings(), retry=RetrySettings(), rounds=LoopBudget(),
        threads=Threads(),
    )  # fmt: skip


async def test_pieces_are_small() -> None:
    """A reader gets pieces of at most one buffer."""
    body = b"PK\x03\x04" + bytes(300_000)
    async with (
        RawServer(head(200, f"Content-Length: {len(body)}") + body) as server,
        client_for(server.url) as client,
        PackageStream(source_of(client, server), storage_request("GET", None, None, None), "j") as stream,
    ):
        pieces = [piece async for piece in stream]
    assert b"".join(pieces) == body
    assert max(map(len, pieces)) <= BUFFER


async def test_a_body_that_ends_properly_and_early_is_continued() -> None:
    """A chunked body that ends before its announced end is resumed."""
    part = f"Content-Range: bytes 0-{len(TEXT) - 1}/{len(TEXT)}"
    rest = f"Content-Range: bytes 4000-{len(TEXT) - 1}/{len(TEXT)}"
    short = head(206, part, 'ETag: "a"', "Transfer-Encoding: chunked") + chunked(TEXT[:4000])
    more = head(206, rest, 'ETag: "a"', f"Content-Length: {len(TEXT) - 4000}") + TEXT[4000:]
    async with RawServer(short, more) as server:
        assert (await passed(server, "bytes=0-"))[2] == TEXT
        assert server.requests[1].headers["range"] == f"bytes=4000-{len(TEXT) - 1}"


async def test_a_body_without_a_length() -> None:
    """A body without a length has no Content-Length; once cut and resumed its end is known and enforced."""
    open_end = head(200, 'ETag: "a"', "Transfer-Encoding: chunked")
    async with RawServer(open_end + chunked(TEXT)) as server:
        status, headers, body = await passed(server)
    assert (status, body) == (200, TEXT) and "Content-Length" not in headers
    cut: list[Step] = [open_end + b"1f40\r\n" + TEXT[:8000], "fin"]
    rest = f"Content-Range: bytes 8000-{len(TEXT) - 1}/{len(TEXT)}"
    more = head(206, rest, 'ETag: "a"', "Transfer-Encoding: chunked") + chunked(TEXT[8000:])
    async with RawServer(cut, more) as server:
        assert (await passed(server))[2] == TEXT
        assert server.requests[1].headers["range"] == "bytes=8000-"


async def test_more_bytes_than_announced_are_not_passed_on() -> None:
    """A part with more bytes than announced raises."""
    part = f"Content-Range: bytes 0-99/{len(TEXT)}"
    async with RawServer(head(206, part, 'ETag: "a"', "Transfer-Encoding: chunked") + chunked(TEXT)) as server:
        with pytest.raises(DownloadError, match="more than announced"):
            await passed(server, "bytes=0-99")


async def test_a_coded_body_is_refused() -> None:
    """A body with an unrequested Content-Encoding is refused."""
    async with RawServer(head(200, "Content-Encoding: gzip", "Content-Length: 3") + b"abc") as server:
        with pytest.raises(DownloadError, match="the storage answered 200"):
            await passed(server)


async def test_no_header_of_the_storage_gets_through() -> None:
    """Cookies, active content types and file names are dropped; the headers that are kept are rewritten."""
    lines = [
        "Set-Cookie: a=b", "Content-Type: text/html", "X-Amz-Request-Id: 7", "Location: /x", 'ETag: "a\u00e9"',
        'Content-Disposition: attachment; filename="../../x"', f"Content-Length: {len(TEXT)}",
    ]  # fmt: skip
    async with RawServer(head(200, *lines) + TEXT) as server:
        _, headers, _ = await passed(server)
    assert headers == {
        "Content-Length": str(len(TEXT)),
        "Content-Type": "application/octet-stream",
        "Content-Disposition": 'attachment; filename="j.zip"',
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
    }


async def test_attempts_are_bounded() -> None:
    """A storage that never responds is given up after 8 attempts, and the error hides its address."""
    async with RawServer(["rst"]) as server:
        with pytest.raises(DownloadError, match="8 attempts without progress") as caught:
            await passed(server)
        assert len(server.requests) == 8
    assert "sig=" not in str(caught.value) and caught.value.retryable


async def test_cancellation_takes_effect() -> None:
    """A reader that is cancelled while the storage is silent ends at once."""
    async with RawServer(["hang"]) as server:
        reading = asyncio.ensure_future(passed(server))
        await until(lambda: server.requests)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert len(server.requests) == 1


@pytest.mark.parametrize("host", ["10.0.0.5", "[fd00::1]", "169.254.169.254"])
async def test_private_networks_can_be_blocked(host: str) -> None:
    """With block_private_hosts links to private addresses are refused; metadata addresses always."""
    async with RawServer(head(200, "Content-Length: 0")) as server:
        with pytest.raises(UnsafeLink, match=r"private network|metadata") as caught:
            await passed(server, url=f"https://{host}/x?sig=1", **{"http.block_private_hosts": True})
    assert (caught.value.package, len(server.requests)) == ("job:w/j", 0)
