"""Fixtures for tests of code that uses the client: the whole API in a thread, a client, and single mocked answers.

pytest finds them once the package is installed. Nothing but pytest is imported until a fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .client import PixxelClient
    from .sandbox import Sandbox
    from .sandbox.http.mocked_responses import MockedResponses


@pytest.fixture
def pixxel_sandbox() -> Iterator[Sandbox]:
    """Serve a sandbox from another thread; step its clock with `step`, `advance` or the client's waits."""
    from .sandbox import Sandbox

    with Sandbox(clock="manual") as sandbox:
        yield sandbox


@pytest.fixture
def pixxel_client(pixxel_sandbox: Sandbox) -> PixxelClient:
    """Return a closed client for `pixxel_sandbox`: `async with pixxel_client as client`.

    It uses the sandbox's clock, and its waits step that clock: a job of an hour takes milliseconds.
    """
    from .client import PixxelClient
    from .settings import Settings, Timing

    settings = Settings().with_values(pixxel_sandbox.api_key, base_url=pixxel_sandbox.url)
    return PixxelClient(settings=settings, timing=Timing(clock=pixxel_sandbox.clock.now, sleep=pixxel_sandbox.sleep))


@pytest.fixture
def pixxel_aioresponses() -> Iterator[MockedResponses]:
    """Mock single answers with aioresponses (0.7), on the aiohttp that is installed; no request is sent.

        pixxel_aioresponses.get("https://api.pixxel.space/v0/projects", status=503)

    Plain aioresponses fails on aiohttp 3.14. For whole flows use `pixxel_sandbox`: it keeps state, and its faults come
    over real connections. aiointercept stands between the two: it answers from a local
    server, to which it leads by patching DNS.
    """
    try:
        from .sandbox.http.mocked_responses import MockedResponses
    except ImportError:
        pytest.fail("pixxel_aioresponses needs aioresponses: pip install aioresponses", pytrace=False)
    with MockedResponses() as mocked:
        yield mocked
