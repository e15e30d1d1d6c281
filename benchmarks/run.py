"""List the benchmarks, and run those that are named: `python benchmarks/run.py [NAME ...] [--rounds 5] [--short]`.

Without a name it lists them. Each run writes `NAME.json` and a chart `NAME.svg` into the folder of `--to`; the page of
results is made from these by `python benchmarks/report.py`. Peers that are not installed are named and left out:
`pip install --group bench -e '.[cli,s3]'`, and nginx, curl and aria2c of your system.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import calls
import chart
import cluster
import transfers
from harness import machine, save

Benchmark = Callable[[int, bool], Coroutine[Any, Any, list[dict[str, Any]]]]
HERE = Path(__file__).parent

COMPARED: dict[str, tuple[str, Benchmark]] = {
    "near": ("bodies of a storage that is near: http and TLS, large and small", transfers.near),
    "far": ("bodies of storages that are far: 5, 50 and 150 ms, windows of 256 KiB to 4 MiB", transfers.far),
    "calls": ("API calls, and reading of large answers", calls.calls),
    "cluster": (
        "exports by Dask workers and by --processes, beside one process; a model of larger machines",
        cluster.cluster,
    ),
    "start": ("from the start of a process to its first response", calls.start),
}
"""Benchmarks that stand beside peers."""
ALONE: dict[str, str] = {
    "items": "very many tiny packages: memory, time of each, second runs",
    "backend": "packages passed through to 500 readers, beside nginx and aiohttp",
    "prove": "proof of archives, in a second pass and while they are written",
    "sandbox": "start, calls and bytes of the sandbox",
    "schedule": "when packages are asked for, in virtual time, beside a bound",
}
"""Benchmarks with figures of their own, each a script that prints them."""


def main() -> int:
    """List or run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each client that count")
    parser.add_argument("--short", action="store_true", help="small loads: to see that a benchmark works")
    parser.add_argument("--to", type=Path, default=HERE / "results", help="folder of the results")
    options = parser.parse_args()
    if unknown := set(options.names) - COMPARED.keys() - ALONE.keys():
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    if not options.names:
        for name, about in ({name: about for name, (about, _) in COMPARED.items()} | ALONE).items():
            print(f"{name:<10}{about}")
        return 0
    facts = machine()
    print(f"{facts['system']}, {facts['cores']} cores, Python {facts['python']}, load {facts['load'][0]:.1f}")
    if facts["load"][0] > 0.5:
        print("the machine is not quiet: trust CPU seconds and ratios of one run, no wall clock")
    for name in options.names:
        if name in ALONE:
            subprocess.run([sys.executable, str(HERE / f"{name}.py")], check=True)
            continue
        cases = asyncio.run(COMPARED[name][1](options.rounds, options.short))
        save(options.to / f"{name}.json", name, cases)
        result = json.loads((options.to / f"{name}.json").read_text())
        (options.to / f"{name}.svg").write_text(chart.draw(result), encoding="utf-8", newline="\n")
        print(f"\n{options.to / name}.json and .svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
