"""Fixtures that every slice shares: the sandbox over real sockets, and a client on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pixxel_async import PixxelClient
from pixxel_async.sandbox import Sandbox


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(packing=0.05) as started:
        yield started


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[PixxelClient]:
    async with PixxelClient(api_key=sandbox.api_key, base_url=sandbox.url) as opened:
        yield opened
