"""Exports divided among machines, and folders that are checked again later."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pixxel_async.cli.errors import Exit
from pixxel_async.cli.values import array_shard
from pixxel_async.sandbox import Sandbox
from tests.cli.conftest import Command


@pytest.fixture
def workflow(served: Sandbox) -> str:
    """Return the id of the workflow that has jobs."""
    return next(workflow for workflow, runs in served.world.runs.items() if len(runs) > 1)


def zips(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.zip")}


@pytest.mark.slow
def test_shards_are_merged(command: Command, workflow: str, tmp_path: Path) -> None:
    """`--shard` gives each machine its share; after files and records are merged nothing is left to fetch."""
    one, two, whole = tmp_path / "1", tmp_path / "2", tmp_path / "whole"
    for number, folder in ((1, one), (2, two)):
        command("export", "--workflow", workflow, "--packages", "both", "--to", str(folder), "--shard", f"{number}/2")
    command("export", "--workflow", workflow, "--packages", "both", "--to", str(whole))
    assert zips(one) | zips(two) == zips(whole) and not zips(one) & zips(two) and zips(one) and zips(two)
    shutil.copytree(two, one, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".pixxel"))

    merged = command("record", "merge", str(one), str(two))
    assert len((one / "SHA256SUMS").read_text().splitlines()) == len(zips(whole))
    again = command("export", "--workflow", workflow, "--packages", "both", "--to", str(one), "--output", "ndjson")

    assert merged.exit_code == Exit.DONE and f"{len(zips(two))} packages merged" in merged.stderr
    assert '"fetched"' not in again.stdout and zips(one) == zips(whole)


@pytest.mark.parametrize("shard", ["0/2", "3/2", "2", "a/b", "1/0"])
def test_invalid_shards_are_refused(command: Command, tmp_path: Path, shard: str) -> None:
    """An impossible shard is refused before anything is requested."""
    refused = command("export", "job:w/j", "--to", str(tmp_path), "--shard", shard)

    assert refused.exit_code == Exit.USAGE and "1/3" in refused.stderr


@pytest.mark.slow
def test_verify_needs_no_record(command: Command, workflow: str, tmp_path: Path) -> None:
    """`pixxel verify` accepts a SHA256SUMS file, or a folder with one, and reports damage by its exit code."""
    command("export", "--workflow", workflow, "--to", str(tmp_path))
    shutil.rmtree(tmp_path / ".pixxel")

    for place in (tmp_path / "SHA256SUMS", tmp_path):
        assert command("verify", str(place)).exit_code == Exit.DONE
    sorted(tmp_path.rglob("*.zip"))[0].unlink()
    for place in (tmp_path / "SHA256SUMS", tmp_path):
        assert command("verify", str(place)).exit_code == Exit.DAMAGED


@pytest.mark.slow
def test_missing_files_are_fetched_on_demand(command: Command, workflow: str, tmp_path: Path) -> None:
    """A moved file stays done; `--redo-missing` fetches it again."""
    export = ("export", "--workflow", workflow, "--to", str(tmp_path))
    command(*export)
    gone = sorted(tmp_path.rglob("*.zip"))[0]
    gone.unlink()

    assert command(*export).exit_code == Exit.DONE and not gone.exists()
    assert command(*export, "--redo-missing").exit_code == Exit.DONE and gone.exists()


@pytest.mark.parametrize(
    ("environ", "count", "shard"),
    [
        ({"SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "0"}, "", (1, 4)),
        ({"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "0"}, "", (4, 4)),
        (
            {
                "SLURM_ARRAY_TASK_ID": "9",
                "SLURM_ARRAY_TASK_COUNT": "3",
                "SLURM_ARRAY_TASK_MIN": "1",
                "SLURM_ARRAY_TASK_STEP": "4",
            },
            "",
            (3, 3),
        ),
        ({"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "1", "SLURM_ARRAY_TASK_MIN": "3"}, "10", (3, 10)),
        ({"AWS_BATCH_JOB_ARRAY_INDEX": "2", "AWS_BATCH_JOB_ARRAY_SIZE": "3"}, "", (3, 3)),
        ({"JOB_COMPLETION_INDEX": "0"}, "5", (1, 5)),
    ],
)
def test_a_job_array_gives_the_shard(environ: dict[str, str], count: str, shard: tuple[int, int]) -> None:
    """`auto` is the position of a task in its job array, whatever number the array starts at."""
    assert array_shard(environ, count) == shard


@pytest.mark.parametrize(
    ("environ", "count", "words"),
    [
        ({}, "", "needs a job array"),
        ({"JOB_COMPLETION_INDEX": "0"}, "", "write auto/N"),
        ({"SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_COUNT": "3", "SLURM_ARRAY_TASK_MIN": "1"}, "", "outside"),
        ({"SLURM_ARRAY_TASK_ID": "0"}, "4", "outside"),
        ({"SLURM_ARRAY_TASK_ID": "1"}, "x", "auto/10"),
    ],
)
def test_an_array_without_position_or_size_is_refused(environ: dict[str, str], count: str, words: str) -> None:
    """An array whose position or size is unknown is refused, since a wrong shard would skip or repeat packages."""
    with pytest.raises(ValueError, match=words):
        array_shard(environ, count)


def test_auto_outside_of_an_array_is_an_error(command: Command, tmp_path: Path) -> None:
    """The error about `auto` outside a job array says what it needs."""
    refused = command("export", "job:w/j", "--to", str(tmp_path), "--shard", "auto")
    assert refused.exit_code == 2
    assert "job array" in refused.stderr
