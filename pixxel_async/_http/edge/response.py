"""One answer as it comes from aiohttp: head first, then its body at the pace of who reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from ..._redact import place
from ...errors import ConnectionFailed, DecodeError
from ...settings import HTTPSettings
from ...settings.constants import MAX_ERROR_BODY
from ..reply import TransportFailure
from ..rules.body_limits import TELLING, too_large
from .failures import READ_FAILURES, as_broken

if TYPE_CHECKING:
    from aiohttp import ClientResponse

__all__ = ["Response"]


class Response:
    """Status and headers of an answer, and its body to be read.

    Args:
        read_timeout: seconds without a byte of the body.
        piece: bytes that are read at once, at most; None for as many as came together.
    """

    def __init__(self, response: ClientResponse, read_timeout: float, url: str, piece: int | None = None) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = _joined(response.headers)
        self.url = url
        self._response = response
        self._read_timeout = read_timeout
        self._piece = piece

    @property
    def raw_size(self) -> int:
        """Bytes of the body that came, before decompression."""
        return self._response.content.total_raw_bytes

    async def read(self) -> bytes | TransportFailure:
        """The next bytes as they came from the socket, a piece at most and at least one; nothing at the end."""
        content = self._response.content
        try:
            if self._piece is not None and (chunk := content.read_nowait(self._piece)):
                return chunk  # a timer for each would cost more than they do
            async with asyncio.timeout(self._read_timeout):
                if self._piece is not None:
                    return await content.read(self._piece)
                chunk, more = await content.readchunk()
                while more and not chunk and not content.at_eof():  # the reader of no body says "more" for ever
                    chunk, more = await content.readchunk()
            return chunk
        except READ_FAILURES as error:
            broken = as_broken(error, "body", place(self.url), f"no byte of the body within {self._read_timeout:g} s")
        return broken

    async def start(self, limit: int, seconds: float = TELLING) -> bytes:
        """Up to so many bytes of an error's body: what came, when it is cut or takes longer than that."""
        start = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, self._read_timeout)):
                while len(start) < limit and (chunk := await self.read()) and not isinstance(chunk, TransportFailure):
                    start += chunk
        return start[:limit]

    def close(self) -> None:
        """Give the connection back when the body was read to its end, else drop it."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


def _joined(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers with names in lower case; of a name that comes again the values stand side by side."""
    found: dict[str, str] = {}
    for name, value in headers.items():
        low = name.lower()
        found[low] = f"{found[low]}, {value}" if low in found else value
    return found


async def whole(answer: Response, operation: str, http: HTTPSettings) -> bytes | TransportFailure:
    """The body; of an error as much as comes within limits of its own."""
    if answer.status >= 300:
        return await answer.start(MAX_ERROR_BODY)
    announced = answer.headers.get("content-length", "")
    if announced and not announced.isdecimal():
        return TransportFailure(
            "body", ConnectionFailed(f"the answer to {operation} is not HTTP: its length is no number")
        )
    reason = too_large(int(announced or 0), 0, http.max_response_bytes)
    blocks: list[bytes] = []
    size = 0
    while not reason:
        block = await answer.read()
        if isinstance(block, TransportFailure):
            return block
        if not block:
            return b"".join(blocks)
        blocks.append(block)
        size += len(block)
        reason = too_large(size, answer.raw_size, http.max_response_bytes)
    text = f"the answer to {operation} {reason}; ask for smaller pages or raise http.max_response_bytes"
    return TransportFailure("body", DecodeError(text, status=answer.status, operation=operation))
