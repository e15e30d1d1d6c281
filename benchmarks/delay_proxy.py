"""Delay every byte of TCP connections like distance: `python benchmarks/delay_proxy.py HOST PORT --rtt SECONDS`.

A userspace model of a long fat pipe, on loopback: bytes arrive half a round trip after they were sent, and at most
`window` of them are under way in one direction of one connection, so that a connection gives `window / rtt` bytes a
second at most. The first bytes of a connection also wait for its handshake, one round trip. Slow start, loss and
queues are not modelled. The port that it listens on is the first line on stdout.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast


class Way:
    """One direction of a connection: bytes in flight, in order, with their time of arrival."""

    def __init__(self, rtt: float, window: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._half, self._window = rtt / 2, window
        self._underway: deque[tuple[float, bytes]] = deque()
        self._flying = 0
        self._held = False
        self.source: asyncio.ReadTransport | None = None
        self.target: asyncio.WriteTransport | None = None

    @property
    def free(self) -> int:
        """The free bytes of the window, at least one."""
        return max(self._window - self._flying, 1)

    def send(self, data: bytes, *, later: float = 0.0) -> None:
        """Send bytes; an empty text is the end. `later` seconds are added to their half round trip."""
        due = self._loop.time() + later + self._half
        if self._underway:
            due = max(due, self._underway[-1][0])
        self._underway.append((due, data))
        if len(self._underway) == 1:
            self._loop.call_at(due, self._arrive)
        self._flying += len(data)
        if self._flying >= self._window and self.source is not None and not self._held:
            self._held = True
            self.source.pause_reading()

    def _arrive(self) -> None:
        now = self._loop.time()
        while self._underway and self._underway[0][0] <= now:
            _, data = self._underway.popleft()
            if self.target is None or self.target.is_closing():
                continue
            if data:
                self.target.write(data)
                self._loop.call_later(self._half, self._acknowledge, len(data))
            elif self.target.can_write_eof():
                with suppress(OSError):  # the client has closed the connection in the middle of a body
                    self.target.write_eof()
        if self._underway:
            self._loop.call_at(self._underway[0][0], self._arrive)

    def _acknowledge(self, count: int) -> None:
        """Free the window once arrived bytes are acknowledged; unread bytes keep it filled."""
        if self.target is not None and self.target.get_write_buffer_size() > self._window:
            self._loop.call_later(0.001, self._acknowledge, count)
            return
        self._flying -= count
        if self._held and self._flying < self._window and self.source is not None and not self.source.is_closing():
            self._held = False
            self.source.resume_reading()


class End(asyncio.BufferedProtocol):
    """One end of a connection: its bytes go out on one way; when it is lost the other end is closed."""

    def __init__(self, out: Way, inward: Way, handshake: float) -> None:
        self._out, self._back, self._first = out, inward, handshake
        self._buffer = memoryview(bytearray(64 * 1024))
        self._opened = asyncio.get_running_loop().time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._out.source = self._back.target = self.transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer[: self._out.free]

    def buffer_updated(self, nbytes: int) -> None:
        wait = max(self._opened + self._first - asyncio.get_running_loop().time(), 0.0)
        self._out.send(bytes(self._buffer[:nbytes]), later=wait)

    def eof_received(self) -> bool:
        self._out.send(b"")
        return True

    def connection_lost(self, error: Exception | None) -> None:
        target = self._out.target
        if target is not None and not target.is_closing():
            asyncio.get_running_loop().call_later(self._first, target.close)


async def serve(host: str, port: int, rtt: float, window: int) -> None:
    """Forward connections until the process ends."""
    loop = asyncio.get_running_loop()
    connecting = set[asyncio.Task[object]]()

    def accept() -> asyncio.BaseProtocol:
        outward, inward = Way(rtt, window), Way(rtt, window)
        task = loop.create_task(loop.create_connection(lambda: End(inward, outward, rtt), host, port))
        connecting.add(task)
        task.add_done_callback(connecting.discard)
        return End(outward, inward, rtt)

    server = await loop.create_server(accept, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def delayed(port: int, rtt: float, window: int) -> Iterator[int]:
    """Run the proxy for a port of this machine in its own process; yield the port to connect to."""
    command = [sys.executable, str(Path(__file__)), "127.0.0.1", str(port), "--rtt", str(rtt), "--window", str(window)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--rtt", type=float, default=0.05, help="seconds of a round trip")
    parser.add_argument("--window", type=int, default=1 << 20, help="bytes under way at most")
    options = parser.parse_args()
    asyncio.run(serve(options.host, options.port, options.rtt, options.window))
