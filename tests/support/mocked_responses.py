"""aioresponses for the aiohttp that is installed: its answers lack an argument which the class now wants."""

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
    """A response that comes from a table and not from a connection."""

    def __init__(self, *args: Any, **facts: Any) -> None:
        super().__init__(*args, stream_writer=_NoWriter(), **facts)


def odd(answers: aioresponses, method: str, url: str, **answer: Any) -> None:
    """Let the next request to that URL be answered so; see `aioresponses.add`."""
    answers.add(url, method, response_class=OddResponse, **answer)
