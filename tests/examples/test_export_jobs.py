"""`examples/export_jobs.py` in a process of its own against a sandbox."""

from __future__ import annotations

import asyncio
import csv
import os
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from pixxel_async.sandbox import Fault, Sandbox

EXAMPLE = Path(__file__).parents[2] / "examples" / "export_jobs.py"


async def example(sandbox: Sandbox, folder: Path) -> tuple[int | None, list[dict[str, str]]]:
    """Return the example's exit code and the rows of its table."""
    environment = os.environ | {"PIXXEL_API_KEY": sandbox.api_key, "PIXXEL_BASE_URL": sandbox.url}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", str(EXAMPLE), next(iter(sandbox.world.workflows)), "exports",
        cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 240)
    assert err == b""
    return process.returncode, list(csv.DictReader(out.decode().splitlines()))


@pytest.mark.slow
async def test_export_jobs(sandbox: Sandbox, tmp_path: Path) -> None:
    """The example fetches last month's job, reports a failure by its exit code, and resumes when run again."""
    await sandbox.advance(hours=1)
    sandbox.inject(Fault(route="jobs.request_download", kind="status", status=400))

    failed, rows = await example(sandbox, tmp_path)

    assert (failed, [row["outcome"] for row in rows]) == (3, ["failed"])
    assert rows[0]["path_or_error"].startswith("400 ")

    fetched, rows = await example(sandbox, tmp_path)

    assert (fetched, [row["outcome"] for row in rows]) == (0, ["downloaded"])
    with ZipFile(tmp_path / rows[0]["path_or_error"]) as archive:
        assert archive.testzip() is None

    again, rows = await example(sandbox, tmp_path)

    assert (again, [row["outcome"] for row in rows]) == (0, ["skipped"])


def test_short() -> None:
    """The example has at most 30 lines."""
    assert len(EXAMPLE.read_text().splitlines()) <= 30
