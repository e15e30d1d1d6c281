"""`pixxel sandbox` as a process."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from pixxel_async.cli.app import pixxel
from pixxel_async.sandbox import Sandbox

COMMAND = [sys.executable, "-m", "pixxel_async", "sandbox"]


@pytest.mark.slow
def test_it_serves_a_scenario_and_the_start_page() -> None:
    """The command serves the start page and a scenario with the chosen clock."""
    asked = [*COMMAND, "--scenario", "rate-limited", "--clock", "manual"]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as served:
        try:
            assert served.stdout is not None
            printed = dict(served.stdout.readline().strip().removeprefix("export ").split("=") for _ in range(2))
            with urllib.request.urlopen(printed["PIXXEL_BASE_URL"], timeout=100) as reply:
                assert "stands still" in reply.read().decode()
            statuses = {
                _status(printed["PIXXEL_BASE_URL"] + "/v0/projects", printed["PIXXEL_API_KEY"]) for _ in range(20)
            }
            assert statuses == {200, 429}
        finally:
            served.terminate()


def _status(url: str, key: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": key}), timeout=100) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


@pytest.mark.parametrize("wrong", [["--scenario", "nope"], ["--profile", "fancy"], ["--profile", "nowhere.json"]])
def test_unknown_names_are_one_line(wrong: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown scenario or profile is one line on stderr and exit code 2."""
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(pixxel, ["sandbox", *wrong])
    assert ended.exit_code == 2 and len(ended.stderr.splitlines()) == 1


ELSEWHERE = "127.1"
"""Loopback, in a spelling that the sandbox does not know as such: served as an address that others can reach."""
COMPOSE = Path(__file__).parents[2] / ".github" / "container" / "compose.yaml"


@pytest.mark.slow
def test_as_a_service_of_a_network(tmp_path: Path) -> None:
    """In a container the command reads the key from a file, does not print it, and has no start page."""
    key = tmp_path / "key"
    key.write_text("0123456789abcdef\n")
    changed = {"0.0.0.0": ELSEWHERE, "/run/secrets/sandbox_key": str(key), "8080": "0", "8081": "0"}
    service = yaml.safe_load(COMPOSE.read_text())["services"]["sandbox"]
    arguments = [changed.get(argument, argument) for argument in service["command"]]
    with subprocess.Popen(
        [*COMMAND[:-1], *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as served:
        try:
            assert served.stdout is not None
            line = served.stdout.readline().strip()
            assert line.startswith("export PIXXEL_BASE_URL=http://sandbox:")
            url = f"http://127.0.0.1:{line.rpartition(':')[2]}"
            assert _status(url + "/v0/projects", "0123456789abcdef") == 200
            assert _status(url + "/v0/projects", Sandbox().api_key) == 403
            assert _status(url + "/", "") == 404
        finally:
            served.terminate()
            rest = served.stdout.read() if served.stdout else ""
    assert "0123456789abcdef" not in rest


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--host", ELSEWHERE], "--expose"),
        (["--host", ELSEWHERE, "--expose"], "a key of 16 characters"),
    ],
)
def test_other_machines_need_expose(given: list[str], words: str) -> None:
    """An address reachable from outside needs --expose and an explicit key."""
    ended = CliRunner().invoke(pixxel, ["sandbox", *given])
    assert ended.exit_code == 2
    assert words in ended.stderr
