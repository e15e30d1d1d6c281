"""Programs of the machine that some tests need: without one its tests are skipped, or fail where it was promised."""

from __future__ import annotations

import os
import shutil

import pytest

_NAMES = {"browser": ("chromium", "chromium-browser", "google-chrome"), "nginx": ("nginx",)}
"""What a tool may be called."""
REQUIRED = frozenset(os.environ.get("PIXXEL_TESTS_REQUIRE", "").split(",")) - {""}
"""Tools that this machine must have, by the comma-separated PIXXEL_TESTS_REQUIRE."""


def tool(kind: str) -> str:
    """Path of the program; where it is missing the test is skipped, or fails if the kind is required."""
    folders = os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin"
    found = next((path for name in _NAMES[kind] if (path := shutil.which(name, path=folders))), None)
    if found is None and kind in REQUIRED:
        pytest.fail(f"PIXXEL_TESTS_REQUIRE names {kind}, but there is no {' or '.join(_NAMES[kind])}")
    if found is None:
        pytest.skip(f"there is no {' or '.join(_NAMES[kind])}")
    return found
