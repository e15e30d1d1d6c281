"""Programs that some tests run: if one is missing or fails by itself, its case is skipped.

A kind named in PIXXEL_TESTS_REQUIRE has to exist and to work: otherwise its tests fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

_ALIASES = {"browser": ("chromium", "chromium-browser", "google-chrome"), "7z": ("7z", "7zz", "7za")}
"""What a program may be called; any other kind is called by its own name."""
REQUIRED = frozenset(os.environ.get("PIXXEL_TESTS_REQUIRE", "").split(",")) - {""}
"""Kinds that this machine must have, by the comma-separated PIXXEL_TESTS_REQUIRE."""


def find(kind: str) -> str | None:
    """Return the path of the program of a kind, or None."""
    folders = os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin"
    return next((path for name in _names(kind) if (path := shutil.which(name, path=folders))), None)


def _names(kind: str) -> tuple[str, ...]:
    """Return the names that a program of a kind may have."""
    return _ALIASES.get(kind, (kind,))


def tool(kind: str) -> str:
    """Return the path of the program; if it is missing, skip the test, or fail if the kind is required."""
    return find(kind) or _without(kind, f"there is no {' or '.join(_names(kind))}")


def run_tool(
    kind: str, *arguments: str | Path, folder: Path, environment: dict[str, str] | None = None, timeout: float = 50
) -> subprocess.CompletedProcess[bytes]:
    """Run a program in a folder and return the completed process.

    If it is missing, fails or takes more than `timeout` seconds, the test is skipped with its output, or fails if
    the kind is required.
    """
    command = [tool(kind), *map(str, arguments)]
    try:
        ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        _without(kind, f"{kind} took more than {timeout:g} s")
    except OSError as error:
        _without(kind, f"{kind} cannot be run: {error}")
    if ended.returncode:
        said = (ended.stderr or ended.stdout).decode(errors="replace").split()
        _without(kind, f"{kind} failed with status {ended.returncode}: {' '.join(said)[:300]}")
    return ended


def _without(kind: str, reason: str) -> NoReturn:
    if kind in REQUIRED:
        pytest.fail(f"PIXXEL_TESTS_REQUIRE names {kind}, but {reason}")
    pytest.skip(reason)
