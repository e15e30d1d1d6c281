"""The record holds the times that `pixxel report --html` shows."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pixxel_async import DownloadManager, JobPackage, PixxelClient


@pytest.mark.slow
async def test_the_record_knows_the_times(client: PixxelClient, package: JobPackage, tmp_path: Path) -> None:
    """A fetched package's row has the wall-clock times of its first request, its first byte and its end, in order."""
    began = time.time()
    async with DownloadManager(client, tmp_path) as manager:
        await manager.fetch(package)
        row = await manager.record.get(str(package), manager.folder)
    assert row is not None and row.asked_at is not None and row.started_at is not None and row.finished_at is not None
    assert began - 1 <= row.asked_at <= row.started_at <= row.finished_at <= time.time() + 1
