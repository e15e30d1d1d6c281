"""`pixxel export --dry-run` prints the plan and changes nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pixxel_async.cli.errors import Exit
from pixxel_async.sandbox import Sandbox
from tests.cli.conftest import Command

ASKED = "jobs.request_download"


@pytest.fixture
def workflow(served: Sandbox) -> str:
    """Return the id of the first workflow, which has four completed jobs, one failed and one running."""
    return next(iter(served.world.workflows))


def there(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if ".pixxel/" not in path.as_posix()}


def test_a_dry_run_requests_and_creates_nothing(
    served: Sandbox, command: Command, workflow: str, tmp_path: Path
) -> None:
    """A dry run lists jobs but requests no package and creates no folder; each row has a step and a path."""
    folder = tmp_path / "x"
    result = command("export", "--workflow", workflow, "--to", str(folder), "--dry-run", "--output", "ndjson")
    rows = [json.loads(line) for line in result.stdout.splitlines()]

    assert result.exit_code == Exit.DONE and "4 packages to fetch\n1 job still running" in result.stderr
    assert [row["step"] for row in rows] == ["fetch"] * 4
    assert all(Path(row["path"]).is_relative_to(folder) for row in rows)
    assert not served.count(ASKED) and not folder.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "begins"), [("table", "STEP"), ("json", "[\n{"), ("ndjson", '{"package"'), ("csv", "package,")]
)
def test_every_form(command: Command, workflow: str, tmp_path: Path, form: str, begins: str) -> None:
    """The plan is printed in every format; `--quiet` without `--output` prints nothing."""
    line = ("export", "--workflow", workflow, "--to", str(tmp_path / "x"), "--dry-run")

    assert command(*line, "--output", form).stdout.startswith(begins)
    assert not command(*line, "--quiet").output


@pytest.mark.slow
def test_a_dry_run_knows_existing_files(command: Command, workflow: str, tmp_path: Path) -> None:
    """The plan knows fetched packages, missing files under `--redo-missing`, and the paths of a new template."""
    line = ["export", "--workflow", workflow, "--to", str(tmp_path)]
    command(*line)
    next(tmp_path.rglob("*.zip")).unlink()
    before = there(tmp_path)

    assert "4 packages done before" in command(*line, "--dry-run").stderr
    assert "1 package to fetch" in command(*line, "--dry-run", "--redo-missing").stderr
    assert "3 packages done before" in command(*line, "--dry-run", "--redo-missing").stderr
    assert "all/" in command(*line, "--dry-run", "--name", "all/{job_id}", "--record", str(tmp_path / "none")).stdout
    assert there(tmp_path) == before


@pytest.mark.slow
def test_a_dry_run_sees_and_does_not_replace_a_lost_record(command: Command, workflow: str, tmp_path: Path) -> None:
    """Without a record existing files are planned for inspection, and a dry run creates no record."""
    line = ["export", "--workflow", workflow, "--to", str(tmp_path)]
    command(*line)
    shutil.rmtree(tmp_path / ".pixxel")

    assert "4 packages here, to be inspected" in command(*line, "--dry-run").stderr
    assert not (tmp_path / ".pixxel").exists()


@pytest.mark.slow
def test_a_dry_run_for_an_object_store(command: Command, workflow: str, tmp_path: Path) -> None:
    """A dry run for a store plans objects, knows those sent before, detects a lost record, creates no spool."""
    url, spool = f"file://{tmp_path}/store", tmp_path / "spool"
    line = ["export", "--workflow", workflow, "--to", url, "--spool", str(spool)]
    before = command(*line, "--dry-run", "--output", "ndjson")
    assert not spool.exists()
    assert all(json.loads(text)["path"].startswith(url) for text in before.stdout.splitlines())

    command(*line)
    assert "4 packages done before" in command(*line, "--dry-run").stderr
    shutil.rmtree(spool)
    assert "4 packages here, to be inspected" in command(*line, "--dry-run").stderr and not spool.exists()


@pytest.mark.slow
def test_sizes_are_requested_with_a_warning(served: Sandbox, command: Command, workflow: str, tmp_path: Path) -> None:
    """`--sizes` requests each package once, warns that packing starts, shows the status, and fetches nothing."""
    line = ["export", "--workflow", workflow, "--to", str(tmp_path / "x"), "--dry-run", "--sizes"]
    first = command(*line)
    served.step(5.0)
    later = command(*line, "--output", "json")

    assert "the service starts to pack" in first.stderr and "pending" in first.stdout
    assert served.count(ASKED) == 8 and all(row["size"] for row in json.loads(later.stdout))
    assert "as far as is known" in later.stderr and not (tmp_path / "x").exists()


def test_sizes_alone_are_refused(command: Command, tmp_path: Path) -> None:
    """`--sizes` without `--dry-run` is a usage error."""
    refused = command("export", "job:w/j", "--to", str(tmp_path), "--sizes")

    assert refused.exit_code == Exit.USAGE and "--dry-run" in refused.stderr


def test_a_listing_that_fails_is_an_error(command: Command, tmp_path: Path) -> None:
    """A workflow that cannot be listed ends a dry run with the exit code of an export."""
    refused = command("export", "--workflow", "none", "--to", str(tmp_path / "x"), "--dry-run")

    assert refused.exit_code == Exit.FAILED and "workflow none: " in refused.stderr
