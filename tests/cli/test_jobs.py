"""`pixxel jobs` lists jobs, and names are accepted in place of ids."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result

from pixxel_async.sandbox import Sandbox
from tests.cli.conftest import Command


def rows(result: Result) -> list[dict[str, str]]:
    assert result.exit_code == 0, result.stderr
    return list(map(json.loads, result.stdout.splitlines()))


@pytest.fixture
def workflows(command: Command) -> list[dict[str, str]]:
    """Return the rows of all workflows."""
    return rows(command("workflows", "--output", "ndjson"))


def test_jobs_of_all_workflows(command: Command, served: Sandbox, workflows: list[dict[str, str]]) -> None:
    """Without `--workflow` the jobs of all workflows are listed, each with its workflow's id and name."""
    listed = rows(command("jobs", "--output", "ndjson"))

    assert {row["job_id"] for row in listed} == {job for jobs in served.world.runs.values() for job in jobs}
    names = {row["workflow_id"]: row["name"] for row in workflows}
    table = command("jobs").stdout.splitlines()
    assert table[0].startswith("WORKFLOW") and all(any(name in line for name in names.values()) for line in table[1:])


def test_jobs_of_some_workflows(command: Command, served: Sandbox, workflows: list[dict[str, str]]) -> None:
    """`--workflow` is repeatable, accepts names and ids, and lists a workflow named twice once."""
    first, second = workflows[:2]
    line = ["jobs", "--output", "ndjson", "--workflow", first["name"], "--workflow", first["workflow_id"]]

    once = rows(command(*line))
    both = rows(command(*line, "--workflow", second["workflow_id"]))

    assert {row["workflow_id"] for row in once} <= {first["workflow_id"]} and len(once) == len(
        served.world.runs[first["workflow_id"]]
    )
    assert len(both) == len(once) + len(served.world.runs.get(second["workflow_id"], {}))


def test_jobs_of_a_project(command: Command, served: Sandbox, workflows: list[dict[str, str]]) -> None:
    """`--project` accepts an id or a name; together with `--workflow` it is refused."""
    project = next(
        row for row in rows(command("check", "--output", "ndjson")) if row["project_id"] == workflows[0]["project_id"]
    )

    by_id, by_name = (
        [row["job_id"] for row in rows(command("jobs", "--output", "ndjson", "--project", project[member]))]
        for member in ("project_id", "name")
    )

    assert by_id and by_id == by_name
    assert command("jobs", "--project", "p", "--workflow", "w").exit_code == 2


@pytest.mark.slow
def test_export_by_name(command: Command, workflows: list[dict[str, str]], tmp_path: Path) -> None:
    """`export --workflow` accepts a name in place of an id; for an unknown name similar ones are suggested."""
    name = workflows[0]["name"]
    assert command("export", "--workflow", name, "--to", str(tmp_path / "x")).exit_code == 0
    again = command("export", "--workflow", workflows[0]["workflow_id"], "--to", str(tmp_path / "x"))
    assert "nothing new" in again.stderr

    slip = command("export", "--workflow", name[:-1], "--to", str(tmp_path / "y"))
    assert slip.exit_code == 3 and f"did you mean {name}" in slip.stderr
