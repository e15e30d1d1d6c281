"""Bodies from a storage to files, near and far: ours beside seven peers, from curl to aria2c.

Near is nginx on loopback; far is the same behind `delay_proxy`, which adds a round trip and bounds the window of each
connection. Every client writes the same archives to files in memory, eight streams at once; ours also proves and
records them, except as "size only", which does what the others do. Files are compared by length after each run.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import asdict, frozen
from harness import MEMORY, Client, as_case, interleave, left_out, show
from server import NGINX, Served, served

STREAMS = 8
HERE = Path(__file__).parent


@frozen
class Way:
    """Distance of the storage: seconds of a round trip, bytes of a connection's window; 0 for near."""

    rtt: float = 0.0
    window: int = 0

    def __str__(self) -> str:
        return f"{self.rtt * 1000:g} ms, {self.window >> 10} KiB" if self.rtt else "near"


@frozen
class Load:
    """A number of archives of a size in bytes."""

    count: int
    size: int

    def __str__(self) -> str:
        amount = f"{self.size >> 20} MiB" if self.size >= 1 << 20 else f"{self.size >> 10} KiB"
        return f"{self.count:,} x {amount}"


ONE, EIGHT, MANY, SOME = Load(1, 256 << 20), Load(8, 64 << 20), Load(2000, 256 << 10), Load(500, 256 << 10)
MIDDLE, LONG = Way(0.05, 1 << 20), Way(0.15, 1 << 20)
"""The far ways over which all loads are measured."""
OTHERS = [Way(0.005, 1 << 20), Way(0.05, 256 << 10), Way(0.05, 4 << 20), Way(0.15, 256 << 10), Way(0.15, 4 << 20)]
"""The far ways over which eight bodies are measured."""


def python(name: str) -> Client:
    """Return a client of `clients.py`, in a process of its own."""

    def command(storage: Served, folder: Path) -> Sequence[str]:
        job = folder / "job.json"
        job.write_text(json.dumps(asdict(storage), default=str))
        return [sys.executable, str(HERE / "clients.py"), name, str(folder), str(job)]

    package = {"stac-asset": "stac_asset"}.get(name, name.split()[0])
    installed = importlib.util.find_spec(package) is not None
    return Client(name, command, None if installed else f"pip install {name.split()[0]}")


def curl(storage: Served, folder: Path) -> Sequence[str]:
    """Return curl --parallel, as a shell script would use it."""
    lines = [f'url = "{link}"\noutput = "{n}.zip"' for n, link in enumerate(storage.links.values())]
    (folder / "curl.txt").write_text("\n".join(lines))
    return ["curl", "-s", "--fail", "--parallel", "--parallel-max", str(STREAMS), "--config", "curl.txt"]


def aria2c(storage: Served, folder: Path) -> Sequence[str]:
    """Return aria2c -x8: eight connections per body, eight bodies at once."""
    lines = [f"{link}\n  out={n}.zip" for n, link in enumerate(storage.links.values())]
    (folder / "links.txt").write_text("\n".join(lines))
    trust = [f"--ca-certificate={storage.authority}"] if storage.authority else []
    command = ["aria2c", "-q", "-x8", "-s8", "-k1M", f"-j{STREAMS}", "--file-allocation=none", "--allow-overwrite=true"]
    return [*command, *trust, "-i", "links.txt"]


def program(name: str, command: Any) -> Client:
    """Return a client that runs a program of the machine."""
    path = shutil.which(name.split()[0])
    return Client(name, command, None if path else f"{name.split()[0]} is not installed")


CLIENTS = [
    python("pixxel_async"),
    python("pixxel_async size only"),
    program("curl --parallel", curl),
    program("aria2c -x8", aria2c),
    python("pycurl"),
    python("obstore"),
    python("aiohttp"),
    python("httpx"),
    python("stac-asset"),
]
QUICK = ("pixxel_async", "pixxel_async size only", "curl --parallel", "aria2c -x8")
"""Clients of far storages: the others are slower than these near it already."""


async def measure(network: Way, load: Load, *, tls: bool, rounds: int) -> dict[str, Any]:
    """Run one case, print it, and return it as JSON values."""
    clients = [client for client in CLIENTS if not network.rtt or client.name in QUICK]
    if network.rtt and load.count == 1:  # curl's one connection takes rtt / window seconds a byte, whatever it does
        clients = [client for client in clients if not client.name.startswith("curl")]
    with tempfile.TemporaryDirectory(dir=MEMORY) as scratch:
        folder = Path(scratch)
        delay = (network.rtt, network.window) if network.rtt else None
        async with served(folder, count=load.count, size=load.size, tls=tls, delay=delay) as storage:
            trust = {name: str(storage.authority) for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE")} if tls else {}
            rows = await asyncio.to_thread(interleave, clients, storage, folder, rounds, trust)
            title = f"{load}, {'TLS' if tls else 'http'}, {network}"
            show(title, rows, storage.size, left_out(clients))
            return as_case(title, storage.size, rows, left_out(clients))


async def near(rounds: int, short: bool) -> list[dict[str, Any]]:
    """Measure all loads, http and TLS, from a near storage."""
    loads = [Load(8, 16 << 20), Load(200, 256 << 10)] if short else [ONE, EIGHT, Load(8, 256 << 20), MANY]
    tls_choices = [False, True] if NGINX else [False]
    return [await measure(Way(), load, tls=tls, rounds=rounds) for tls in tls_choices for load in loads]


async def far(rounds: int, short: bool) -> list[dict[str, Any]]:
    """Measure all loads over two ways, over one of them by TLS too, and eight bodies over the others."""
    if NGINX is None:
        raise SystemExit("a far storage needs nginx")
    if short:
        cases = [(MIDDLE, load, False) for load in (Load(1, 64 << 20), Load(8, 16 << 20), Load(200, 256 << 10))]
    else:
        ways = [(MIDDLE, False), (LONG, False), (MIDDLE, True)]
        cases = [(way, load, tls) for way, tls in ways for load in (ONE, EIGHT, SOME)]
        cases += [(way, EIGHT, False) for way in OTHERS]
    return [await measure(way, load, tls=tls, rounds=rounds) for way, load, tls in cases]
