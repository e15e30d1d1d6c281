"""Very many packages: `python benchmarks/items.py [--items 20000] [--whole 2000] [--json FILE]`.

Prints what one pending package costs in memory over its own data, how soon the first request is sent although the
source is long, the processor time of a tiny package from request to record, and how long a second run takes when all is
done already. The API is a few lines in a process of its own, so that its cost is not ours.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import io
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from pixxel_async import DownloadManager, JobPackage, PixxelClient, Settings
from pixxel_async.downloads import Record
from pixxel_async.settings import WaitSettings

Figures = dict[str, float]

PATIENT = WaitSettings(first=3600.0, longest=3600.0)
"""Nobody asks again while the pending are counted."""


def main() -> None:
    """Measure and print."""
    options = _options()
    server = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        with tempfile.TemporaryDirectory(prefix="items-") as folder:
            figures = asyncio.run(_measure(url, Path(folder), options.items, options.whole))
    finally:
        server.kill()
        server.communicate()
    for name, value in figures.items():
        print(f"{name}: {value:,.2f}")
    if options.json:
        options.json.write_text(json.dumps(figures))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--items", type=int, default=20_000, help="pending packages, and packages of the second run")
    parser.add_argument("--whole", type=int, default=2_000, help="tiny packages fetched from request to record")
    parser.add_argument("--json", type=Path, help="where the figures go")
    return parser.parse_args()


async def _measure(url: str, folder: Path, items: int, whole: int) -> Figures:
    return {
        **await _pending(url, folder / "pending", items),
        **await _end_to_end(url, folder / "whole", whole),
        **await _second_run(url, folder / "again", items),
    }


def _packages(workflow: str, count: int) -> list[JobPackage]:
    jobs = (f"{number:08x}-5eed-4000-8000-{number:012x}" for number in range(count))
    return [JobPackage(workflow_id=workflow, job_id=job) for job in jobs]


async def _pending(url: str, folder: Path, count: int) -> Figures:
    """Ask for so many packages that are never ready, and see how the process has grown."""
    packages, sent = _packages("packing", count), [0.0]
    before = 0

    def first(_: object) -> None:
        sent[0] = sent[0] or time.perf_counter()

    settings = Settings(api_key="k", base_url=url, waiting=PATIENT)
    async with (
        PixxelClient(settings=settings, on_request=[first]) as client,
        DownloadManager(client, folder) as manager,
    ):
        begun = time.perf_counter()
        async with manager.fetch_all(packages):
            while manager.snapshot().waiting < count:
                before = before or (_resident() if manager.snapshot().waiting > count // 20 else 0)
                await asyncio.sleep(0.05)
            grown = _resident() - before
    return {
        "seconds to the first request": sent[0] - begun,
        "bytes a pending package": grown / (count * 0.95),
    }


def _resident() -> int:
    """Bytes of memory of this process."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


async def _end_to_end(url: str, folder: Path, count: int) -> Figures:
    cost, done = await _run(url, folder, _packages("tiny", count))
    assert done == count
    return {"CPU ms a tiny package": 1e3 * cost["cpu"] / count, "wall ms a tiny package": 1e3 * cost["wall"] / count}


async def _second_run(url: str, folder: Path, count: int) -> Figures:
    packages = _packages("done", count)
    await _write_record(url, folder, packages)
    cost, _ = await _run(url, folder, packages)
    return {f"second run, {count:,} done: {kind} s": seconds for kind, seconds in cost.items()}


async def _run(url: str, folder: Path, packages: list[JobPackage]) -> tuple[Figures, int]:
    """What a whole run costs, opening and closing included, and how many outcomes it had with a file."""
    wall, cpu, done = time.perf_counter(), time.process_time(), 0
    async with (
        PixxelClient(settings=Settings(api_key="k", base_url=url)) as client,
        DownloadManager(client, folder) as manager,
        manager.fetch_all(packages) as outcomes,
    ):
        async for outcome in outcomes:
            done += getattr(outcome, "path", None) is not None
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}, done


async def _write_record(url: str, folder: Path, packages: list[JobPackage]) -> None:
    """A folder and its record as a run leaves them."""
    (folder / "done").mkdir(parents=True)
    async with await Record.open(folder / ".pixxel" / "record.sqlite", origin=url) as record:
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
    """Answers every ask: `packing` for one workflow, a link for the others; and gives every link the same archive."""

    url = ""

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
    return b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s' % (kind, len(body), body)


def _archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("spec.json", b"{}")
    return out.getvalue()


_ARCHIVE = _archive()


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Server, "127.0.0.1", 0)
    _Server.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print(_Server.url, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        asyncio.run(_serve())
    else:
        main()
