"""Requests to signed links: unchanged, without a key, redirect by redirect."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from pixxel_async import ConnectionFailed, Link, OrderReport, Package, SignedLink, TimedOut, UnsafeLink
from pixxel_async._http.hooks import Hooks
from pixxel_async._http.storage import LinkStorage
from pixxel_async._http.streaming import StorageReply
from tests.support.clients import Waits, client_for
from tests.support.raw_server import RawServer, Step, answer

SIGNED = "/b%2Fc+d~e/%C3%A9.zip?X-Amz-Signature=%2B%2f&x=a+b&y=~&z"


@pytest.mark.fault("E-03", "E-09")
async def test_a_link_is_sent_unchanged() -> None:
    """A link is sent unchanged, with identity encoding and without the key."""
    async with RawServer(answer(200, b"PK", ETag='"a"')) as server, client_for(server.url) as client:
        async with client.storage.get(server.url + SIGNED, headers={"Range": "bytes=0-"}) as reply:
            body = b"".join([chunk async for chunk in reply.chunks()])
        assert (reply.status, reply.headers["etag"], body) == (200, '"a"', b"PK")
    [seen] = server.requests
    assert seen.target == SIGNED
    assert seen.headers["accept-encoding"] == "identity"
    assert seen.headers["range"] == "bytes=0-"
    assert not {"authorization", "cookie"} & set(seen.headers)


@pytest.mark.fault("F-09")
async def test_nothing_is_decoded() -> None:
    """An unrequested Content-Encoding is passed on with the bytes unchanged."""
    async with (
        RawServer(answer(200, b"\x1f\x8bnot gzip", Content_Encoding="gzip")) as server,
        client_for(server.url) as client,
        client.storage.get(server.url + "/a") as reply,
    ):
        assert [chunk async for chunk in reply.chunks()] == [b"\x1f\x8bnot gzip"]
        assert reply.headers["content-encoding"] == "gzip"


@pytest.mark.fault("F-02")
async def test_an_error_that_never_ends_is_read_for_a_moment() -> None:
    """F-02, G-03: an error body that drips is read for seconds at most, and the error quotes what arrived."""
    head = b"HTTP/1.1 500 Word\r\nContent-Length: 60000\r\n\r\n"
    async with (
        RawServer([head, *[b"why? ", 0.05] * 400]) as server,
        client_for(server.url) as client,
        client.storage.get(server.url + "/a") as reply,
        asyncio.timeout(15),
    ):
        start = await reply.peek(within=0.2)
    assert start and set(start.split()) == {b"why?"} and len(start) < 100


@pytest.mark.parametrize("package", [OrderReport(), SignedLink(url="http://127.0.0.1/x", name="x")], ids=str)
async def test_closing_the_client_ends_pending_reads(package: Package) -> None:
    """P-06: closing the client ends pending reads of storage and API bodies at once, not after `read_timeout`."""
    async with RawServer([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nid,a", "hang"]) as server:
        client = client_for(server.url, **{"http.read_timeout": 60.0})
        await client.open()
        link = Link(server.url + "/x", None) if package.linked else None
        async with client.packages.body(package, link, headers={}) as reply, asyncio.timeout(30):
            assert await reply.read() == b"id,a"
            reading = asyncio.create_task(reply.read())
            await asyncio.sleep(0)
            await client.aclose()
            with pytest.raises(ConnectionFailed):
                await reading


@pytest.mark.fault("F-08")
async def test_cookies_are_not_kept() -> None:
    """Cookies of storage and API are dropped."""
    async with RawServer(answer(200, {}, Set_Cookie="a=b; Path=/")) as server, client_for(server.url) as client:
        for _ in range(2):
            async with client.storage.get(server.url + "/a") as reply:
                await reply.peek()
            await client.request("GET", "/v0/x")
    assert all("cookie" not in seen.headers for seen in server.requests)


@pytest.mark.fault("F-07")
async def test_three_redirects() -> None:
    """Three redirects are followed, relative ones included, and each is checked; a fourth is refused."""
    hops = [answer(status, Location=f"/{status}?sig=x") for status in (302, 307, 303)]
    async with (
        RawServer(*hops, answer(200, b"here")) as server,
        client_for(server.url) as client,
        client.storage.get(server.url + "/a") as reply,
    ):
        assert await reply.peek() == b"here"
    assert [seen.target for seen in server.requests] == ["/a", "/302?sig=x", "/307?sig=x", "/303?sig=x"]
    async with RawServer(answer(302, Location="/loop")) as server, client_for(server.url) as client:
        with pytest.raises(UnsafeLink, match="redirects"):
            async with client.storage.get(server.url + "/a"):
                pass
    assert len(server.requests) == 4


@pytest.mark.fault("F-07")
@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://h.example/",
        "http://h.example/",
        "http://169.254.169.254/",
        "https://a@h.example/",
        "http://[::1",
    ],
)
async def test_a_redirect_to_an_unsafe_link(location: str) -> None:
    """A redirect must satisfy the rules for links."""
    async with RawServer(answer(302, Location=location)) as server, client_for(server.url) as client:
        with pytest.raises(UnsafeLink):
            async with client.storage.get(server.url + "/a"):
                pass
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [200, 206, 302, 304, 403, 404, 416, 500, 503])
async def test_every_status_is_an_answer(status: int) -> None:
    """The storage session returns every status without raising or repeating."""
    async with (
        RawServer(answer(status, b"" if status == 304 else b"<Error/>")) as server,
        client_for(server.url) as client,
        client.storage.get(server.url + "/a") as reply,
    ):
        assert reply.status == status
        assert await reply.peek(4) == (b"" if status == 304 else b"<Err")
    assert len(server.requests) == 1


@pytest.mark.fault("G-04", "G-05")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("end", "kind"),
    [
        ("fin", ConnectionFailed),
        ("rst", ConnectionFailed),
        ("hang", TimedOut),
        (b"\r\nzz\r\n", (ConnectionFailed, TimedOut)),
    ],
)
async def test_a_truncated_body_raises(end: Step, kind: type[Exception]) -> None:
    """A body that ends too early raises after the bytes that arrived."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello"
    got: list[bytes] = []

    async def read(reply: StorageReply) -> None:
        async for chunk in reply.chunks():
            got.append(chunk)  # noqa: PERF401 - what came before the error counts

    async with (
        RawServer([head + b"\r\n", 0.02, end, "hang"]) as server,
        client_for(server.url) as client,
        client.storage.get(server.url + "/a") as reply,
    ):
        with pytest.raises(kind) as caught:
            await read(reply)
    assert b"".join(got) == b"hello"
    assert caught.value.__context__ is None


