"""`pixxel export` in a process of its own: stopped, killed, and run again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest
from click.testing import CliRunner

from pixxel_async.cli.app import pixxel
from pixxel_async.sandbox import Fault, Sandbox
from tests.support.checksum_lists import check_sums
from tests.support.system import posix

SANDBOX = ["export", "--sandbox", "--to", "exports"]
PACKAGES = 16


def line(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pixxel_async", "--set", "poll.initial_interval=0.2", *arguments]


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIXXEL_")}
    return {**kept, "PYTHONWARNINGS": "error", **more}


def run(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        line(*arguments), cwd=folder, env=environment(**more), capture_output=True, text=True, timeout=240, check=False
    )


def begin(folder: Path, *arguments: str, **more: str) -> subprocess.Popen[str]:
    # A shell's background job ignores these signals, and so do its child processes.
    for number in {signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)}:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    pipe = subprocess.PIPE
    return subprocess.Popen(line(*arguments), cwd=folder, env=environment(**more), stdout=pipe, stderr=pipe, text=True)


def until(condition: Callable[[], object], seconds: float = 50) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


def archives(folder: Path) -> dict[str, tuple[int, str]]:
    """Return inode and SHA-256 of each archive, after testing that it is complete."""
    found = {}
    for path in folder.rglob("*.zip"):
        with ZipFile(path) as archive:
            assert archive.testzip() is None
        found[str(path.relative_to(folder))] = path.stat().st_ino, sha256(path.read_bytes()).hexdigest()
    return found


@pytest.mark.slow
def test_killed_and_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a kill at any moment the same command continues: no partial file is final, nothing is fetched twice."""
    exports = tmp_path / "exports"
    process = begin(tmp_path, *SANDBOX, "--parallel", "1")
    until(lambda: list(exports.rglob("*.zip")))
    process.kill()
    process.communicate()
    before = archives(exports)
    assert 0 < len(before) < PACKAGES

    second = run(tmp_path, *SANDBOX, "--output", "json")

    assert second.returncode == 0, second.stderr
    after = archives(exports)
    assert len(after) == len(check_sums(exports / "SHA256SUMS")) == PACKAGES
    assert {name: after[name] for name in before} == before
    outcomes = {row["package"]: row["outcome"] for row in json.loads(second.stdout)}
    assert len(outcomes) == PACKAGES
    assert list(outcomes.values()).count("skipped") >= len(before)
    assert "packages fetched into exports" in second.stderr
    assert "cd exports && sha256sum -c SHA256SUMS" in second.stderr

    monkeypatch.chdir(tmp_path)
    third = CliRunner().invoke(pixxel, SANDBOX)

    assert (third.exit_code, third.stdout) == (0, "")
    assert "16 packages there already; nothing new" in third.stderr
    assert archives(exports) == after


@pytest.mark.fault("P-02", "P-03")
@posix
@pytest.mark.slow
@pytest.mark.parametrize("stop", [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_stopped(served: Sandbox, tmp_path: Path, stop: tuple[str, int]) -> None:
    """One signal ends the run with its exit code, without a traceback, and prints the command that continues it."""
    name, code = stop
    served.inject(Fault(route="storage", kind="drip", rate=20_000, times=None))
    key = {"PIXXEL_BASE_URL": served.url, "PIXXEL_API_KEY": served.api_key}
    order = ["export", "--workflow", next(iter(served.world.workflows)), "--to", "my exports"]
    process = begin(tmp_path, *order, **key)
    until(lambda: served.count("storage"))

    process.send_signal(getattr(signal, name))
    out, err = process.communicate(timeout=240)  # a body may take minutes

    assert (process.returncode, out) == (code, "")
    assert "Traceback" not in err
    assert "nothing is lost" in err.splitlines()[-1]
    assert err.splitlines()[-1].endswith("--to 'my exports'")
    if name != "SIGINT":
        return
    served.plan.clear()
    assert run(tmp_path, *order, **key).returncode == 0
    assert len(check_sums(tmp_path / "my exports" / "SHA256SUMS")) == 4


@pytest.mark.fault("P-02")
@pytest.mark.slow
@posix
def test_stopped_twice(served: Sandbox, tmp_path: Path) -> None:
    """A second signal ends the process at once."""
    served.inject(Fault(route="storage", kind="stall", times=None))
    key = {"PIXXEL_BASE_URL": served.url, "PIXXEL_API_KEY": served.api_key}
    process = begin(tmp_path, "export", "--workflow", next(iter(served.world.workflows)), "--to", "x", **key)
    until(lambda: served.count("storage"))

    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=240)

    assert process.returncode == 130
    assert "Traceback" not in err


@pytest.mark.fault("P-03")
@pytest.mark.slow
def test_a_closed_pipe_ends_the_command(served: Sandbox, tmp_path: Path) -> None:
    """A closed pipe ends the command silently with the exit code of SIGPIPE."""
    key = {"PIXXEL_BASE_URL": served.url, "PIXXEL_API_KEY": served.api_key}
    for order in (["workflows"], ["export", "--workflow", next(iter(served.world.workflows)), "--to", "x", "--quiet"]):
        process = begin(tmp_path, *order, "--output", "ndjson", **key)
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
        process.stderr.close()

        assert (process.wait(240), err) == (141, "")


def test_without_the_extra(tmp_path: Path) -> None:
    """Without click or rich, one line names the extra to install."""
    hidden = """
import importlib.util, runpy
real = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == "click" else real(name)
runpy.run_module("pixxel_async", run_name="__main__")
"""
    result = subprocess.run(
        [sys.executable, "-c", hidden], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("pixxel: click missing: pip install 'pixxel-async[cli]'")
    assert "uvx 'pixxel-async[cli]'" in result.stderr
