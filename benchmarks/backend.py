"""Pass packages through to many browsers: `python benchmarks/backend.py [--readers 500] [--json FILE]`.

It needs nginx, which is the storage, over TLS as all storages are. 500 readers of 50 packages, each of a user with a
key of their own, on loopback; backend, storage and readers are three processes, and only the backend is looked at.

1. opening: all of them connect and ask in the same moment; until each has its first bytes.
2. held: all of them stop there; what the backend's memory has grown by, for each, and whose buffers that is: bodies
   that wait on one side or the other, TLS's, and what is left without them. A second process notes that, so that it
   costs the others nothing.
3. slow: each reads on at 256 KiB a second, as browsers do that are far away.
4. fast: eight read packages to their end as fast as they come.
5. flood: all 500 do. A process has nothing left then: it shows who is kept waiting, not what browsers would see.

A timer of 10 ms in the backend says how late it was, and at most how much of that was the backend's own doing ("own"):
the CPU that it used meanwhile. On a machine that others use, too, only the latter says something.

Beside ours stand a handler for aiohttp as it is commonly written, aiohttp's server that sends bytes from nowhere, and
nginx's `proxy_pass`, which knows neither keys nor packages and has no timer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
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
from readers import Reader, reader
from server import NGINX, asks_for, nginx, write_archives

KEYS = 50
FAST = 8
FASTS = 24
"""How often so many read a package, for a timer that fires often enough in the meantime."""
SLOW = 256 * 1024
"""Bytes a second of a slow reader."""
SLOWLY = 6.0
"""Seconds for which they are looked at."""
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None
PROXY = """
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_max_temp_file_size 0;
    location ~ ^/(job-[0-9]+)/package$ {{ proxy_pass {storage}/$1.zip; }}
"""
"""nginx passing through what nginx serves, with its usual buffers and no files."""

HELD = "all", "bodies", "unwritten", "asyncio", "OpenSSL", "the rest", "ours of it"
"""What is held for a reader: bodies in aiohttp's hands, what waits to be written, asyncio's own buffers, OpenSSL's and
malloc's, and whatever is no buffer."""

Row = dict[str, Any]


@frozen
class Backend:
    """A measured backend process.

    Attributes:
        port, process: where it listens, and which process it is.
        requests: packages in the order in which the API was asked for them; None where it never is.
    """

    port: int
    process: int
    requests: list[str] | None


async def opened(backend: Backend, count: int, size: int) -> list[Reader]:
    """Open readers concurrently and wait for the first bytes of each."""
    return await asyncio.gather(*(reader(backend.port, number % KEYS, size) for number in range(count)))


async def measure(backend: Backend, readers: int, size: int) -> Row:
    """Measure the five situations in turn."""
    await used_before(backend, size)
    row: Row = {}
    base = resident(backend.process)
    async with looked_at(backend, row, "idle"):
        await asyncio.sleep(1)
    async with looked_at(backend, row, "opening"):
        readers_open = await opened(backend, readers, size)
    await asyncio.sleep(2)
    row["held"] = {"base_mb": base / 1e6, "kib_each": (resident(backend.process) - base) / readers / 1024}
    chance, loop = random.Random(7), asyncio.get_running_loop()
    for each in readers_open:  # not in step: they have nothing to do with one another
        loop.call_later(chance.random(), each.go_on, SLOW)
    await asyncio.sleep(2)
    before = sum(each.received for each in readers_open)
    async with looked_at(backend, row, "slow"):
        await asyncio.sleep(SLOWLY)
    row["slow"]["gb"] = (sum(each.received for each in readers_open) - before) / 1e9
    for each in readers_open:
        each.leave()
    await asyncio.gather(*(each.ended for each in readers_open))
    await asyncio.sleep(1)
    async with looked_at(backend, row, "fast"):
        for _ in range(FASTS):
            await passed(await opened(backend, FAST, size), size)
    readers_open = await opened(backend, readers, size)
    async with looked_at(backend, row, "flood"):
        await passed(readers_open, size)
    row["fast"]["gb"], row["flood"]["gb"] = FASTS * FAST * size / 1e9, readers * size / 1e9
    row["asks_each"] = len(backend.requests) / len(set(backend.requests)) if backend.requests else None
    return row


async def account(backend: Backend, readers: int, size: int) -> Row:
    """Return the KiB that each stopped reader holds, by owner."""
    await used_before(backend, size)
    before = await asked(backend)
    await opened(backend, readers, size)
    await asyncio.sleep(2)
    current = await asked(backend)
    if before is None or current is None:
        return {}
    grown = {name: current["account"][name] - before["account"].get(name, 0) for name in current["account"]}
    return {name: grew / readers / 1024 for name, grew in (grown | {"waiting": current["waiting"]}).items()}


async def used_before(backend: Backend, size: int) -> None:
    """Use each key once before the measurement."""
    for job in range(KEYS):
        await passed([await reader(backend.port, job, size)], size)


@asynccontextmanager
async def looked_at(backend: Backend, row: Row, name: str) -> AsyncIterator[None]:
    """Measure wall clock, the backend's CPU time and its timer's lateness."""
    await asked(backend)
    wall, cpu = time.perf_counter(), used(backend.process)
    yield
    row[name] = {"wall": time.perf_counter() - wall, "cpu": used(backend.process) - cpu}
    figures = await asked(backend)
    row[name]["late"] = figures and figures["late"]


async def passed(readers: list[Reader], size: int) -> None:
    """Read all bodies to their end."""
    for each in readers:
        each.go_on()
    received = await asyncio.gather(*(each.ended for each in readers))
    assert min(received, default=size + 1) > size, "one was cut short"


