"""Fixtures for tests of code that uses the client: the whole API in a thread, and a client for it.

pytest finds them once the package is installed. Nothing but pytest is imported until a fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .client import PixxelClient
    from .sandbox import Sandbox


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
