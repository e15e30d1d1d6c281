"""`pixxel sandbox`, as it is typed."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "pixxel_async", "sandbox"]


def test_it_serves_a_scenario_and_the_start_page() -> None:
    """With the clock that was said; what goes wrong does so from the first call on."""
    asked = [*COMMAND, "--scenario", "rate-limited", "--clock", "manual"]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as served:
        try:
            assert served.stdout is not None
            told = dict(served.stdout.readline().strip().removeprefix("export ").split("=") for _ in range(2))
            with urllib.request.urlopen(told["PIXXEL_BASE_URL"], timeout=10) as reply:
                assert "stands still" in reply.read().decode()
            statuses = {_status(told["PIXXEL_BASE_URL"] + "/v0/projects", told["PIXXEL_API_KEY"]) for _ in range(20)}
            assert statuses == {200, 429}
        finally:
            served.terminate()


def _status(url: str, key: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": key}), timeout=10) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [["--scenario", "nope"], ["--profile", "fancy"], ["--profile", "nowhere.json"]])
def test_what_it_does_not_know_is_a_line(wrong: list[str], tmp_path: Path) -> None:
    """On stderr, with exit code 2."""
    ended = subprocess.run([*COMMAND, *wrong], cwd=tmp_path, capture_output=True, text=True, timeout=50)
    assert ended.returncode == 2 and len(ended.stderr.splitlines()) == 1
