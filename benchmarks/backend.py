"""Passing packages through to very many browsers: `python benchmarks/backend.py [--readers 500] [--json FILE]`.

It needs nginx. 500 readers of 50 packages, each of a user with a key of their own, on loopback: first all of them stop
once the answer has begun, and what the backend's memory holds for each is looked at; then all read on. Beside ours
stand a handler for aiohttp as it is commonly written, and nginx's `proxy_pass`, which knows neither keys nor packages.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from attrs import frozen
from passers import PASSERS
from server import NGINX, asks_for, nginx, write_archives

KEYS = 50
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None
PROXY = """
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_max_temp_file_size 0;
    location ~ ^/(job-[0-9]+)/package$ {{ proxy_pass {storage}/$1.zip; }}
"""
"""nginx passing through what nginx serves, with its usual buffers and no files."""

Row = dict[str, Any]


@frozen
class Backend:
    """What is looked at.

    Attributes:
        port, process: where it listens, and which process it is.
        asked: packages in the order in which the API was asked for them; None where it never is.
    """

    port: int
    process: int
    asked: list[str] | None


class Reader(asyncio.BufferedProtocol):
    """Asks for one package, stops when its first bytes are here, and later reads on to the end."""

    buffer = memoryview(bytearray(1 << 18))
    """Where all readers put what they throw away."""

    def __init__(self, job: int) -> None:
        loop = asyncio.get_running_loop()
        self._job = job
        self.begun: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[int] = loop.create_future()
        self.received = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        lines = f"GET /job-{self._job}/package HTTP/1.1", f"Host: x\r\nX-Key: key-{self._job}", "Connection: close"
        transport.write("\r\n".join([*lines, "", ""]).encode())

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.buffer

    def buffer_updated(self, count: int) -> None:
        self.received += count
        if not self.begun.done():
            assert bytes(self.buffer[9:12]) == b"200", bytes(self.buffer[:count])
            self._transport.pause_reading()
            self.begun.set_result(None)

    def go_on(self) -> None:
        self._transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(self.received)


async def reader(port: int, job: int) -> Reader:
    """A reader whose connection holds little by itself, so that the backend has to."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, ("127.0.0.1", port))
    _, made = await loop.create_connection(lambda: Reader(job), sock=sock)
    await made.begun
    return made


async def measure(backend: Backend, readers: int, size: int) -> Row:
    """Hold all of them, then let all of them go."""
    await passes(backend, [await reader(backend.port, job) for job in range(KEYS)], size)  # base: each key was here
    base = resident(backend.process)
    await late(backend)
    held = await asyncio.gather(*(reader(backend.port, number % KEYS) for number in range(readers)))
    await asyncio.sleep(2)
    each, opening = (resident(backend.process) - base) / readers, await late(backend)
    wall, cpu = await passes(backend, held, size)
    amount = readers * size / 1e9
    asked = [] if backend.asked is None else backend.asked
    return {
        "base_mb": base / 1e6, "kib_each": each / 1024, "cpu_per_gb": cpu / amount, "gb_per_s": amount / wall,
        "late_opening": opening, "late": await late(backend),
        "asks_each": len(asked) / len(set(asked)) if asked else None,
    }  # fmt: skip


async def passes(backend: Backend, readers: list[Reader], size: int) -> tuple[float, float]:
    """Read all to the end; seconds of wall clock and of the backend's CPU."""
    wall, cpu = time.perf_counter(), used(backend.process)
    for each in readers:
        each.go_on()
    received = await asyncio.gather(*(each.ended for each in readers))
    assert min(received) > size, "one was cut short"
    return time.perf_counter() - wall, used(backend.process) - cpu


async def late(backend: Backend) -> dict[str, float] | None:
    """How late the backend's timer was; nginx has none."""
    if backend.asked is None:
        return None
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{backend.port}/late") as answer:
        told: dict[str, float] = await answer.json()
        return told


def resident(process: int) -> float:
    """Bytes of the process that are in memory now."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(float(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def used(process: int) -> float:
    """Seconds of CPU that the process had so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def started(name: str, storage: str, scratch: Path) -> AsyncIterator[Backend]:
    """One of the backends, freshly started."""
    links = {f"job:w-1/job-{number}": f"{storage}/job-{number}.zip" for number in range(KEYS)}
    if name == "nginx":
        folder = scratch / "proxy"
        folder.mkdir()
        with nginx(folder, tls=False, extra=PROXY.format(storage=storage)) as (origin, _):
            yield Backend(int(origin.rpartition(":")[2]), worker_of(folder / "nginx.pid"), None)
        return
    asked: list[str] = []
    async with asks_for(links, asked) as api:
        program = str(Path(__file__).with_name("passers.py"))
        keys = json.dumps([f"key-{number}" for number in range(KEYS)])
        process = await asyncio.create_subprocess_exec(sys.executable, program, name, api, keys, stdout=PIPE)
        assert process.stdout is not None
        try:
            yield Backend(int(await process.stdout.readline()), process.pid, asked)
        finally:
            process.kill()
            await process.wait()


def worker_of(pid: Path) -> int:
    """The one process of nginx that works."""
    parent = pid.read_text().strip()
    return int(Path(f"/proc/{parent}/task/{parent}/children").read_text().split()[0])


def prepare(folder: Path, size: int) -> int:
    """One archive under the names of all packages; returns its bytes."""
    total = write_archives(folder, 1, size)
    for number in range(1, KEYS):
        os.link(folder / "job-0.zip", folder / f"job-{number}.zip")
    return total


def show(rows: dict[str, Row]) -> None:
    heads = "".join(
        f"{head:>{width}}" for head, width in (("CPU s/GB", 10), ("GB/s", 7), ("base MB", 9), ("KiB each", 10))
    )
    print(f"{'backend':<14}{heads}{'asks each':>11}   late p50/p99/max ms: opening, passing")
    for name, row in rows.items():
        told = ", ".join(
            "/".join(f"{seconds * 1e3:.1f}" for seconds in row[key].values())
            for key in ("late_opening", "late") if row[key]
        )  # fmt: skip
        asks = "" if row["asks_each"] is None else f"{row['asks_each']:.1f}"
        print(
            f"{name:<14}{row['cpu_per_gb']:>10.3f}{row['gb_per_s']:>7.2f}{row['base_mb']:>9.1f}{row['kib_each']:>10.0f}"
            f"{asks:>11}   {told}"
        )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=500)
    parser.add_argument("--size", type=int, default=16 << 20, help="bytes of a package")
    parser.add_argument("--only", choices=[*PASSERS, "nginx"], action="append")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if NGINX is None:
        sys.exit("this benchmark needs nginx")
    rows: dict[str, Row] = {}
    with tempfile.TemporaryDirectory(dir=MEMORY) as scratch:
        size = prepare(Path(scratch) / "files", given.size)
        with nginx(Path(scratch), tls=False) as (storage, _):
            for name in given.only or [*PASSERS, "nginx"]:
                async with started(name, storage, Path(scratch)) as backend:
                    rows[name] = await measure(backend, given.readers, size)
    print(f"{given.readers} readers of {KEYS} packages of {size / 1e6:.0f} MB")
    show(rows)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    asyncio.run(main())
