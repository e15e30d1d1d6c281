"""Streaming beside its peers, in turn, on loopback: `python benchmarks/streams.py [--rounds 3] [--json FILE]`.

Two loads, 8 archives of 128 MiB and 500 of 256 KiB, over http and over TLS, from nginx where it is installed, else from
the sandbox (http alone). CPU seconds per GB is the figure to hold on to; wall clock is for ratios of runs in turn.

Each client is run on one archive of 64 KiB, too: what that costs is its start-up (imports, sessions, the record), told
in a column of its own and taken off before CPU is divided by bytes, which would else depend on how many there are.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
from clients import CLIENTS, STREAMS, peak_memory
from server import NGINX, Served, served

LOADS = {"8 x 128 MiB": (8, 128 << 20), "500 x 256 KiB": (500, 256 << 10)}
START = (1, 64 << 10)
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None
"""Where files are written: memory, so that the disk does not decide."""

Cost = dict[str, float]


def run_curl(found: Served, folder: Path) -> Cost:
    """curl --parallel, the tool that a shell script would use."""
    lines = "\n".join(f'url = "{link}"\noutput = "{folder}/{n}.zip"' for n, link in enumerate(found.links.values()))
    (folder / "curl.txt").write_text(lines)
    command = [
        "curl",
        "--silent",
        "--no-progress-meter",
        "--parallel",
        "--parallel-max",
        str(STREAMS),
        "--config",
        str(folder / "curl.txt"),
    ]
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment(found))
    peak, done = 0.0, 0
    while not done:
        peak = max(peak, peak_memory(process.pid))
        time.sleep(0.01)
        done, status, usage = os.wait4(process.pid, os.WNOHANG)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"curl ended with {process.returncode}"
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "rss": peak}


def run_python(name: str, found: Served, folder: Path) -> Cost:
    """One of our or their clients, in a process of its own."""
    job = json.dumps(attrs.asdict(found), default=str)
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("clients.py")), name, str(folder)],
        input=job, capture_output=True, text=True, env=environment(found), check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
    cost: Cost = json.loads(done.stdout)
    return cost


def environment(found: Served) -> dict[str, str]:
    trust = {"SSL_CERT_FILE": str(found.authority), "CURL_CA_BUNDLE": str(found.authority)} if found.authority else {}
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return compiled | trust


def names() -> list[str]:
    return [*CLIENTS, *(["curl --parallel"] if shutil.which("curl") else [])]


def rounds(found: Served, count: int, folder: Path) -> Iterator[tuple[str, Cost]]:
    """Every client once, then every client again: what changes on the machine meets them all."""
    for _ in range(count):
        for name in names():
            target = folder / "out"
            target.mkdir()
            try:
                yield name, run_curl(found, target) if name.startswith("curl") else run_python(name, found, target)
            finally:
                shutil.rmtree(target)


def summary(costs: list[Cost], size: int, start: float) -> Cost:
    """Medians of one client's runs; CPU beyond the start-up is what the bytes cost."""
    middle = {key: statistics.median(cost[key] for cost in costs) for key in costs[0]}
    beyond = max(middle["cpu"] - start, 0.0)
    return middle | {"start": start, "cpu_per_gb": beyond / size * 1e9, "gb_per_s": size / middle["wall"] / 1e9}


def show(title: str, table: dict[str, Cost]) -> None:
    ours = table["pixxel_async"]
    print(f"\n{title}")
    heads = (
        f"{'client':<26}{'GB/s':>7}{'wall x ours':>13}{'start s':>9}{'CPU s/GB':>10}{'CPU x ours':>12}{'peak MB':>9}"
    )
    print(f"{heads}   late p50/p99/max ms")
    for name, row in table.items():
        late = (
            "/".join(f"{row[key] * 1e3:.1f}" for key in ("late_p50", "late_p99", "late_max"))
            if "late_p50" in row
            else ""
        )
        print(
            f"{name:<26}{row['gb_per_s']:>7.2f}{row['wall'] / ours['wall']:>13.2f}{row['start']:>9.3f}"
            f"{row['cpu_per_gb']:>10.3f}{row['cpu_per_gb'] / ours['cpu_per_gb']:>12.2f}{row['rss'] / 1e6:>9.1f}"
            f"   {late}"
        )


async def costs(load: tuple[int, int], *, tls: bool, count: int) -> tuple[dict[str, list[Cost]], int, str]:
    """What each client's runs over a load cost, its bytes, and who served it."""
    number, size = load
    with tempfile.TemporaryDirectory(dir=MEMORY) as scratch:
        async with served(Path(scratch), count=number, size=size, tls=tls) as found:
            taken = await asyncio.to_thread(lambda: list(rounds(found, count, Path(scratch))))
            by_name: dict[str, list[Cost]] = {}
            for name, cost in taken:
                by_name.setdefault(name, []).append(cost)
            return by_name, found.size, found.name


async def starts(*, tls: bool, count: int) -> dict[str, float]:
    """CPU seconds of each client's start-up; a first round, which may compile, does not count."""
    runs, _, _ = await costs(START, tls=tls, count=count + 1)
    return {name: statistics.median(cost["cpu"] for cost in taken[1:]) for name, taken in runs.items()}


async def measure(load: str, start: dict[str, float], *, tls: bool, count: int) -> dict[str, Any]:
    runs, size, server = await costs(LOADS[load], tls=tls, count=count)
    table = {name: summary(taken, size, start[name]) for name, taken in runs.items()}
    show(f"{load}, {'TLS' if tls else 'http'}, from {server}, {count} rounds", table)
    return {"load": load, "tls": tls, "server": server, "clients": table}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--load", choices=LOADS, action="append")
    parser.add_argument("--only", choices=["http", "tls"])
    given = parser.parse_args()
    ways = [tls for tls in (False, True) if given.only in (None, "tls" if tls else "http") and (NGINX or not tls)]
    results = []
    for tls in ways:
        start = await starts(tls=tls, count=given.rounds)
        results += [await measure(load, start, tls=tls, count=given.rounds) for load in given.load or LOADS]
    if given.json:
        given.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    asyncio.run(main())
