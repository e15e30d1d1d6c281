"""Tests that run other programs are skipped with a reason, and do not fail for a program's own faults."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support import tools
from tests.support.system import posix
from tests.support.tools import run_tool

SCRIPTS = {
    "there is no odd-tool": None,
    "odd-tool failed with status 16: cannot write into pipes": "echo 'cannot write\ninto pipes' >&2; exit 16",
    "odd-tool took more than 0.2 s": "exec sleep 60",
}


@pytest.mark.slow
@pytest.mark.parametrize("required", [False, True])
@posix
@pytest.mark.parametrize("reason", SCRIPTS)
def test_a_tools_own_failure_is_a_skip(
    reason: str, required: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tool that is missing, fails or hangs skips the test with that reason, or fails it if the tool is required."""
    script = SCRIPTS[reason]
    if script is not None:
        (tmp_path / "odd-tool").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "odd-tool").chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.defpath}")
    monkeypatch.setattr(tools, "REQUIRED", frozenset({"odd-tool"} if required else ()))

    with pytest.raises((pytest.fail.Exception, pytest.skip.Exception)) as raised:
        run_tool("odd-tool", folder=tmp_path, timeout=0.2 if "took" in reason else 50)

    assert raised.type is (pytest.fail.Exception if required else pytest.skip.Exception)
    assert str(raised.value).endswith(reason)
