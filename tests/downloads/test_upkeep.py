"""A folder a year later: its sums, and whether its files are still what they were."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pixxel_async import DownloadManager, PixxelClient
from pixxel_async.downloads import verify_folder, write_sums
from tests.downloads.ground import Ground, collect


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum")
async def test_sums_are_accepted_by_sha256sum(client: PixxelClient, ground: Ground, tmp_path: Path) -> None:
    """`sha256sum -c` agrees with every file; one that was moved away is left out."""
    async with DownloadManager(client, tmp_path) as manager:
        await collect(manager.fetch_all(ground.packages))
        (tmp_path / ground.packages[0].workflow_id / f"{ground.packages[0].job_id}.zip").unlink()
        sums = await write_sums(tmp_path, manager.record)
    checked = subprocess.run(["sha256sum", "-c", sums.name], cwd=tmp_path, capture_output=True, text=True)  # noqa: ASYNC221

    assert checked.returncode == 0, checked.stderr
    assert len(checked.stdout.splitlines()) == len(ground.packages) - 1


async def test_no_sums_of_nothing(client: PixxelClient, tmp_path: Path) -> None:
    """Where no file is known there is no list of them, and an old one goes: `sha256sum -c` refuses an empty list."""
    (tmp_path / "SHA256SUMS").write_text("old\n")
    async with DownloadManager(client, tmp_path) as manager:
        sums = await write_sums(tmp_path, manager.record)

    assert not sums.exists()


async def test_damage_is_found_by_reading(client: PixxelClient, ground: Ground, tmp_path: Path) -> None:
    """A byte that changed, a file that is shorter and one that is gone are each told; the sound one is sound."""
    async with DownloadManager(client, tmp_path) as manager:
        await collect(manager.fetch_all(ground.packages))
        changed, shorter, gone, sound = (
            tmp_path / package.workflow_id / f"{package.job_id}.zip" for package in ground.packages
        )
        changed.write_bytes(b"X" + changed.read_bytes()[1:])
        shorter.write_bytes(shorter.read_bytes()[:-1])
        gone.unlink()
        found = {verified.path: verified async for verified in verify_folder(tmp_path, manager.record)}

    assert [found[path].ok for path in (changed, shorter, gone, sound)] == [False, False, False, True]
    assert "changed" in found[changed].reason and "gone" in found[gone].reason