async def test_big_bodies_come_in_big_pieces() -> None:
    """Chunks have the size that arrived, not 64 KiB, and together are the body."""
    body = bytes(range(256)) * 40_000
    async with (
        RawServer(answer(200, body)) as server,
        client_for(server.url, **{"http.read_timeout": 5.0}) as client,
        client.storage.get(server.url + "/a") as reply,
    ):
        chunks = [chunk async for chunk in reply.chunks()]
    assert b"".join(chunks) == body
    assert max(map(len, chunks)) > 64 * 1024


@pytest.mark.fault("P-08")
async def test_a_body_left_early_costs_one_connection() -> None:
    """Leaving a body early closes its connection; reading it to the end keeps the connection."""
    async with RawServer(answer(200, b"x" * 5_000_000)) as server, client_for(server.url) as client:
        async with client.storage.get(server.url + "/a") as reply:
            await anext(aiter(reply.chunks()))
        for _ in range(2):
            async with client.storage.get(server.url + "/b") as reply:
                async for _ in reply.chunks():
                    pass
    assert server.connections == 2


@pytest.mark.fault("E-02")
def test_the_addresses_of_a_name_are_checked() -> None:
    """Only permitted addresses of a name are connected to; a name without any is refused."""
    storage = LinkStorage(lambda: None, None, Hooks(), loopback=False, block_private=True)  # type: ignore[arg-type, return-value]
    assert storage.screen("h.example", ["127.0.0.1", "10.0.0.1", "8.8.8.8", "fe80::1%eth0"]) == ["8.8.8.8"]
    with pytest.raises(UnsafeLink, match="forbidden addresses"):
        storage.screen("h.example", ["127.0.0.1", "::1"])


@pytest.mark.fault("E-02")
async def test_a_name_that_leads_to_loopback() -> None:
    """`localhost` is refused by its address as long as the API is not on loopback."""
    async with RawServer(answer(200, b"secret")) as server, client_for("https://api.example", waits=Waits()) as client:
        with pytest.raises(UnsafeLink, match="forbidden addresses"):
            async with client.storage.get(f"https://localhost:{server.port}/a"):
                pass
    assert server.connections == 0


@pytest.mark.fault("F-13", "G-07")
async def test_more_bytes_than_announced() -> None:
    """The body ends at the announced length, and a connection with more bytes is not reused."""
    more = answer(200, b"x" * 1000) + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    async with RawServer(more) as server, client_for(server.url) as client:
        for _ in range(2):
            async with client.storage.get(server.url + "/a") as reply:
                assert b"".join([chunk async for chunk in reply.chunks()]) == b"x" * 1000
    assert server.connections == 2


@pytest.mark.fault("G-19")
async def test_a_slow_reader_holds_back_the_network() -> None:
    """A slow reader holds back the sender: at most the buffers' bytes are in flight."""
    piece, sent = b"x" * 1_000_000, 0

    async def send(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n")
        with suppress(ConnectionError):
            for _ in range(200):
                writer.write(piece)
                await writer.drain()
                sent += 1
        writer.close()

    async with await asyncio.start_server(send, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with client_for(url, **{"http.read_timeout": 30.0}) as client, client.storage.get(url + "/a") as reply:
            await anext(aiter(reply.chunks()))
            before = -1
            while sent > before:
                before = sent
                await asyncio.sleep(0.1)
    assert sent < 40, "the kernel's buffers and a megabyte of ours"
