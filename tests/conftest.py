"""Fixtures that every slice shares: the sandbox over real sockets, and a client on it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import hypothesis
import pytest

from pixxel_async import PixxelClient
from pixxel_async.sandbox import Sandbox

hypothesis.settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("suite")
"""The same examples on every machine, however busy it is."""

TMPFS = Path("/dev/shm")
TMPFS_BYTES = 2 << 30
"""Free space below which temporary folders stay on disk; the whole suite in two processes needs a quarter of it."""


def pytest_configure() -> None:
    """Keep temporary folders in memory where Linux offers it: half of the suite's time would be fsync of a disk."""
    if TMPFS.is_dir() and os.access(TMPFS, os.W_OK):
        found = os.statvfs(TMPFS)
        if found.f_bavail * found.f_frsize >= TMPFS_BYTES and not found.f_flag & os.ST_NOEXEC:
            os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(TMPFS))


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(packing=0.05) as started:
        yield started


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[PixxelClient]:
    async with PixxelClient(api_key=sandbox.api_key, base_url=sandbox.url) as opened:
        yield opened
