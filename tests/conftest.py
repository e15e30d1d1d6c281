"""Fixtures that every slice shares: the sandbox over real sockets, and a client on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import hypothesis
import pytest

from pixxel_async import PixxelClient
from pixxel_async.sandbox import Sandbox

hypothesis.settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("suite")
"""The same examples on every machine, however busy it is."""


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(packing=0.05) as started:
        yield started


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[PixxelClient]:
    async with PixxelClient(api_key=sandbox.api_key, base_url=sandbox.url) as opened:
        yield opened
