"""Faults that violate HTTP or send something else than requested."""

from __future__ import annotations

import asyncio
import gzip
import zipfile
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from pixxel_async.errors import ConfigError
from pixxel_async.sandbox import Fault
from pixxel_async.sandbox.rules.links import SigningStyle
from tests.sandbox.conftest import Caller
from tests.sandbox.test_faults import until_broken


async def test_a_body_never_ends(caller: Caller) -> None:
    """`endless` repeats the body without a length."""
    link = await caller.link()
    whole = (await caller.fetch(link)).body
    caller.sandbox.inject(Fault(route="storage", kind="endless"))
    async with caller.session.get(link) as reply:
        assert reply.content_length is None
        assert await reply.content.readexactly(3 * len(whole)) == 3 * whole


async def test_a_length_is_too_large(caller: Caller) -> None:
    """`wrong-length` may announce more bytes than it sends."""
    link = await caller.link()
    whole = (await caller.fetch(link)).body
    caller.sandbox.inject(Fault(route="storage", kind="wrong-length", at=9))
    async with caller.session.get(link) as reply:
        assert reply.content_length == len(whole) + 9
        assert await until_broken(reply) == whole


async def test_a_length_is_too_small(caller: Caller) -> None:
    """`wrong-length` may announce fewer bytes than it sends."""
    link = await caller.link()
    whole = (await caller.fetch(link)).body
    caller.sandbox.inject(Fault(route="storage", kind="wrong-length", at=-9))
    async with caller.session.get(link) as reply:
        assert await reply.read() == whole[:-9]


@pytest.mark.parametrize("operation", ["storage", "jobs.list"])
async def test_a_body_is_compressed_unasked(caller: Caller, operation: str) -> None:
    """`gzip` compresses a body unrequested, with Content-Encoding."""
    link = await caller.link()
    caller.sandbox.inject(Fault(route=operation, kind="gzip"))
    got = await (caller.fetch(link) if operation == "storage" else caller.do(operation))
    assert got.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(got.body)[:1] in (b"P", b"{")


@pytest.mark.slow
@pytest.mark.parametrize("at", [0, 1000])
async def test_chunks_are_broken(caller: Caller, at: int) -> None:
    """`broken-chunks` sends an invalid chunk on an open connection, after which the reader gets no more bytes."""
    link = await caller.link()
    whole = (await caller.fetch(link)).body
    caller.sandbox.inject(Fault(route="storage", kind="broken-chunks", at=at))
    async with caller.session.get(link) as reply:
        assert reply.headers["Transfer-Encoding"] == "chunked"
        assert await reply.content.readexactly(at) == whole[:at]
        with pytest.raises((aiohttp.ClientError, TimeoutError)):
            async with asyncio.timeout(0.2):
                await reply.content.readexactly(1)


async def test_hints_come_for_ever(caller: Caller) -> None:
    """`early-hints` sends 103 responses without a final one."""
    caller.sandbox.inject(Fault(route="jobs.list", kind="early-hints"))
    target = urlsplit(caller.sandbox.url)
    reader, writer = await asyncio.open_connection(target.hostname, target.port)
    path = caller.valid["jobs.list"].path
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {caller.sandbox.api_key}\r\n\r\n".encode())
    heads = [await reader.readuntil(b"\r\n\r\n") for _ in range(4)]
    assert {head.split(b"\r\n")[0] for head in heads} == {b"HTTP/1.1 103 Early Hints"}
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(("style", "status", "code"), [
    ("s3", 403, b"AccessDenied"), ("azure", 403, b"AuthenticationFailed"), ("gcs", 400, b"ExpiredToken"),
])  # fmt: skip
async def test_links_and_their_end_have_a_style(caller: Caller, style: SigningStyle, status: int, code: bytes) -> None:
    """Each link style signs like its storage and reports expiry like it, by the clock and by fault."""
    caller.sandbox.packing.link_style = style
    link = await caller.link()
    assert {"s3": "X-Amz-Date", "azure": "se", "gcs": "X-Goog-Date"}[style] in parse_qs(urlsplit(link).query)
    assert zipfile.ZipFile(BytesIO((await caller.fetch(link)).body)).testzip() is None
    caller.sandbox.inject(Fault(route="storage", kind="expired", style=style))
    planned = await caller.fetch(link)
    await caller.sandbox.advance(minutes=10)
    true = await caller.fetch(link)
    assert [(got.status, code in got.body) for got in (planned, true)] == [(status, True)] * 2
    assert true.body.startswith(b"\xef\xbb\xbf") == (style == "azure")
    caller.sandbox.assert_key_only_at_api()
    assert link[-30:] not in repr(caller.sandbox.requests)


async def test_a_key_at_the_storage_raises(caller: Caller) -> None:
    """assert_key_only_at_api() raises if the storage received the key in any header."""
    link = await caller.link()
    caller.sandbox.assert_key_only_at_api()
    await caller.fetch(link, X_Mine=caller.sandbox.api_key)
    with pytest.raises(AssertionError, match="saw the key in 1"):
        caller.sandbox.assert_key_only_at_api()


@pytest.mark.parametrize("wrong", [{"kind": "burning"}, {"kind": "expired", "style": "ftp"}])
def test_a_fault_that_is_not_known_is_refused(wrong: dict[str, str]) -> None:
    """An unknown fault raises ConfigError with the known ones."""
    with pytest.raises(ConfigError, match="must be one of"):
        Fault(route="api", **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("route", ["jobs.lst", "job.*", "", "storages", "/v0/jobs"])
def test_a_fault_of_no_route_is_refused(route: str) -> None:
    """A fault for an unknown route raises ConfigError, with a similar operation as suggestion."""
    with pytest.raises(ConfigError, match="no request has the route"):
        Fault(route=route, kind="reset")
    with pytest.raises(ConfigError, match=r"did you mean 'jobs\.list'"):
        Fault(route="jobs.lst", kind="reset")
