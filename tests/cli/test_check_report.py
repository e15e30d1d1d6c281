"""`pixxel check --report FILE` writes a profile of the service."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixxel_async.sandbox import Sandbox
from tests.cli.conftest import Command


@pytest.mark.slow
def test_the_command_writes_a_profile(served: Sandbox, command: Command, tmp_path: Path) -> None:
    """The file of `--report` loads as a sandbox profile, and neither file nor output contains the key."""
    job, report = served.add_job(), tmp_path / "report.json"
    result = command("check", "--report", str(report), f"job:{job.workflow_id}/{job.id}")
    assert result.exit_code == 0, result.output
    assert Sandbox(profile=report).behaviour.etag == "strong"
    assert served.api_key not in result.output + report.read_text(encoding="utf-8")
    assert command("check", "job:a/b").exit_code == 2
    assert command("check", "--report", str(tmp_path / "no" / "x")).exit_code == 2
