"""Fixtures: a client with short waits, the sandbox's packages, and their true contents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from attrs import evolve

from pixxel_async import JobPackage, PixxelClient, Settings
from pixxel_async.sandbox import Sandbox
from pixxel_async.settings import PollSettings, RetrySettings
from tests.support.ground_truth import GroundTruth


def quick_settings(sandbox: Sandbox, **fields: Any) -> Settings:
    """Return settings with the sandbox's key and waits of milliseconds; `fields` replace those of `Settings`."""
    quick = Settings(
        api_key=sandbox.api_key,
        base_url=sandbox.url,
        poll=PollSettings(initial_interval=0.03, max_interval=0.03),
        retry=RetrySettings(initial_delay=0.01, max_delay=0.02),
    )
    return evolve(quick, **fields)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(packing=0.01, package_size=3_000_000) as started:
        yield started


@pytest.fixture
def tuning() -> dict[str, Any]:
    """Return fields of the client's settings; the mark `tuned` of `ground_truth.py` replaces them."""
    return {}


@pytest.fixture
async def client(sandbox: Sandbox, tuning: dict[str, Any]) -> AsyncIterator[PixxelClient]:
    async with PixxelClient(settings=quick_settings(sandbox, **tuning)) as opened:
        yield opened


@pytest.fixture
async def ground(sandbox: Sandbox, client: PixxelClient) -> GroundTruth:
    """Return the sandbox's packages with their true digests."""
    return await GroundTruth.survey(sandbox, client)


@pytest.fixture
async def package(ground: GroundTruth) -> JobPackage:
    """Return a package that can be fetched."""
    return ground.packages[0]
