"""Compressed responses: what is decompressed, and what happens where that fails."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest

from pixxel_async import APIError, ConnectionFailed, DecodeError, Forbidden, RateLimited, ServerError
from pixxel_async._http.edge.decoding import PIECE, BodyDecoder, coding_of
from tests.support.clients import client_for
from tests.support.raw_server import RawServer, answer

VALUE = {"error": {"message": "no such thing"}}
TEXT = json.dumps(VALUE).encode()


def raw_deflate(data: bytes) -> bytes:
    """Return deflate without the zlib header, as some servers send it."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize("status", [403, 429, 500])
@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", b"not gzip"),
        ("gzip", gzip.compress(TEXT, mtime=0)[:-9]),
        ("deflate", b"\xff\xff\xff"),
        ("br", b"\x8b\x02\x80abc\x03"),
        ("zstd", b"\x28\xb5\x2f\xfd\x00"),
        ("gzip, br", b"x"),
    ],
)
async def test_an_error_that_cannot_be_decoded_keeps_its_status(status: int, coding: str, body: bytes) -> None:
    """An error keeps its status and class, whatever its Content-Encoding says."""
    script = answer(status, body, Content_Encoding=coding, x_request_id="r-1")
    async with RawServer(script) as server, client_for(server.url, **{"retry.max_attempts": 1}) as client:
        with pytest.raises(APIError) as caught:
            await client.request("GET", "/v0/x")
    assert type(caught.value) is {403: Forbidden, 429: RateLimited, 500: ServerError}[status]
    assert (caught.value.status, caught.value.request_id) == (status, "r-1")


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(TEXT, mtime=0)),
        ("X-GZIP", gzip.compress(TEXT, mtime=0)),
        ("gzip", gzip.compress(TEXT[:10], mtime=0) + gzip.compress(TEXT[10:], mtime=0)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", raw_deflate(TEXT)),
        ("identity", TEXT),
        ("utf-8", TEXT),
        ("", TEXT),
    ],
)
async def test_codings_that_are_decoded(coding: str, body: bytes) -> None:
    """gzip and deflate are decompressed in the forms that servers send; identity codings are passed through."""
    async with RawServer(answer(200, body, Content_Encoding=coding)) as server, client_for(server.url) as client:
        assert (await client.request("GET", "/v0/x")).json() == VALUE


async def test_a_success_that_cannot_be_decoded() -> None:
    """A truncated or damaged compressed body is retried and then raised; an unknown coding is raised at once."""
    for body in (gzip.compress(TEXT, mtime=0)[:-9], b"nonsense"):
        async with (
            RawServer(answer(200, body, Content_Encoding="gzip")) as server,
            client_for(server.url, **{"retry.max_attempts": 2}) as client,
        ):
            with pytest.raises(ConnectionFailed, match="compression"):
                await client.request("GET", "/v0/x")
            assert len(server.requests) == 2
    async with RawServer(answer(200, b"x", Content_Encoding="br")) as server, client_for(server.url) as client:
        with pytest.raises(DecodeError, match="compressed with br"):
            await client.request("GET", "/v0/x")
        assert len(server.requests) == 1


def test_pieces_are_bounded() -> None:
    """A body that decompresses to a thousand times its size is yielded in bounded pieces, and its end is known."""
    decoder = BodyDecoder("gzip")
    decoder.give(gzip.compress(bytes(20 * PIECE)))
    sizes = []
    while piece := decoder.take():
        sizes.append(len(piece))
    assert max(sizes) <= PIECE
    assert sum(sizes) == 20 * PIECE
    assert decoder.complete
    assert coding_of("identity, aws-chunked") == ""
