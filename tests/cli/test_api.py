"""`pixxel api` offers every operation on the command line."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pixxel_async.cli.app import pixxel
from pixxel_async.cli.commands.signatures import method_names, read_method
from pixxel_async.cli.errors import Exit
from pixxel_async.resources import OPERATIONS, RESOURCES
from pixxel_async.sandbox import Sandbox
from tests.cli.conftest import Command, commanded
from tests.support.clients import ITEM


@pytest.fixture
def workflow(served: Sandbox) -> str:
    return next(iter(served.world.workflows))


@pytest.fixture
def project(served: Sandbox) -> str:
    return next(iter(served.world.projects))


def test_every_operation_is_a_command() -> None:
    """Each operation of the description is a subcommand, and each argument of its method has a help text."""
    typed = {f"{resource}.{name}" for resource in RESOURCES for name in method_names(resource)} | {"ping"}
    said = [read_method(resource, name) for resource in RESOURCES for name in method_names(resource)]

    assert OPERATIONS.keys() <= typed
    assert all(method.about and each.help for method in said for each in method.arguments)


@pytest.mark.slow
@pytest.mark.parametrize("resource", RESOURCES)
def test_help(resource: str) -> None:
    """The help of a resource lists its methods, and the help of a method names its arguments."""
    shown = CliRunner().invoke(pixxel, ["api", resource.replace("_", "-"), "--help"])
    assert shown.exit_code == 0 and all(name.replace("_", "-") in shown.stdout for name in method_names(resource))
    for name in method_names(resource):
        shown = CliRunner().invoke(pixxel, ["api", resource, name, "--help"])
        words = {each.name.upper() if each.positional else each.name for each in read_method(resource, name).arguments}
        assert shown.exit_code == 0
        assert all(word in shown.stdout.replace("-", "_") for word in words - {"secrets"})


@pytest.mark.slow
def test_listings_stream_rows(command: Command, workflow: str) -> None:
    """A listing is printed in every format: JSON holds all members of a row, the table those that fit into cells."""
    line = ("api", "jobs", "list", workflow)
    rows = [json.loads(text) for text in command(*line, "--output", "ndjson").stdout.splitlines()]
    sheet = list(csv.DictReader(io.StringIO(command(*line, "--output", "csv").stdout)))

    assert [row["id"] for row in json.loads(command(*line, "--output", "json").stdout)] == [row["id"] for row in rows]
    assert [row["id"] for row in sheet] == [row["id"] for row in rows] and len(rows) > 2
    assert command(*line).stdout.startswith("ID")
    assert len(command(*line, "--first", "2", "--output", "ndjson").stdout.splitlines()) == 2
    assert all(
        row["status"] == "failed" for row in json.loads(command(*line, "--status", "failed", "--output", "json").stdout)
    )


def test_a_single_result_is_one_json_object(command: Command, workflow: str, project: str) -> None:
    """A single result is printed as one JSON object with the API's member names."""
    found = command("api", "workflows", "get", workflow, "--project-id", project)

    assert found.exit_code == Exit.DONE, found.stderr
    assert json.loads(found.stdout)["id"] == workflow
    assert command("api", "ping").stdout == "pong\n"


@pytest.mark.fault("R-06")
def test_paid_operations_need_yes(served: Sandbox, command: Command, workflow: str, project: str) -> None:
    """Without `--yes` an operation that costs tokens is refused and not sent; a dry run of it needs no `--yes`."""
    line = ("api", "jobs", "create", workflow, "--project-id", project)
    refused = command(*line)

    assert refused.exit_code == Exit.USAGE and "--yes" in refused.stderr
    assert not served.count("jobs.create")
    assert json.loads(command(*line, "--yes").stdout)["workflow_id"] == workflow
    assert served.count("jobs.create") == 1
    priced = command("api", "orders", "create", "--dry-run", "--order-items", json.dumps([ITEM]))
    assert "--yes" not in priced.stderr and served.count("orders.create") == 1


def test_arguments_from_a_file(served: Sandbox, command: Command, tmp_path: Path) -> None:
    """`--json` reads arguments from a file or stdin, and options on the command line override them."""
    store: dict[str, Any] = {
        "name": "old",
        "type": "S3",
        "configs": {"bucket": "b", "region": "r"},
        "secrets": {"accessKeyID": "a", "secretAccessKey": "s"},
    }
    file = tmp_path / "store.json"
    file.write_text(json.dumps(store))
    made = command("api", "stores", "create", "--json", str(file), "--name", "new")
    again = command("api", "stores", "create", "--json", "-", input=json.dumps(store))

    assert made.exit_code == again.exit_code == Exit.DONE, made.stderr + again.stderr
    assert json.loads(made.stdout)["name"] == "new"
    gone = command("api", "stores", "delete", json.loads(made.stdout)["id"])
    assert gone.exit_code == Exit.DONE and not gone.output


@pytest.mark.fault("A-14")
@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["stores", "create", "--name", "x"], "--type and --configs and --json FILE"),
        (["stores", "create", "--secrets", "{}"], "--secrets"),
        (["orders", "create", "--order-items", "[{"], "is not JSON"),
        (["archives", "search", "--bbox", "1,x"], "comma-separated list of numbers"),
        (["stores", "create", "--json", "none.json"], "No such file"),
        (["stores", "create", "--json", "-"], "must hold an object"),
        (["jobs", "get", "w"], "JOB_ID"),
        (["jobs", "none"], "none"),
    ],
)
def test_invalid_command_lines_are_refused(served: Sandbox, command: Command, line: list[str], says: str) -> None:
    """An invalid command line is a usage error with a reason, and nothing is sent; secrets are no option."""
    refused = command("api", *line, input="[]")

    assert refused.exit_code == Exit.USAGE and says in refused.stderr
    assert not served.requests


def test_unknown_members_are_named(command: Command) -> None:
    """The error about an unknown member of `--json` names the member and those that the method takes."""
    refused = command("api", "jobs", "list", "w", "--json", "-", input='{"nme": 1}')

    assert refused.exit_code == Exit.USAGE and "no nme; it has workflow_id, id, status" in refused.stderr


def test_reports_are_written_to_files_or_stdout(command: Command, tmp_path: Path) -> None:
    """A report is written byte for byte to stdout or to the file of `--to`, which is replaced."""
    report = command("api", "reports", "orders", "--tz", "UTC")
    (tmp_path / "orders.csv").write_text("older")
    command("api", "reports", "orders", "--tz", "UTC", "--to", str(tmp_path / "orders.csv"))
    assert command("api", "reports", "orders", "--to", os.devnull).exit_code == 0
    assert not Path(os.devnull).is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["orders.csv"]

    assert report.exit_code == Exit.DONE and "," in report.stdout.splitlines()[0]
    assert (tmp_path / "orders.csv").read_bytes() == report.stdout_bytes


def test_errors_are_those_of_other_commands(served: Sandbox, command: Command) -> None:
    """A missing resource and a refused key end `pixxel api` with the same exit codes as other commands."""
    assert command("api", "jobs", "get", "none", "none").exit_code == Exit.FAILED
    assert commanded(served.url, "wrong")("api", "projects", "list").exit_code == Exit.KEY


def test_without_an_account() -> None:
    """`--sandbox` calls a local simulated API and needs no account."""
    listed = CliRunner().invoke(pixxel, ["api", "satellites", "list", "--sandbox", "--output", "ndjson"])

    assert listed.exit_code == Exit.DONE and json.loads(listed.stdout.splitlines()[0])["id"]
