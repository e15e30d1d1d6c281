"""Run clients in turn, each in a process of its own, with medians, spread, and the machine's load.

What is measured of a run is wall clock, CPU (user and system, children included) and peak memory of its process.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None
"""Where files are served from and written to: memory, so that the disk does not decide."""


@frozen
class Cost:
    """Cost of one run: seconds of wall clock, CPU seconds, bytes of peak memory."""

    wall: float
    cpu: float
    memory: float


@frozen
class Client:
    """A client that does the work of a case.

    Attributes:
        name: as tables and charts show it.
        command: the command line for a case and an empty folder.
        missing: what is not installed; None where it can run.
    """

    name: str
    command: Callable[[Any, Path], Sequence[str]]
    missing: str | None = None


@frozen
class Summary:
    """Medians of a client's runs, the relative spread of the wall clock, and ratios to the first client."""

    client: str
    wall: float
    spread: float
    cpu: float
    memory: float
    wall_ratio: float
    cpu_ratio: float
    runs: list[Cost]


COST = "cost.json"
"""File in which a program that measures a part of itself leaves the seconds of wall clock and of CPU."""


def run(command: Sequence[str], environment: dict[str, str], folder: Path) -> Cost:
    """Run a command in a folder to its end; raise RuntimeError with its output if it failed.

    The seconds are those of the whole process, or those that it leaves in `COST`.
    """
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    with (folder / ".said").open("w+") as output:
        process = subprocess.Popen(command, cwd=folder, env=compiled | environment, stdout=output, stderr=output)
        over, peak = threading.Event(), [0.0]
        watching = threading.Thread(target=_watch_memory, args=(process.pid, over, peak))
        watching.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        over.set()
        watching.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise RuntimeError(f"{command[0]} ended with {process.returncode}: {output.read()[-2000:]}")
    cpu = usage.ru_utime + usage.ru_stime
    if (folder / COST).exists():
        wall, cpu = json.loads((folder / COST).read_text())
    return Cost(wall, cpu, peak[0])


def _watch_memory(process: int, over: threading.Event, peak: list[float]) -> None:
    """Track the process's peak memory in `peak`: `ru_maxrss` would include the parent's."""
    while not over.wait(0.02):
        try:
            lines = Path(f"/proc/{process}/status").read_text().splitlines()
        except OSError:
            return
        peak[0] = max([peak[0], *(float(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))])


def interleave(
    clients: Sequence[Client], case: Any, scratch: Path, rounds: int, environment: dict[str, str]
) -> list[Summary]:
    """Run every client once per round, so that a change on the machine affects all of them.

    A first round, in which caches fill and modules are compiled, does not count.
    """
    present = [client for client in clients if client.missing is None]
    costs: dict[str, list[Cost]] = {client.name: [] for client in present}
    for number in range(rounds + 1):
        for client in present:
            folder = scratch / "out"
            folder.mkdir()
            try:
                cost = run(client.command(case, folder), environment, folder)
            finally:
                shutil.rmtree(folder)
            if number:
                costs[client.name].append(cost)
    return summarize(costs)


def summarize(costs: dict[str, list[Cost]]) -> list[Summary]:
    """Return medians, spreads, and ratios to the first client."""
    middle = {
        name: Cost(*(statistics.median(getattr(cost, field) for cost in runs) for field in ("wall", "cpu", "memory")))
        for name, runs in costs.items()
    }
    own = next(iter(middle.values()))
    return [
        Summary(
            client=name,
            wall=middle[name].wall,
            spread=(max(cost.wall for cost in runs) - min(cost.wall for cost in runs)) / middle[name].wall,
            cpu=middle[name].cpu,
            memory=middle[name].memory,
            wall_ratio=middle[name].wall / own.wall,
            cpu_ratio=middle[name].cpu / max(own.cpu, 1e-9),
            runs=runs,
        )
        for name, runs in costs.items()
    ]


def machine() -> dict[str, Any]:
    """Return facts about the machine and its load, which figures depend on."""
    load = os.getloadavg() if hasattr(os, "getloadavg") else (0.0, 0.0, 0.0)
    return {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count(), "load": load}


def left_out(clients: Sequence[Client]) -> dict[str, str]:
    """Return the clients that cannot run here, with the missing package or program."""
    return {client.name: client.missing for client in clients if client.missing is not None}


def show(title: str, rows: Sequence[Summary], size: int, missing: dict[str, str]) -> None:
    """Print one case as a table; `size` is the bytes moved, or 0."""
    print(f"\n{title}")
    print(f"{'client':<28}{'wall s':>9}{'spread':>8}{'MB/s':>8}{'wall x':>8}{'CPU s':>8}{'CPU x':>8}{'peak MB':>9}")
    for row in rows:
        rate = f"{size / row.wall / 1e6:,.0f}" if size else "-"
        print(
            f"{row.client:<28}{row.wall:>9.3f}{row.spread:>8.0%}{rate:>8}{row.wall_ratio:>8.2f}"
            f"{row.cpu:>8.2f}{row.cpu_ratio:>8.2f}{row.memory / 1e6:>9.0f}"
        )
    for name, reason in missing.items():
        print(f"{name:<28}left out: {reason}")


def show_ratio(rows: Sequence[Summary], peer: str, target: float) -> None:
    """Print the CPU of ours, the first client, as a multiple of a peer's, with the multiple that was aimed at."""
    if (other := next((row for row in rows if row.client == peer), None)) is not None:
        print(f"CPU of ours / {peer}: {rows[0].cpu / other.cpu:.2f}, target {target:.2f}")


def save(path: Path, benchmark: str, cases: list[dict[str, Any]]) -> None:
    """Write the results of one benchmark as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"benchmark": benchmark, "machine": machine(), "cases": cases}, indent=1) + "\n")


def as_case(title: str, size: int, rows: Sequence[Summary], missing: dict[str, str]) -> dict[str, Any]:
    """Return one case as JSON values."""
    return {"title": title, "bytes": size, "left_out": missing, "clients": [asdict(row) for row in rows]}
