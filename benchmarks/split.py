"""One large body with capped connections: `python benchmarks/split.py [--rounds 3] [--json F]`.

nginx on loopback with `limit_rate 20m`, and without it; our client as it is, at the work that the others do, and never
splitting, beside `aria2c -x8` and one stream of curl. Needs nginx and aria2c. Files are written to memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clients import ours
from server import NGINX, Served, served

MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None
Run = Callable[[Served, Path], None]


def mine(**settings: Any) -> Run:
    """Fetch by pixxel_async with these settings."""

    def run(storage: Served, folder: Path) -> None:
        job = {"api": storage.api, "api_key": storage.api_key, "links": storage.links}
        asyncio.run(ours(job, folder, **settings))

    return run


def tool(*command: str) -> Run:
    """Fetch by a program that takes the link as its last argument and writes into the current folder."""

    def run(storage: Served, folder: Path) -> None:
        [link] = storage.links.values()
        subprocess.run([*command, link], cwd=folder, check=True, stdout=subprocess.DEVNULL)

    return run


ARIA = ["aria2c", "-q", "-x8", "-s8", "-k8M", "--file-allocation=none", "--allow-overwrite=true"]
RUNS: dict[str, Run] = {
    "pixxel_async": mine(),
    "pixxel_async size": mine(verify="size", checksum=None),
    "pixxel_async unsplit": mine(verify="size", checksum=None, max_connections=1),
    "aria2c -x8": tool(*ARIA),
    "curl": tool("curl", "-s", "-O"),
}


def timed(run: Run, storage: Served, scratch: Path) -> float:
    """Return the seconds of one run, into a folder of its own."""
    target = scratch / "out"
    target.mkdir()
    try:
        began = time.perf_counter()
        run(storage, target)
        return time.perf_counter() - began
    finally:
        shutil.rmtree(target)


async def measure(cap: str, size: int, rounds: int) -> dict[str, float]:
    """Return the median MB/s of every client, measured in turn."""
    extra = f"limit_rate {cap};" if cap else ""
    with tempfile.TemporaryDirectory(dir=MEMORY) as scratch:
        async with served(Path(scratch), count=1, size=size, tls=False, extra=extra) as storage:
            times_by_name: dict[str, list[float]] = {name: [] for name in RUNS}
            for _ in range(rounds):
                for name, run in RUNS.items():
                    times_by_name[name].append(await asyncio.to_thread(timed, run, storage, Path(scratch)))
            return {name: storage.size / statistics.median(times) / 1e6 for name, times in times_by_name.items()}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=1 << 30, help="bytes of the body")
    parser.add_argument("--cap", default="20m", help="nginx limit_rate of a connection")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if NGINX is None or shutil.which("aria2c") is None:
        raise SystemExit("this needs nginx and aria2c")
    results = {}
    for cap in (options.cap, ""):
        results[cap or "uncapped"] = speeds = await measure(cap, options.size, options.rounds)
        print(f"\n{options.size / 1e6:.0f} MB, {cap + ' a connection' if cap else 'uncapped'}, {options.rounds} rounds")
        for name, speed in speeds.items():
            print(f"{name:<24}{speed:>8.0f} MB/s{speed / speeds['aria2c -x8']:>8.2f} x aria2c")
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    asyncio.run(main())