async def asked(backend: Backend) -> dict[str, Any] | None:
    """Return the backend's own measurements since the last request; nginx has none."""
    if backend.requests is None:
        return None
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{backend.port}/figures") as answer:
        figures: dict[str, Any] = await answer.json()
        return figures


def resident(process: int) -> float:
    """Return the process's resident memory in bytes."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(float(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def used(process: int) -> float:
    """Return the CPU seconds used by the process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def started(
    name: str, storage: str, authority: Path | None, scratch: Path, noting: bool = False
) -> AsyncIterator[Backend]:
    """Start one of the backends; `noting` traces memory by owner."""
    if name == "nginx":
        folder = Path(tempfile.mkdtemp(dir=scratch))
        with nginx(folder, tls=False, extra=PROXY.format(storage=storage)) as (origin, _):
            yield Backend(int(origin.rpartition(":")[2]), worker_of(folder / "nginx.pid"), None)
        return
    links = {f"job:w-1/job-{number}": f"{storage}/job-{number}.zip" for number in range(KEYS)}
    asks: list[str] = []
    async with asks_for(links, asks) as api:
        program = str(Path(__file__).with_name("passers.py"))
        arguments = name, api, str(authority or ""), json.dumps([f"key-{number}" for number in range(KEYS)])
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            program,
            *arguments,
            stdout=PIPE,
            env=os.environ | ({"PYTHONTRACEMALLOC": "1"} if noting else {}),
        )
        assert process.stdout is not None
        try:
            yield Backend(int(await process.stdout.readline()), process.pid, asks)
        finally:
            process.kill()
            await process.wait()


def worker_of(pid: Path) -> int:
    """Return the worker process of nginx."""
    parent = pid.read_text().strip()
    return int(Path(f"/proc/{parent}/task/{parent}/children").read_text().split()[0])


def prepare(folder: Path, size: int) -> int:
    """Write one archive under the names of all packages; return its bytes."""
    total = write_archives(folder, 1, size)
    for number in range(1, KEYS):
        os.link(folder / "job-0.zip", folder / f"job-{number}.zip")
    return total


def show(rows: dict[str, Row], readers: int) -> None:
    """Print one table per situation; lateness of the backend's timer in ms."""
    print(f"\n{'':<14}base MB   asks a package   KiB held for each: {'  '.join(f'{name:>10}' for name in HELD)}")
    for name, row in rows.items():
        parts = "  ".join(number(value, 10, ".1f") for value in held(row).values())
        print(f"{name:<14}{row['held']['base_mb']:>7.1f}{number(row['asks_each'], 16, '.1f')}{'':<21}{parts}")
    heads = {"idle": "", "opening": "ms CPU an open", "slow": "CPU s/GB", "fast": "CPU s/GB", "flood": "CPU s/GB"}
    for situation, unit in heads.items():
        timer = "late p50     p99     max own p50     p99     max ms"
        print(f"\n{situation + ':':<14}{unit:>15}     GB/s   seconds  {timer}")
        for name, row in rows.items():
            figures = row[situation]
            gb = figures.get("gb")
            cost = figures["cpu"] / gb if gb else figures["cpu"] / readers * 1e3 if situation == "opening" else None
            late = "".join(number(each * 1e3, 8, ".1f") for each in (figures["late"] or {}).values())
            rate = gb and gb / figures["wall"]
            print(f"{name:<14}{number(cost, 15, '.2f')}{number(rate, 9, '.2f')}{figures['wall']:>10.1f}  {late}")


def held(row: Row) -> dict[str, float | None]:
    """Return the memory of one reader in KiB: the process's growth, divided by owner.

    What Python did not ask for itself is OpenSSL's, and what malloc keeps.
    """
    parts, grown = row["account"], row["held"]["kib_each"]
    if not parts:
        return {name: grown if name == "all" else None for name in HELD}
    objects = {name: size for name, size in parts.items() if name.endswith(" objects")}
    buffers = {name: size for name, size in parts.items() if name.endswith(" buffers")}
    bodies, loop = buffers.get("aiohttp buffers", 0.0), buffers.get("asyncio buffers", 0.0)
    rest = sum(objects.values()) + sum(buffers.values()) - bodies - loop
    own = sum(size for name, size in parts.items() if name.startswith("pixxel_async"))
    shares = grown, bodies, parts["waiting"], loop - parts["waiting"], grown - rest - bodies - loop, rest, own
    return dict(zip(HELD, shares, strict=True))


def number(value: float | None, width: int, form: str) -> str:
    return " " * width if value is None else f"{value:>{width}{form}}"


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=500)
    parser.add_argument("--size", type=int, default=4 << 20, help="bytes of a package")
    parser.add_argument("--no-tls", action="store_true", help="have the storage serve plain http")
    parser.add_argument("--only", choices=[*PASSERS, "nginx"], action="append")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if NGINX is None:
        sys.exit("this benchmark needs nginx")
    rows: dict[str, Row] = {}
    with tempfile.TemporaryDirectory(dir=MEMORY) as scratch:
        size = prepare(Path(scratch) / "files", options.size)
        with nginx(Path(scratch), tls=not options.no_tls) as (storage, authority):
            for name in options.only or [*PASSERS, "nginx"]:
                async with started(name, storage, authority, Path(scratch)) as backend:
                    rows[name] = await measure(backend, options.readers, size)
                async with started(name, storage, authority, Path(scratch), noting=True) as backend:
                    rows[name]["account"] = await account(backend, options.readers, size)
    scheme = "http" if options.no_tls else "https"
    print(f"{options.readers} readers of {KEYS} packages of {size / 1e6:.0f} MB, {scheme}")
    show(rows, options.readers)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    asyncio.run(main())
