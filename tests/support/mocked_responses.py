"""aioresponses for the installed aiohttp, whose response class needs an argument that aioresponses does not pass."""

from __future__ import annotations

from typing import Any

from aiohttp import ClientResponse
from aiohttp.abc import AbstractStreamWriter
from aioresponses import aioresponses


class _NoWriter(AbstractStreamWriter):
    """The writer of a request that was never written."""

    async def write(self, chunk: object) -> None: ...

    async def write_eof(self, chunk: bytes = b"") -> None: ...

    async def drain(self) -> None: ...

    def enable_compression(self, *_: object, **__: object) -> None: ...

    def enable_chunking(self) -> None: ...

    async def write_headers(self, *_: object) -> None: ...


class OddResponse(ClientResponse):
    """A response that does not come from a connection."""

    def __init__(self, *args: Any, **facts: Any) -> None:
        super().__init__(*args, stream_writer=_NoWriter(), **facts)


def mock_response(answers: aioresponses, method: str, url: str, **answer: Any) -> None:
    """Mock the response to the next request to a URL; see `aioresponses.add`."""
    answers.add(url, method, response_class=OddResponse, **answer)
