"""`pixxel export --processes N` shares one source, folder, progress and exit code among processes."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import evolve

from pixxel_async import PixxelClient, Settings
from pixxel_async.cli.choose.request import RunOptions
from pixxel_async.cli.processes.pool import job_of
from pixxel_async.cli.session import Session
from pixxel_async.cli.values import BandwidthSchedule
from pixxel_async.downloads.disk.locations import LocationSpec
from pixxel_async.sandbox import Fault, Sandbox
from tests.cli.conftest import Command, commanded
from tests.cli.test_export_process import archives, begin, until
from tests.support.checksum_lists import check_sums
from tests.support.system import posix

PACKAGES = 16
"""Job packages and task packages of one workflow."""
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the children of a process from /proc")


def key(served: Sandbox) -> dict[str, str]:
    return {"PIXXEL_BASE_URL": served.url, "PIXXEL_API_KEY": served.api_key}


def workers(process: subprocess.Popen[str]) -> list[int]:
    """Return the pids of an export's worker processes that have started."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in children if b".worker" in Path(f"/proc/{child}/cmdline").read_bytes()]


@pytest.mark.slow
def test_processes_share_one_export(
    served: Sandbox, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each package is fetched once, into one table and one list of checksums, and the next run finds all of them.

    The organization is looked up once for all workers.
    """
    monkeypatch.chdir(tmp_path)
    order = ("export", "--packages", "both", "--workflow", next(iter(served.world.workflows)), "--to", "exports")
    first = command(*order, "--processes", "2", "--output", "json")

    assert first.exit_code == 0, first.stderr
    assert served.count("projects.list") == 1
    rows = json.loads(first.stdout)
    assert len(rows) == len({row["package"] for row in rows}) == PACKAGES
    assert {row["outcome"] for row in rows} == {"fetched"}
    found = archives(tmp_path / "exports")
    assert len(found) == len(check_sums(tmp_path / "exports" / "SHA256SUMS")) == PACKAGES
    assert first.stderr.count("16 packages fetched into exports") == 1

    second = command(*order, "--processes", "2")

    assert (second.exit_code, second.stdout) == (0, ""), second.stderr
    assert "16 packages there already; nothing new" in second.stderr
    assert archives(tmp_path / "exports") == found


@linux
@pytest.mark.slow
def test_the_share_of_a_killed_worker_goes_on(served: Sandbox, tmp_path: Path) -> None:
    """A killed worker is replaced and its packages are fetched, without any action by the user."""
    served.inject(Fault(route="storage", kind="drip", rate=400_000, times=None))
    order = ["export", "--workflow", next(iter(served.world.workflows)), "--to", "x", "--processes", "2"]
    process = begin(tmp_path, *order, "--output", "json", **key(served))
    until(lambda: list((tmp_path / "x").rglob("*.part")) if (tmp_path / "x").exists() else [])
    victim = workers(process)[0]
    os.kill(victim, signal.SIGKILL)
    out, err = process.communicate(timeout=240)

    assert process.returncode == 0, err
    rows = json.loads(out)
    assert {row["outcome"] for row in rows} == {"fetched"} and len(rows) == len(archives(tmp_path / "x"))


@linux
@posix
@pytest.mark.slow
def test_a_signal_ends_the_workers_too(served: Sandbox, tmp_path: Path) -> None:
    """SIGTERM to the export ends all workers, and the command that continues is printed once."""
    served.inject(Fault(route="storage", kind="drip", rate=20_000, times=None))
    order = ["export", "--workflow", next(iter(served.world.workflows)), "--to", "x", "--processes", "2"]
    process = begin(tmp_path, *order, **key(served))
    until(lambda: served.count("storage") >= 2 and len(workers(process)) == 2)  # one worker may take several ranges
    begun = workers(process)
    process.terminate()
    _, err = process.communicate(timeout=240)

    assert process.returncode == 143 and err.count("Go on with: ") == 1 and "Traceback" not in err
    assert len(begun) == 2 and not any(Path(f"/proc/{pid}").exists() for pid in begun)


@pytest.mark.slow
def test_a_refused_key_is_one_error(served: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is checked once for all workers: one error line, exit code 4."""
    manifest = tmp_path / "m.csv"
    workflow = next(iter(served.world.workflows))
    jobs = [f"job:{workflow}/{job}" for job in served.world.runs[workflow]]
    manifest.write_text("package\n" + "\n".join(jobs) + "\n")
    monkeypatch.chdir(tmp_path)
    ended = commanded(served.url, "wrong")("export", "--manifest", str(manifest), "--to", "x", "--processes", "2")

    assert ended.exit_code == 4 and isinstance(ended.exception, SystemExit), ended.stderr
    assert "Traceback" not in ended.stderr


def test_limits_are_divided_among_processes(tmp_path: Path) -> None:
    """Each of four workers gets a quarter of every limit; counts are rounded up."""
    client = PixxelClient(settings=Settings(api_key="k").with_values(**{"http.calls_per_second": 8.0}))
    run = RunOptions(to=LocationSpec(tmp_path), parallel=6, bwlimit=8_000_000, processes=4)
    made = job_of(Session(sets=("http.read_timeout=7",)), client, run, sandbox=False, events=False)

    assert made.settings == {"http.read_timeout": "7", "http.calls_per_second": 2.0, "http.max_concurrent_calls": 2}
    assert made.options["max_concurrent_downloads"] == 2 and made.options["max_concurrent_requests"] == 1
    assert made.options["max_bandwidth"] == 2_000_000
    timetable = evolve(run, bwlimit=BandwidthSchedule(((0, 4_000_000),)))
    limit = job_of(Session(), client, timetable, sandbox=False, events=False).options["max_bandwidth"]
    assert pickle.loads(pickle.dumps(limit))() == 1_000_000
