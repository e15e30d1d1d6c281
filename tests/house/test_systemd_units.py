"""The units that the guide shows are what systemd reads, and the line in them does what the text beside them says."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pixxel_async.sandbox import Sandbox
from tests.support.tools import run_tool

PAGE = Path(__file__).parents[2] / "examples" / "guide" / "how-to" / "systemd.md"
KEYS = {
    "Unit": {"Description", "Wants", "After"},
    "Service": {
        "Type", "User", "LoadCredential", "Environment", "ExecStart", "SuccessExitStatus", "TimeoutStopSec",
    },
    "Timer": {"OnCalendar", "RandomizedDelaySec", "Persistent"},
    "Install": {"WantedBy"},
}  # fmt: skip
"""Section → the keys used."""
UNITS = dict(
    re.findall(r"^```ini title=\"(\S+)\"\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
)


def service() -> configparser.SectionProxy:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(UNITS["pixxel-export.service"])
    return unit["Service"]


def test_they_have_keys_that_systemd_documents() -> None:
    """Every key stands in the section in which systemd.unit(5), .exec(5), .kill(5), .service(5) or .timer(5) has it."""
    for text in UNITS.values():
        parsed = configparser.ConfigParser(interpolation=None, strict=True)
        parsed.optionxform = str  # type: ignore[assignment, method-assign]
        parsed.read_string(text)
        for section in parsed.sections():
            assert set(parsed[section]) <= KEYS[section]


def test_systemd_understands_them(tmp_path: Path) -> None:
    """Every key is one that it knows, from the release on that has credentials and their folder, `%d`."""
    release = run_tool("systemd-analyze", "--version", folder=tmp_path).stdout.split()
    if int(release[1]) < 250:
        pytest.skip(f"systemd {release[1].decode()} is older than the units")
    for name, text in UNITS.items():
        program = f"ExecStart={sys.executable} "
        (tmp_path / name).write_text(text.replace("ExecStart=/opt/pixxel/bin/pixxel ", program))
    paths = [tmp_path / name for name in UNITS]
    told = run_tool("systemd-analyze", "verify", *paths, folder=tmp_path)
    assert b"Unknown" not in told.stderr, told.stderr


@pytest.mark.slow
def test_a_night_and_the_next(tmp_path: Path) -> None:
    """The service's own line, with its key from the credential's file: a night's packages without a word, then none."""
    with Sandbox(packing=0) as sandbox:
        (tmp_path / "pixxel-key").write_text(sandbox.api_key + "\n")
        (tmp_path / "pixxel-key").chmod(0o400)
        variable, _, value = service()["Environment"].partition("=")
        key = {variable: value.replace("%d", str(tmp_path))}
        known = {name: value for name, value in os.environ.items() if not name.startswith("PIXXEL_")}
        environment = {**known, **key, "PIXXEL_BASE_URL": sandbox.url}
        line = service()["ExecStart"].replace("/srv/exports", str(tmp_path / "exports"))
        program, *arguments = shlex.split(line.replace("--keep-free 20GB", "--keep-free 1MB"))
        arguments[arguments.index("W")] = next(iter(sandbox.world.workflows))
        nights = [
            subprocess.run([sys.executable, "-m", "pixxel_async", *arguments], env=environment, capture_output=True)
            for _ in range(2)
        ]
        served = sum(request.host == "storage" for request in sandbox.requests)

    assert Path(program).name == "pixxel"
    assert [(night.returncode, night.stdout, night.stderr) for night in nights] == [(0, b"", b"")] * 2
    assert served == len(list((tmp_path / "exports").rglob("*.zip"))) == 4
