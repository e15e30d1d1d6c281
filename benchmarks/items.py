"""Very many packages: `python benchmarks/items.py [PART ...] [--items 20000] [--whole 2000] [--folder FOLDER]`.

Parts, all of them unless some are named:

- `pending`: what one pending package costs in memory over its own data, and how soon the first request is sent although
  the source is long; with the most memory, descriptors and threads that the process had meanwhile.
- `whole`: the time of a tiny package from request to record.
- `again`: a second run of `fetch_all` when all is done already.
- `export`: the same of `pixxel export`, which lists the jobs first; the whole process, from start to exit.

The API is a few lines in a process of its own, so that its cost is not ours. `--folder` keeps what the second runs
find, which takes longest to prepare.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from pixxel_async import DownloadManager, JobPackage, PixxelClient, Settings
from pixxel_async.downloads import Record
from pixxel_async.settings import PollSettings

Figures = dict[str, float]

PATIENT = PollSettings(initial_interval=3600.0, max_interval=3600.0)
"""Nobody asks again while the pending are counted."""
ORIGIN = "benchmark"
"""What the record is bound to, whichever port the API has."""


def main() -> None:
    """Measure and print."""
    options = _options()
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve", str(options.items)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        with tempfile.TemporaryDirectory(prefix="items-") as scratch:
            figures = asyncio.run(_measure(url, Path(scratch), options))
    finally:
        server.kill()
        server.communicate()
    for name, value in figures.items():
        print(f"{name}: {value:,.2f}")
    if options.json:
        options.json.write_text(json.dumps(figures))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all of them unless named")
    parser.add_argument("--items", type=int, default=20_000, help="pending packages, and packages of the second run")
    parser.add_argument("--whole", type=int, default=2_000, help="tiny packages fetched from request to record")
    parser.add_argument("--folder", type=Path, help="where the second runs' packages are, or are put")
    parser.add_argument("--json", type=Path, help="where the figures go")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    return options


async def _measure(url: str, scratch: Path, options: argparse.Namespace) -> Figures:
    options.folder = options.folder or scratch / "again"
    figures: Figures = {}
    for name, part in PARTS.items():
        if not options.parts or name in options.parts:
            figures |= await part(url, scratch / name, options)
    return figures


def _packages(workflow: str, count: int) -> list[JobPackage]:
    jobs = (f"{number:08x}-5eed-4000-8000-{number:012x}" for number in range(count))
    return [JobPackage(workflow_id=workflow, job_id=job) for job in jobs]


async def _pending(url: str, folder: Path, options: argparse.Namespace) -> Figures:
    """Request packages that are never ready, measure the process's growth, and drop them."""
    count: int = options.items
    packages, first_sent, most = _packages("packing", count), [0.0], [0, 0]
    before = 0

    def first(_: object) -> None:
        first_sent[0] = first_sent[0] or time.perf_counter()

    settings = Settings(api_key="k", base_url=url, poll=PATIENT)
    async with (
        PixxelClient(settings=settings, on_request=[first]) as client,
        DownloadManager(client, folder) as manager,
    ):
        started = time.perf_counter()
        async with manager.fetch_all(packages):
            while manager.snapshot().waiting < count:
                before = before or (_resident() if manager.snapshot().waiting > count // 20 else 0)
                most = [max(most[0], len(os.listdir("/proc/self/fd"))), max(most[1], threading.active_count())]
                await asyncio.sleep(0.05)
            grown = _resident() - before
    return {
        "seconds to the first request": first_sent[0] - started,
        "bytes a pending package": grown / (count * 0.95),
        "most memory MB": _most_resident(),
        "most descriptors": most[0],
        "most threads": most[1],
    }


def _resident() -> int:
    """Return the resident memory of this process in bytes."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def _most_resident() -> float:
    """Return the peak memory of this process in MB."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) / 1024


async def _end_to_end(url: str, folder: Path, options: argparse.Namespace) -> Figures:
    count: int = options.whole
    cost, done = await _run(url, folder, _packages("tiny", count))
    assert done == count
    return {"CPU ms a tiny package": 1e3 * cost["cpu"] / count, "wall ms a tiny package": 1e3 * cost["wall"] / count}


async def _second_run(url: str, scratch: Path, options: argparse.Namespace) -> Figures:
    packages = _packages("done", options.items)
    await _prepare(options.folder, packages)
    cost, _ = await _run(url, options.folder, packages)
    return {f"second run, {options.items:,} done: {kind} s": seconds for kind, seconds in cost.items()}


async def _second_export(url: str, scratch: Path, options: argparse.Namespace) -> Figures:
    """Measure a second `pixxel export` as a process; the first, which writes SHA256SUMS, is not counted."""
    await _prepare(options.folder, _packages("done", options.items))
    line = [sys.executable, "-m", "pixxel_async", "--set", f"origin={ORIGIN}"]
    line += ["export", "--quiet", "--workflow", "done", "--to", str(options.folder)]
    for _ in range(2):
        wall, usage = await asyncio.to_thread(_timed, line, {"PIXXEL_BASE_URL": url, "PIXXEL_API_KEY": "k"})
    return {
        f"second export, {options.items:,} done: wall s": wall,
        f"second export, {options.items:,} done: cpu s": usage.ru_utime + usage.ru_stime,
        "most memory MB of the export": usage.ru_maxrss / 1024,
    }


def _timed(line: list[str], environment: dict[str, str]) -> tuple[float, resource.struct_rusage]:
    """Return the seconds from start to exit of a process, and its usage."""
    started = time.perf_counter()
    process = subprocess.Popen(line, env={**os.environ, **environment})
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return time.perf_counter() - started, usage


async def _run(url: str, folder: Path, packages: list[JobPackage]) -> tuple[Figures, int]:
    """Return the cost of a whole run, opening and closing included, and its number of files."""
    wall, cpu, done = time.perf_counter(), time.process_time(), 0
    async with (
        PixxelClient(settings=Settings(api_key="k", base_url=url, origin=ORIGIN)) as client,
        DownloadManager(client, folder) as manager,
        manager.fetch_all(packages) as outcomes,
    ):
        async for outcome in outcomes:
            done += getattr(outcome, "path", None) is not None
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}, done


