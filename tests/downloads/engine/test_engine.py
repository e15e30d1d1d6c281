"""The engine: its last exception handler, its workers, and contextvars."""

from __future__ import annotations

import asyncio
import logging
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from pixxel_async import DownloadManager, JobPackage, PixxelClient
from pixxel_async.errors import DownloadError
from pixxel_async.events import Downloaded, Event, Failed
from tests.support.ground_truth import GroundTruth

TENANT = ContextVar("TENANT", default="nobody")


class Mute(Exception):
    """An exception whose str() raises."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.slow
@pytest.mark.fault("P-09")
@pytest.mark.parametrize("error", [ValueError("\ud800"), Mute()])
async def test_any_exception_of_a_callback_ends_one_package_alone(
    client: PixxelClient, ground: GroundTruth, tmp_path: Path, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """An exception raised by the `extract` callback fails its package alone and is logged with traceback."""
    bad, *good = ground.packages

    def wanted(member: Any) -> bool:
        raise error

    async with asyncio.timeout(60), DownloadManager(client, tmp_path) as manager:
        with caplog.at_level(logging.ERROR, "pixxel_async.downloads"), pytest.raises(DownloadError, match="unforeseen"):
            await manager.fetch(bad, extract=wanted)
        async with manager.fetch_all(good) as outcomes:
            ended = [outcome async for outcome in outcomes]

    assert [type(outcome) for outcome in ended] == [Downloaded] * len(good)
    assert "in wanted" in caplog.text and "\ud800" not in caplog.text


async def test_work_runs_in_the_context_of_its_caller(
    client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """Events of each package see the contextvars of the call that submitted it."""
    seen: dict[str, set[str]] = {}

    def note(event: Event) -> None:
        name = str(event.package) if isinstance(event, (Downloaded, Failed)) else getattr(event, "item", "")
        seen.setdefault(name, set()).add(TENANT.get())

    async with DownloadManager(client, tmp_path, on_event=note) as manager:

        async def fetch(package: JobPackage, tenant: str) -> None:
            TENANT.set(tenant)
            await manager.fetch(package)

        tenants = {str(package): f"tenant {number}" for number, package in enumerate(ground.packages)}
        async with asyncio.TaskGroup() as group:
            for package in ground.packages:
                group.create_task(fetch(package, tenants[str(package)]))

    assert seen == {name: {tenant} for name, tenant in tenants.items()}
