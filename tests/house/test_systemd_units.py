"""The systemd units in the guide are valid, and their command does what the text says."""

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


def test_units_have_documented_keys() -> None:
    """Every key is in the section where the systemd manual pages document it."""
    for text in UNITS.values():
        parsed = configparser.ConfigParser(interpolation=None, strict=True)
        parsed.optionxform = str  # type: ignore[assignment, method-assign]
        parsed.read_string(text)
        for section in parsed.sections():
            assert set(parsed[section]) <= KEYS[section]


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    """systemd-analyze accepts the units, from release 250, which has credentials and `%d`."""
    release = run_tool("systemd-analyze", "--version", folder=tmp_path).stdout.split()
    if int(release[1]) < 250:
        pytest.skip(f"systemd {release[1].decode()} is older than the units")
    for name, text in UNITS.items():
        program = f"ExecStart={sys.executable} "
        (tmp_path / name).write_text(text.replace("ExecStart=/opt/pixxel/bin/pixxel ", program))
    paths = [tmp_path / name for name in UNITS]
    verified = run_tool("systemd-analyze", "verify", *paths, folder=tmp_path)
    assert b"Unknown" not in verified.stderr, verified.stderr


@pytest.mark.slow
def test_a_night_and_the_next(tmp_path: Path) -> None:
    """The service's command, with the key from a credential file, fetches packages silently, and then none."""
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
