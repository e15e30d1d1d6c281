"""Exports by a Dask cluster and by `pixxel export --processes`, beside one process; and a model of larger machines.

All processes share this machine's cores with nginx, so that the figures say what the work costs, not how it scales.
The model is made of that cost, in CPU seconds a package and a byte. (The file is not named `dask`, since benchmarks
import one another by name, and Dask itself would then be hidden.)
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import asdict, frozen
from clients import ours
from harness import MEMORY, Client, Cost, as_case, left_out, show, summarize
from server import served
from transfers import Load

LINK = 10e9 / 8
"""Bytes a second of a link of 10 Gbit/s."""
WAYS = ("one process", "--processes 2", "Dask, 1 worker", "Dask, 2 workers", "Dask, 4 workers")


@frozen
class Terms:
    """What one export costs, measured on this machine: CPU seconds.

    Attributes:
        package: of a worker, for each package.
        byte: of a worker, for each byte.
        scheduler: of scheduler and coordinator, for each package.
    """

    package: float
    byte: float
    scheduler: float = 0.0


@frozen
class Modelled:
    """A row of the model.

    Attributes:
        place: what exports, and over which link.
        size: bytes of a package.
        packages, bytes: a second.
        bound: what bounds it.
    """

    place: str
    size: int
    packages: float
    bytes: float
    bound: str


def modelled(place: str, terms: Terms, size: int, *, processes: int, links: int, cores: int) -> Modelled:
    """Return the throughput of a number of processes on machines with links of 10 Gbit/s.

    It is the least of three: cores of the workers divided by their CPU seconds a package, one core of the scheduler
    divided by its own, and the links. Assumptions: a process keeps one core busy and no more, packages are of one size,
    and storage, call rate and shared disks keep up.

    Args:
        processes: worker processes.
        links: machines, each with a link of its own.
        cores: cores of all machines.
    """
    bounds = {
        "CPU of workers": min(processes, cores) / (terms.package + size * terms.byte),
        "links": links * LINK / size,
    }
    if terms.scheduler:
        bounds["scheduler"] = 1 / terms.scheduler
    bound = min(bounds, key=lambda name: bounds[name])
    return Modelled(place, size, bounds[bound], bounds[bound] * size, bound)


def model(single: Terms, dask: Terms) -> list[Modelled]:
    """Return the rows for packages of 256 KiB, 64 MiB and 1 GiB."""
    return [
        modelled(place, terms, size, processes=processes, links=links, cores=cores)
        for place, terms, processes, links, cores in (
            ("one process, 10 Gbit/s", single, 1, 1, 4),
            ("--processes 4 on 4 cores, 10 Gbit/s", single, 4, 1, 4),
            ("Dask, 100 workers, 10 Gbit/s each", dask, 100, 100, 100),
        )
        for size in (256 << 10, 64 << 20, 1 << 30)
    ]


async def cluster(rounds: int, short: bool) -> list[dict[str, Any]]:
    """Many small packages and few large ones in each of the ways; then the model of these figures."""
    loads = [Load(200, 64 << 10), Load(8, 32 << 20)] if short else [Load(1000, 64 << 10), Load(16, 128 << 20)]
    missing = None if importlib.util.find_spec("distributed") else "pip install '.[dask]'"
    compared = [Client(way, lambda *_: (), missing if "Dask" in way else None) for way in WAYS]
    cases, measured = [], {}
    for load in loads:
        with tempfile.TemporaryDirectory(dir=MEMORY) as scratch:
            async with served(Path(scratch), count=load.count, size=load.size, tls=False) as storage:
                job = Path(scratch) / "job.json"
                job.write_text(json.dumps(asdict(storage), default=str))
                costs: dict[str, list[dict[str, float]]] = {way.name: [] for way in compared if way.missing is None}
                for number in range(rounds + 1):
                    for name in costs:
                        cost = await asyncio.to_thread(_run, name, Path(scratch), job)
                        costs[name] += [cost] if number else []
        totals = {
            name: [Cost(run["wall"], run["worker"] + run["scheduler"], run["memory"]) for run in runs]
            for name, runs in costs.items()
        }
        title = f"{load}: the export alone, without the start of processes; CPU and memory of all"
        show(title, summarize(totals), storage.size, left_out(compared))
        cases.append(as_case(title, storage.size, summarize(totals), left_out(compared)))
        measured[load] = {name: _least(runs) for name, runs in costs.items()}
    single, dask = (
        _terms(measured, name) for name in ("one process", "Dask, 2 workers" if not missing else "one process")
    )
    rows = model(single, dask)
    for row in rows:
        amount = f"{row.size >> 10:>10,} KiB {row.packages:>9,.1f}/s {row.bytes / 1e6:>9,.0f} MB/s"
        print(f"{row.place:<40}{amount} {row.bound}")
    cases.append(
        {"title": _title(single, dask), "bytes": 0, "clients": [], "left_out": {}, "model": list(map(asdict, rows))}
    )
    return cases


def _title(single: Terms, dask: Terms) -> str:
    return (
        f"Model, of {single.package * 1e3:.1f} ms a package and {single.byte * 1e9:.2f} s a GB in one process, "
        f"{dask.package * 1e3:.1f} ms and {dask.byte * 1e9:.2f} s in a Dask worker, {dask.scheduler * 1e3:.1f} ms a "
        "package in scheduler and coordinator"
    )


def _least(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the least CPU seconds of the runs: other processes on the machine only add."""
    return {kind: min(run[kind] for run in runs) for kind in ("worker", "scheduler")}


