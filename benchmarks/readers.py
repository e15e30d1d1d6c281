"""Readers of packages through a backend: like browsers, but dropping the bytes."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

SEGMENT = 1448
"""Bytes of a packet, as on Ethernet: for loopback's packets of 64 KiB the kernel would hold megabytes a reader."""


class Reader(asyncio.BufferedProtocol):
    """A reader that requests a package, pauses after its first bytes, and later reads on, fast or slowly."""

    buffer = memoryview(bytearray(1 << 18))
    """Where all readers put what they throw away."""

    def __init__(self, job: int, size: int) -> None:
        self._loop = asyncio.get_running_loop()
        lines = f"GET /job-{job}/package HTTP/1.1", f"Host: x\r\nX-Key: key-{job}\r\nX-Size: {size}"
        self._request = "\r\n".join([*lines, "Connection: close", "", ""]).encode()
        self.begun: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[int] = self._loop.create_future()
        self.received = 0
        self.rate: int | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(self._request)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.buffer if self.rate is None else self.buffer[: self.rate // 4]

    def buffer_updated(self, count: int) -> None:
        self.received += count
        if not self.begun.done():
            self._transport.pause_reading()
            if bytes(self.buffer[9:12]) == b"200":
                self.begun.set_result(None)
            else:
                self.begun.set_exception(RuntimeError(bytes(self.buffer[:count])))
        elif self.rate is not None:
            self._transport.pause_reading()
            self._loop.call_later(count / self.rate, self._transport.resume_reading)

    def go_on(self, rate: int | None = None) -> None:
        self.rate = rate
        self._transport.resume_reading()

    def leave(self) -> None:
        self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(self.received)


async def reader(port: int, job: int, size: int) -> Reader:
    """Open a reader with small socket buffers, so that the backend has to hold its bytes."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, ("127.0.0.1", port))
    _, opened = await loop.create_connection(lambda: Reader(job, size), sock=sock)
    await opened.begun
    return opened
