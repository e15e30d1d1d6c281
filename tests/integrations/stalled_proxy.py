"""A TCP proxy that stalls after some bytes, like a network that is lost."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class StalledProxy:
    """Forward connections; after `limit` bytes to the server hold everything back until opened.

    Attributes:
    url: address to connect to.
    passed: bytes forwarded to the server.
    """

    def __init__(self, limit: int) -> None:
        self.url = ""
        self.passed = 0
        self._limit = limit
        self._open = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def before(cls, url: str, limit: int) -> AsyncIterator[StalledProxy]:
        """Start a proxy in front of the server at a URL."""
        gate, (host, _, port) = cls(limit), url.removeprefix("http://").rpartition(":")

        async def serve(reader: StreamReader, writer: StreamWriter) -> None:
            with suppress(OSError):
                there_reader, there_writer = await asyncio.open_connection(host, int(port))
                await asyncio.gather(gate._copy(reader, there_writer, counted=True), gate._copy(there_reader, writer))

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        gate.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield gate
        finally:
            gate.open()
            server.close()
            await asyncio.sleep(0.05)

    @property
    def held(self) -> bool:
        """Return whether bytes are being held back."""
        return self.passed >= self._limit and not self._open.is_set()

    def open(self) -> None:
        """Forward everything from now on."""
        self._open.set()

    async def _copy(self, reader: StreamReader, writer: StreamWriter, *, counted: bool = False) -> None:
        try:
            while data := await reader.read(65536):
                if counted and self.passed >= self._limit:
                    await self._open.wait()
                writer.write(data)
                await writer.drain()
                self.passed += len(data) * counted
        except OSError:
            pass
        finally:
            writer.close()