def _terms(measured: dict[Load, dict[str, dict[str, float]]], way: str) -> Terms:
    """Solve CPU = count x package + bytes x byte for the small and the large load."""
    (small, few), (large, many) = ((load, costs[way]["worker"]) for load, costs in measured.items())
    small_bytes, large_bytes = small.count * small.size, large.count * large.size
    byte = max(0.0, (many - few * large.count / small.count) / (large_bytes - small_bytes * large.count / small.count))
    package = max(0.0, (few - small_bytes * byte) / small.count)
    return Terms(package, byte, measured[small][way]["scheduler"] / small.count)


def _run(way: str, scratch: Path, job: Path) -> dict[str, float]:
    """Export in a process of its own; return its seconds of wall clock and CPU, and bytes of memory."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        command = [sys.executable, __file__, way, folder, str(job)]
        ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    cost: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return cost


def _export(way: str, folder: Path, job: dict[str, Any]) -> dict[str, float]:
    if way.startswith("Dask"):
        return _by_dask(int(way.split()[1]), folder, job)
    if way.startswith("--processes"):
        return _by_command(way.split(), folder, job)
    started = time.perf_counter()
    cpu = time.process_time()
    asyncio.run(ours(job, folder))
    cpu = time.process_time() - cpu
    return {"wall": time.perf_counter() - started, "worker": cpu, "scheduler": 0.0, "memory": _peak()}


def _by_command(option: list[str], folder: Path, job: dict[str, Any]) -> dict[str, float]:
    """Run `pixxel export`; the CPU of its start, and of its workers', is subtracted by an export of nothing."""
    environment = {**os.environ, "PIXXEL_API_KEY": job["api_key"], "PIXXEL_BASE_URL": job["api"]}
    costs = []
    for name, packages in (("none", []), ("all", list(job["links"]))):
        manifest = folder / f"{name}.csv"
        manifest.write_text("\n".join(["package", *packages, ""]))
        command = [sys.executable, "-m", "pixxel_async", "export", "--quiet", *option, "--manifest", str(manifest)]
        started = time.perf_counter()
        process = subprocess.Popen([*command, "--to", str(folder / name), "--keep-free", "0"], env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        costs.append((time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024))
    (start, starting, _), (wall, cpu, memory) = costs
    return {"wall": wall - start, "worker": cpu - starting, "scheduler": 0.0, "memory": float(memory)}


def _by_dask(workers: int, folder: Path, job: dict[str, Any]) -> dict[str, float]:
    from distributed import Client as Dask
    from distributed import LocalCluster

    from pixxel_async.integrations.dask import export

    environment = {"PIXXEL_API_KEY": job["api_key"], "PIXXEL_BASE_URL": job["api"]}
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None, env=environment) as started,
        Dask(started) as client,
    ):
        client.run(__import__, "pixxel_async.integrations.dask.worker", fromlist=["worker"])
        before, cpu, begun = client.run(time.process_time), time.process_time(), time.perf_counter()
        batch = max(1, min(50, len(job["links"]) // (2 * workers)))
        results = list(
            export(list(job["links"]), folder / "exports", client=client, batch=batch, spool=folder / "spool",
                   settings={"base_url": job["api"]}, min_free_space=0)
        )  # fmt: skip
        wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
        assert all(result.state == "fetched" for result in results), results[:3]
        worker = sum(client.run(time.process_time).values()) - sum(before.values())
        memory = _peak() + sum(client.run(_peak).values())
    return {"wall": wall, "worker": worker, "scheduler": cpu, "memory": memory}


def _peak() -> float:
    """Return the peak memory of this process in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return sum(float(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    print(json.dumps(_export(sys.argv[1], Path(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text()))))
