"""One response as aiohttp delivers it: head first, then the body at the pace of its reader."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..._redact import redact_url
from ...errors import ConnectionFailed, DecodeError, PixxelError
from ...settings import HTTPSettings, Secret
from ...settings.constants import MAX_ERROR_BODY
from ..reply import TransportFailure
from ..rules.body_limits import ERROR_BODY_TIMEOUT, too_large
from .decoding import BodyDecoder, coding_of
from .failures import READ_FAILURES, to_failure

if TYPE_CHECKING:
    from aiohttp import ClientResponse, StreamReader

__all__ = ["Response"]


class Response:
    """Status and headers of a response, with the body still to be read.

    Args:
        no_progress: timeout in seconds between two bytes of the body.
        piece: most bytes returned per read; None for as many as arrived together.
        decode: whether the body is decompressed, as those of the API are; they are small, and read as they come.
        latency: seconds from the request, sent over an open connection, to the headers.
    """

    def __init__(
        self,
        response: ClientResponse,
        no_progress: float,
        url: Secret,
        piece: int | None = None,
        *,
        decode: bool = False,
        latency: float = 0.0,
    ) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = _join_headers(response.headers)
        self.url = url
        self.latency = latency
        self._response = response
        self._no_progress = no_progress
        self._piece = piece
        self._small = decode
        coding = self.headers.get("content-encoding", "") if decode else ""
        self._coding = coding and coding_of(coding)
        self._decoder = BodyDecoder(self._coding) if self._coding in ("gzip", "deflate") else None

    @property
    def raw_size(self) -> int:
        """Bytes of the body received so far, before decompression."""
        return self._response.content.total_raw_bytes

    @property
    def ended(self) -> bool:
        """Whether the whole body was read, so that no further read is needed to know it."""
        return not self._coding and self._response.content.at_eof()

    def read(self, *, watched: bool = False) -> Coroutine[Any, Any, bytes | TransportFailure]:
        """Return the next bytes, at least one and at most `piece`; b"" at the end of the body.

        Args:
            watched: no timer is set for this read, which costs a fifth of its time; the caller watches for progress.
        """
        return self._read_decoded() if self._coding else self._read_raw(watched=watched)

    async def _read_decoded(self) -> bytes | TransportFailure:
        """Return the next decompressed bytes, at least one; b"" at the end of the body."""
        decoder = self._decoder
        if decoder is None:
            error: PixxelError = DecodeError(f"the answer is compressed with {self._coding}, which was not requested")
            return TransportFailure("body", error)
        with suppress(zlib.error):
            while not (piece := decoder.take()):
                chunk = await self._read_raw()
                if isinstance(chunk, TransportFailure):
                    return chunk
                if not chunk and decoder.complete:
                    return b""
                if not chunk:
                    break
                decoder.give(chunk)
            if piece:
                return piece
        error = ConnectionFailed(f"{redact_url(self.url.reveal())}: the body is cut or damaged within its compression")
        return TransportFailure("body", error)

    async def _read_raw(self, *, watched: bool = False) -> bytes | TransportFailure:
        content, piece = self._response.content, self._piece
        try:
            if (piece is not None or self._small) and (chunk := content.read_nowait(-1 if piece is None else piece)):
                return chunk  # skip the timer: it would cost more than the read
            if content.at_eof():
                return b""
            if watched:
                return await self._next_chunk()
            async with asyncio.timeout(self._no_progress):
                return await self._next_chunk()
        except READ_FAILURES as error:
            if unread := _take_unread(content):
                return unread  # the next read fails as this one did
            failure = to_failure(
                error, "body", redact_url(self.url.reveal()), f"no byte of the body within {self._no_progress:g} s"
            )
        return failure

    async def _next_chunk(self) -> bytes:
        content = self._response.content
        if self._piece is not None:
            return await content.read(self._piece)
        if self._small:
            return await content.readany()
        chunk, more = await content.readchunk()
        while more and not chunk and not content.at_eof():  # for an empty body aiohttp reports "more" for ever
            chunk, more = await content.readchunk()
        return chunk

    async def start(self, limit: int, seconds: float = ERROR_BODY_TIMEOUT) -> bytes:
        """Return up to `limit` bytes of an error's body that arrive before it is cut or `seconds` pass."""
        start = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, self._no_progress)):
                while len(start) < limit and (chunk := await self.read()) and not isinstance(chunk, TransportFailure):
                    start += chunk
        return start[:limit]

    def close(self) -> None:
        """Return the connection to the pool if the body was read to its end, else drop it."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


def _take_unread(content: StreamReader) -> bytes:
    """Return the bytes that arrived before the connection broke; aiohttp raises although it still holds them."""
    broken = content.exception()
    if broken is None:
        return b""
    content.set_exception(None)  # type: ignore[arg-type]  # for one read
    try:
        return content.read_nowait(-1)
    finally:
        content.set_exception(broken)


def _join_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers with names in lower case; values of a repeated name are joined with commas (RFC 9110, 5.3)."""
    joined: dict[str, str] = {}
    for name, value in headers.items():
        low = name.lower()
        joined[low] = f"{joined[low]}, {value}" if low in joined else value
    return joined


async def read_whole(
    answer: Response, operation: str, http: HTTPSettings, max_bytes: int | None = None
) -> list[bytes] | TransportFailure:
    """Read the whole body in pieces; of an error only the part within the limits for errors.

    Args:
        max_bytes: bytes at most, where that is less than `http.max_response_bytes`.
    """
    if answer.status >= 300:
        return [await answer.start(MAX_ERROR_BODY)]
    announced = answer.headers.get("content-length", "")
    if announced and not announced.isdecimal():
        return TransportFailure(
            "body", ConnectionFailed(f"the answer to {operation} is not HTTP: its length is no number")
        )
    limit = http.max_response_bytes if max_bytes is None else min(max_bytes, http.max_response_bytes)
    reason = too_large(int(announced or 0), 0, limit)
    blocks: list[bytes] = []
    size = 0
    while not reason:
        block = await answer.read()
        if isinstance(block, TransportFailure):
            return block
        if not block:
            return blocks
        blocks.append(block)
        size += len(block)
        reason = too_large(size, answer.raw_size, limit)
        if answer.ended and not reason:
            return blocks
    advice = "its responses are never that large"
    if max_bytes is None:
        advice = "ask for smaller pages or raise http.max_response_bytes"
    text = f"the answer to {operation} {reason}; {advice}"
    return TransportFailure("body", DecodeError(text, status=answer.status, operation=operation))
