"""Blocked standard streams do not keep a run from ending, and closed ones do not disturb it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from pixxel_async.cli.app import pixxel
from pixxel_async.cli.running import rerun_command

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and closed descriptors of POSIX")

PIXXEL = [sys.executable, "-m", "pixxel_async"]


@pytest.mark.slow
def test_an_endless_stdin_ends_at_the_deadline(tmp_path: Path) -> None:
    """A blocking read of stdin does not keep the process alive beyond --deadline."""
    line = [*PIXXEL, "export", "--sandbox", "--manifest", "-", "--to", str(tmp_path / "x"), "--deadline", "1s"]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.wait(240) == 6
        assert process.stderr is not None and "go on with" in process.stderr.read().lower()


@pytest.mark.slow
@pytest.mark.fault("P-03")
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_signal_ends_a_run_that_is_blocked_by_a_full_pipe(tmp_path: Path, stream: str) -> None:
    """One signal ends a run that is blocked by a full pipe."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    while True:
        try:
            os.write(write, b"x" * 4096)
        except BlockingIOError:
            break
    os.set_blocking(write, True)
    own = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: write}
    process = subprocess.Popen([*PIXXEL, "export", "--sandbox", "--to", str(tmp_path / "x"), "--output", "json"], **own)
    os.close(write)
    try:
        deadline = time.monotonic() + 60
        while not list(tmp_path.rglob("*.zip")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(240) == 143
    finally:
        process.kill()
        process.wait()
        os.close(read)


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.slow
def test_closed_streams(tmp_path: Path, closed: str) -> None:
    """With closed standard streams all packages are fetched, and no output lands in a downloaded file."""
    line = f"{sys.executable} -m pixxel_async export --sandbox --to {tmp_path / 'x'} {closed}"

    assert subprocess.run(["/bin/sh", "-c", line], timeout=240, check=False, capture_output=True).returncode == 0
    assert len(list(tmp_path.rglob("*.zip"))) == 16
    assert CliRunner().invoke(pixxel, ["verify", str(tmp_path / "x")]).exit_code == 0


def test_user_info_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that continues a run shows neither the user info nor the query of a URL."""
    monkeypatch.setattr(sys, "argv", ["pixxel", "--set", "base_url=https://me:5ecret@host/api?token=5ecret", "jobs"])

    assert rerun_command() == "pixxel --set 'base_url=https://***@host/api?***' jobs"
