"""Exports into object stores use the same commands with a URL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pixxel_async.sandbox import Sandbox
from tests.cli.conftest import Command


@pytest.mark.slow
def test_commands_find_the_record_by_the_url(
    command: Command, served: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`export`, `status`, `list`, `verify` and `retry` find the same record by the store's URL."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    workflow, url = next(iter(served.world.workflows)), f"file://{tmp_path}/store"

    first = command("export", "--workflow", workflow, "--to", url, "--output", "ndjson")
    again = command("export", "--workflow", workflow, "--to", url + "/")
    since = command("export", "--workflow", workflow, "--to", url, "--finished-since", "last")
    paths = [json.loads(line)["path"] for line in first.stdout.splitlines()]

    assert (first.exit_code, again.exit_code, since.exit_code) == (0, 0, 0), first.stderr
    assert "nothing to fetch" in since.stderr
    assert f"4 packages fetched into {url}" in first.stderr and "4 packages there already" in again.stderr
    assert f"check the files with: pixxel verify {url}" in first.stderr
    assert sorted(paths) == sorted(f"file://{path}" for path in (tmp_path / "store").rglob("*.zip"))
    assert json.loads(command("status", url, "--output", "ndjson").stdout)["packages"] == 4
    listed = command("list", url, "--output", "ndjson").stdout.splitlines()
    assert sorted(json.loads(line)["path"] for line in listed) == sorted(paths)
    assert command("verify", url).exit_code == 0
    assert command("retry", url).exit_code == 0

    Path(paths[0].removeprefix("file://")).write_bytes(b"not what it was")
    damaged = command("verify", url)
    assert damaged.exit_code == 7 and paths[0] in damaged.stdout


@pytest.mark.slow
def test_a_spool_given_by_option(command: Command, served: Sandbox, tmp_path: Path) -> None:
    """`--spool` sets the folder of part files and record, and each command about that store needs it."""
    workflow, url, spool = next(iter(served.world.workflows)), f"file://{tmp_path}/store", str(tmp_path / "spool")

    fetched = command("export", "--workflow", workflow, "--to", url, "--spool", spool)

    assert fetched.exit_code == 0 and f"pixxel verify {url} --spool {spool}" in fetched.stderr
    assert command("verify", url, "--spool", spool).exit_code == 0
    assert command("status", url, "--spool", str(tmp_path / "other")).exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [("--to", "https://host/x"), ("--to", "s3://bucket/x?sig=1"), ("--to", "x", "--spool", "y"), ("--to", "s3://")],
)
def test_unusable_destinations(command: Command, arguments: tuple[str, ...]) -> None:
    """An unusable destination is a usage error with a one-line message."""
    result = command("export", "job:W/J", *arguments)
    assert result.exit_code == 2 and len(result.stderr.splitlines()) == 1
