"""`pixxel report FOLDER` counts fetched and missing packages by period."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pixxel_async.cli.errors import Exit
from pixxel_async.downloads import Record
from pixxel_async.sandbox import Sandbox
from tests.cli.conftest import Command


async def _write(folder: Path) -> None:
    """Record packages of two months: three fetched, one failed, one given up, one in progress."""

    def seconds(month: int, day: int) -> float:
        return datetime(2026, month, day, tzinfo=UTC).timestamp()

    async with await Record.open(folder / ".pixxel" / "record.sqlite", origin=None) as record:
        for number, (month, day) in enumerate([(1, 31), (2, 1), (2, 28)]):
            await record.save(
                f"job:w/{number}", folder, state="done", size=1_000_000, updated_at=seconds(3, 3),
                finished_at=seconds(month, day),
            )  # fmt: skip
        for state, kind in (("failed", "Corrupt"), ("given_up", "PackageFailed"), ("streaming", None)):
            await record.save(f"job:w/{state}", folder, state=state, error_kind=kind, updated_at=seconds(2, 28))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    asyncio.run(_write(tmp_path))
    return tmp_path


def test_by_month(command: Command, folder: Path) -> None:
    """A month counts the packages fetched in it, and by reason those last tried in it without success."""
    result = command("report", str(folder), "--output", "json")

    assert result.exit_code == Exit.DONE, result.stderr
    assert json.loads(result.stdout) == [
        {"period": "2026-01", "fetched": 1, "bytes": 1_000_000, "failed": 0, "given_up": 0, "unfinished": 0,
         "reasons": {}},
        {"period": "2026-02", "fetched": 2, "bytes": 2_000_000, "failed": 1, "given_up": 1, "unfinished": 1,
         "reasons": {"Corrupt": 1, "PackageFailed": 1}},
    ]  # fmt: skip
    assert result.stderr == "3 packages, 3.0 MB; 3 missing\n"


def test_by_day_for_people(command: Command, folder: Path) -> None:
    """`--by day` has a row for each day; the table shows sizes with units and reasons as text."""
    lines = command("report", str(folder), "--by", "day").stdout.splitlines()

    assert [line.split()[0] for line in lines] == ["PERIOD", "2026-01-31", "2026-02-01", "2026-02-28"]
    assert "1.0 MB" in lines[1] and lines[3].endswith("1 Corrupt, 1 PackageFailed")


@pytest.mark.slow
def test_of_a_real_export(served: Sandbox, command: Command, tmp_path: Path) -> None:
    """An export just made is counted in the current month; a folder without a record is refused."""
    workflow = next(iter(served.world.workflows))
    command("export", "--workflow", workflow, "--to", str(tmp_path))

    [row] = [json.loads(line) for line in command("report", str(tmp_path), "--output", "ndjson").stdout.splitlines()]
    assert row["fetched"] == 4 and row["bytes"] == sum(path.stat().st_size for path in tmp_path.rglob("*.zip"))
    assert command("report", str(tmp_path / "none")).exit_code == Exit.USAGE
