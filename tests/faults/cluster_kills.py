"""Kills of a Dask cluster's workers, its scheduler and the coordinator of an export, at random moments from a seed.

.venv/bin/python -m tests.faults.cluster_kills --packages 2000 --seed 1 --kills 40

Scheduler, workers and coordinator are processes of their own; a dead one is started again, as a batch system would do.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from attrs import define, field, frozen

from pixxel_async import sync
from pixxel_async.sandbox import Sandbox

PERIOD = 0.05
LONGEST = 600.0
"""Seconds after which a run is given up."""


@frozen
class Toll:
    """The result of a run.

    Attributes:
        killed: kills by kind of process.
        wrong: final files whose bytes are not the package's, and packages without a file.
        size: bytes of all packages.
        sent: bytes that the storage sent.
        rate: most API requests a second, over any ten seconds.
        seconds: duration.
    """

    killed: Counter[str]
    wrong: list[str]
    size: int
    sent: int
    rate: float
    seconds: float

    @property
    def twice(self) -> float:
        """Return the share of bytes that were sent more than once."""
        return self.sent / self.size - 1


@define
class Daemon:
    """A process that is started again whenever it has died."""

    kind: str
    command: Sequence[str]
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        """Start it; its output is appended to the log."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=os.environ | self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def ended(self) -> int | None:
        """Return the exit code; None while it runs."""
        return None if self.process is None else self.process.poll()

    def kill(self) -> None:
        """Kill it with its children."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def run(
    sandbox: Sandbox, packages: Sequence[str], folder: Path, *, seed: int, workers: int, kills: int, rate: float
) -> Toll:
    """Export the packages while processes are killed; after the last kill the export ends undisturbed."""
    dice, killed, before = random.Random(f"cluster {seed}"), Counter[str](), len(sandbox.requests)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    (folder / "packages").write_text("\n".join(packages))
    environment = {"PIXXEL_API_KEY": sandbox.api_key, "PIXXEL_BASE_URL": sandbox.url}
    own = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard", "--no-jupyter"]
    scheduler = Daemon("scheduler", [*own, "--host", address], {}, folder / "scheduler.log")
    crew = [
        Daemon(
            "worker",
            [sys.executable, "-m", "distributed.cli.dask_worker", f"tcp://{address}", "--no-nanny", "--nthreads", "1",
             "--no-dashboard", "--death-timeout", "60", "--local-directory", str(folder / f"scratch-{number}")],
            environment,
            folder / f"worker-{number}.log",
        )
        for number in range(workers)
    ]  # fmt: skip
    coordinator = Daemon(
        "coordinator",
        [sys.executable, "-m", __spec__.name, "--coordinate", f"tcp://{address}", str(folder), str(rate)],
        environment,
        folder / "coordinator.log",
    )
    victims = [*crew, *crew, scheduler, coordinator]
    begun = time.monotonic()
    with ExitStack() as stack:
        for daemon in (scheduler, *crew, coordinator):
            stack.callback(daemon.kill)
            daemon.start()
        due = begun + dice.uniform(2, 5)
        while (code := coordinator.ended()) != 0:
            assert time.monotonic() < begun + LONGEST, "the export does not end"
            if code is not None:
                coordinator.start()
            for daemon in (scheduler, *crew):
                if daemon.ended() is not None:
                    daemon.start()
            if killed.total() < kills and time.monotonic() > due:
                victim = dice.choice(victims)
                victim.kill()
                killed[victim.kind] += 1
                due = time.monotonic() + dice.uniform(0.3, 3)
            time.sleep(PERIOD)
    seconds = time.monotonic() - begun
    seen = list(sandbox.requests)[before:]
    truth = dict(true_digests(sandbox, packages, folder / "truth"))
    found = digests(folder / "exports")
    return Toll(
        killed,
        sorted(name for name in truth.keys() | found.keys() if truth.get(name) != found.get(name)),
        sum(path.stat().st_size for path in (folder / "exports").rglob("*.zip")),
        sum(request.sent for request in seen if request.host == "storage"),
        busiest([request.at for request in seen if request.host == "api"]),
        seconds,
    )


def true_digests(sandbox: Sandbox, packages: Sequence[str], folder: Path) -> Iterator[tuple[str, str]]:
    """Fetch the packages in one undisturbed process, and return their digests by path."""
    with (
        sync.PixxelClient(sandbox.api_key, base_url=sandbox.url) as client,
        sync.DownloadManager(client, folder) as manager,
        manager.fetch_all(packages) as outcomes,
    ):
        assert not [outcome for outcome in outcomes if getattr(outcome, "error", None)]
    yield from digests(folder).items()


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each package's file, by its path below the folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*.zip")
    }


def busiest(times: Sequence[float], seconds: float = 10.0) -> float:
    """Return the highest rate of events over any interval of so many seconds."""
    window: deque[float] = deque()
    most = 0
    for at in sorted(times):
        window.append(at)
        while window[0] <= at - seconds:
            window.popleft()
        most = max(most, len(window))
    return most / seconds


def coordinate(address: str, folder: Path, rate: float) -> int:
    """Run the export in this process; the exit code is 0 if nothing failed."""
    from distributed import Client

    from pixxel_async.integrations.dask import export

    packages = (folder / "packages").read_text().split()
    with Client(address, timeout=30) as client:
        run = export(
            packages, folder / "exports", client=client, batch=20, spool=folder / "spool",
            settings={"http.calls_per_second": rate},
        )  # fmt: skip
        for result in run:
            if result.error:
                print(result, flush=True)
        print(run, flush=True)
        return 1 if run.failed else 0


def main() -> int:
    """Run once and print the toll; the exit code is 1 if a file is wrong or too many bytes were sent twice."""
    if sys.argv[1:2] == ["--coordinate"]:
        return coordinate(sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]))
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.cluster_kills", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--packages", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--rate", type=float, default=100.0, help="API calls a second of all workers together")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as scratch,
        Sandbox(packing=0.05, package_size=30_000, job_seconds=0.0) as served,
    ):
        jobs = [served.add_job() for _ in range(options.packages)]
        packages = [f"job:{job.workflow_id}/{job.id}" for job in jobs]
        toll = run(
            served, packages, Path(scratch), seed=options.seed, workers=options.workers, kills=options.kills,
            rate=options.rate,
        )  # fmt: skip
    print(toll, f"twice={toll.twice:.2%}")
    return 1 if toll.wrong or toll.twice > 0.02 else 0


if __name__ == "__main__":
    sys.exit(main())
