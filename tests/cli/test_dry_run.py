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
    """The first workflow: four jobs ended well, one failed, one runs."""
    return next(iter(served.world.workflows))


def there(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if ".pixxel/" not in path.as_posix()}


def test_nothing_is_asked_for_and_nothing_made(
    served: Sandbox, command: Command, workflow: str, tmp_path: Path
) -> None:
    """Jobs are listed, no package is asked for, and not even the folder is made; each package has its step and path."""
    folder = tmp_path / "x"
    told = command("export", "--workflow", workflow, "--to", str(folder), "--dry-run", "--output", "ndjson")
    rows = [json.loads(line) for line in told.stdout.splitlines()]

    assert told.exit_code == Exit.DONE and "4 packages to fetch\n1 job still running" in told.stderr
    assert [row["step"] for row in rows] == ["fetch"] * 4
    assert all(Path(row["path"]).is_relative_to(folder) for row in rows)
    assert not served.count(ASKED) and not folder.exists()


@pytest.mark.parametrize(
    ("form", "begins"), [("table", "STEP"), ("json", "[\n{"), ("ndjson", '{"package"'), ("csv", "package,")]
)
def test_every_form(command: Command, workflow: str, tmp_path: Path, form: str, begins: str) -> None:
    """The plan comes in every form; without `--output` a quiet one says nothing at all."""
    line = ("export", "--workflow", workflow, "--to", str(tmp_path / "x"), "--dry-run")

    assert command(*line, "--output", form).stdout.startswith(begins)
    assert not command(*line, "--quiet").output


@pytest.mark.slow
def test_what_is_there_counts(command: Command, workflow: str, tmp_path: Path) -> None:
    """What was fetched is done; what is missing would be fetched if the line says so. A template counts, too."""
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
def test_a_lost_record_is_seen_and_not_made_anew(command: Command, workflow: str, tmp_path: Path) -> None:
    """Files that a lost record may have known would be looked at; the folder gets no new record by being looked at."""
    line = ["export", "--workflow", workflow, "--to", str(tmp_path)]
    command(*line)
    shutil.rmtree(tmp_path / ".pixxel")

    assert "4 packages here, to be inspected" in command(*line, "--dry-run").stderr
    assert not (tmp_path / ".pixxel").exists()


@pytest.mark.slow
def test_an_object_store_is_looked_at(command: Command, workflow: str, tmp_path: Path) -> None:
    """A dry run for a store names objects, knows what was sent, and sees that a record was lost; the spool stays."""
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
def test_sizes_are_asked_for_and_said_to_be(served: Sandbox, command: Command, workflow: str, tmp_path: Path) -> None:
    """`--sizes` asks once for each package, says what that starts, and shows how each stands; nothing is fetched."""
    line = ["export", "--workflow", workflow, "--to", str(tmp_path / "x"), "--dry-run", "--sizes"]
    first = command(*line)
    served.step(5.0)
    later = command(*line, "--output", "json")

    assert "the service starts to pack" in first.stderr and "pending" in first.stdout
    assert served.count(ASKED) == 8 and all(row["size"] for row in json.loads(later.stdout))
    assert "as far as is known" in later.stderr and not (tmp_path / "x").exists()


def test_sizes_alone_are_refused(command: Command, tmp_path: Path) -> None:
    """`--sizes` without `--dry-run` would fetch, which is not what was meant."""
    refused = command("export", "job:w/j", "--to", str(tmp_path), "--sizes")

    assert refused.exit_code == Exit.USAGE and "--dry-run" in refused.stderr


def test_a_listing_that_fails_is_told(command: Command, tmp_path: Path) -> None:
    """A workflow that cannot be read ends a dry run with the code that an export would have."""
    refused = command("export", "--workflow", "none", "--to", str(tmp_path / "x"), "--dry-run")

    assert refused.exit_code == Exit.FAILED and "workflow none: " in refused.stderr