async def _prepare(folder: Path, packages: list[JobPackage]) -> None:
    """Prepare a folder and record like after a run, unless they exist."""
    try:
        (folder / "done").mkdir(parents=True)
    except FileExistsError:
        return
    async with await Record.open(folder / ".pixxel" / "record.sqlite", origin=ORIGIN) as record:
        for start in range(0, len(packages), 500):
            chunk = packages[start : start + 500]
            await asyncio.gather(*(_done(record, folder, package) for package in chunk))


async def _done(record: Record, folder: Path, package: JobPackage) -> None:
    path = folder / "done" / f"{package.job_id}.zip"
    path.write_bytes(b"tiny!")
    await record.save(
        str(package), folder, state="done", name=f"done/{path.name}", part=f"done/.{package.job_id}.part", size=5,
        mtime_ns=path.stat().st_mtime_ns, sha256="0" * 64, proof="crc", container="zip", etag='"e"', total=5,
        finished_at=1.0, fields={"status": "completed", "finished_at": "2026-09-21T00:00:00Z"},
    )  # fmt: skip


class _Server(asyncio.Protocol):
    """A server that answers package requests, `packing` for one workflow, and serves one archive for every link."""

    url = ""
    listing = b""

    def __init__(self) -> None:
        self._seen = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._seen += data
        while b"\r\n\r\n" in self._seen:
            head, _, rest = self._seen.partition(b"\r\n\r\n")
            lengths = [line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            self._seen = rest[int(lengths[0]) if lengths else 0 :]
            assert self._transport is not None
            self._transport.write(_answer(head))


def _answer(head: bytes) -> bytes:
    path = head.split(b" ", 2)[1]
    if path.startswith(b"/files/"):
        kind, body = b"application/zip", _ARCHIVE
    else:
        packing, ready = {"status": "in_progress"}, {"status": "completed", "signed_url": f"{_Server.url}/files/1.zip"}
        kind, body = b"application/json", json.dumps(packing if b"/packing/" in path else ready).encode()
    if b"/projects" in path:
        body = b'{"projects": [], "total_count": 0}'
    elif path.endswith(b"/jobs"):
        body = _Server.listing
    return b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s' % (kind, len(body), body)


def _archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("spec.json", b"{}")
    return out.getvalue()


_ARCHIVE = _archive()


def _listed(package: JobPackage) -> dict[str, object]:
    """Return a job's row like in a listing."""
    return {
        "id": package.job_id, "workflow_id": package.workflow_id, "created_by": "5a1e9a6e-0000-4000-8000-000000000001",
        "status": "completed", "progress": "100", "cost": 12.5, "estimated_duration": 360, "time_taken": "6m 0s",
        "created_at": "2026-09-20T23:54:00Z", "updated_at": "2026-09-21T00:00:00Z",
        "finished_at": "2026-09-21T00:00:00Z",
    }  # fmt: skip


PARTS: dict[str, Callable[[str, Path, argparse.Namespace], Awaitable[Figures]]] = {
    "pending": _pending,
    "whole": _end_to_end,
    "again": _second_run,
    "export": _second_export,
}


async def _serve(count: int) -> None:
    _Server.listing = json.dumps({"jobs": [_listed(package) for package in _packages("done", count)]}).encode()
    server = await asyncio.get_running_loop().create_server(_Server, "127.0.0.1", 0)
    _Server.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print(_Server.url, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        asyncio.run(_serve(int(sys.argv[2])))
    else:
        main()
