"""Speed of the sandbox: start, responses per second, package bytes per second.

    python benchmarks/sandbox.py

The sandbox runs in a process of its own; calls are counted against the processor time that this process used, so that
the callers, and whatever else runs on the machine, do not blur the figure. Callers are plain sockets.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from typing import Any
from urllib.parse import urlsplit

_SERVER = """
import asyncio, json, sys, time
from pixxel_async.sandbox import Sandbox

async def main():
    begun = time.perf_counter()
    async with Sandbox(clock="manual", packing=0.0, package_size=1 << 31) as sandbox:
        started = time.perf_counter() - begun
        workflow, runs = next(iter(sandbox.world.runs.items()))
        job = next(iter(runs))
        path = f"/v0/workflows/{workflow}/jobs/{job}"
        facts = {"url": sandbox.url, "key": sandbox.api_key, "started": started, "job": path}
        print(json.dumps(facts), flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(time.process_time(), flush=True)

asyncio.run(main())
"""
_CALLS, _PEERS = 3000, 8
_BYTES = 1 << 31


def main() -> None:
    """Measure and print one line each."""
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        facts = json.loads(_line(server))
        print(f"start, imports done: {1000 * facts['started']:.0f} ms")
        for path in ("/v0/projects", facts["job"]):
            print(f"GET {path.split('/')[2]}: {_rate(server, facts, path):,.0f} calls a second of one core")
        print(f"package bytes on loopback: {asyncio.run(_bytes(facts)):.2f} GB/s")
    finally:
        server.kill()
        server.communicate()


def _line(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    return server.stdout.readline()


def _used(server: subprocess.Popen[str]) -> float:
    """Return the CPU seconds used by the server."""
    assert server.stdin is not None
    server.stdin.write("\n")
    return float(_line(server))


def _rate(server: subprocess.Popen[str], facts: Any, path: str) -> float:
    asyncio.run(_calls(facts, path, _CALLS // 10))
    before = _used(server)
    asyncio.run(_calls(facts, path, _CALLS))
    return _CALLS / (_used(server) - before)


async def _calls(facts: Any, path: str, count: int) -> None:
    await asyncio.gather(*(_caller(facts, path, count // _PEERS) for _ in range(_PEERS)))


async def _caller(facts: Any, path: str, count: int) -> None:
    target = urlsplit(facts["url"])
    reader, writer = await asyncio.open_connection(target.hostname, target.port)
    wish = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {facts['key']}\r\n\r\n".encode()
    for _ in range(count):
        writer.write(wish)
        await _answer(reader)
    writer.close()
    await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    size = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return await reader.readexactly(int(size.partition(b":")[2]))


async def _bytes(facts: Any) -> float:
    """Measure GB per second of one large package, read with minimal code."""
    target = urlsplit(facts["url"])
    reader, writer = await asyncio.open_connection(target.hostname, target.port)
    request = f"PUT {facts['job']}/download HTTP/1.1\r\nHost: x\r\nAuthorization: {facts['key']}\r\n\r\n"
    writer.write(request.encode())
    link = urlsplit(json.loads(await _answer(reader))["signed_url"])
    writer.close()
    await writer.wait_closed()
    wish = f"GET {link.path}?{link.query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    started = time.perf_counter()
    received = await asyncio.to_thread(_drained, (str(link.hostname), link.port or 80), wish)
    assert received >= _BYTES, received
    return received / (time.perf_counter() - started) / 1e9


def _drained(address: tuple[str, int], wish: bytes) -> int:
    buffer, received = bytearray(1 << 20), 0
    with socket.create_connection(address) as peer:
        peer.sendall(wish)
        while count := peer.recv_into(buffer):
            received += count
    return received


if __name__ == "__main__":
    main()
