"""Fixtures for tests of code that uses the client: the whole API in a thread, and a client for it.

pytest finds them by itself once the package is installed. Nothing but pytest is imported until one of them is used.
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
    """A sandbox of one's own, served by another thread; its clock is stepped by `step`, `advance` or the client."""
    from .sandbox import Sandbox

    with Sandbox(clock="manual") as sandbox:
        yield sandbox


@pytest.fixture
def pixxel_client(pixxel_sandbox: Sandbox) -> PixxelClient:
    """A client for `pixxel_sandbox` that is not open yet: `async with pixxel_client as client`.

    It tells time by the sandbox's clock, and its waits step that: a job of an hour takes milliseconds.
    """
    from .client import PixxelClient
    from .settings import Settings

    settings = Settings().with_values(pixxel_sandbox.api_key, base_url=pixxel_sandbox.url)
    return PixxelClient(settings=settings, clock=pixxel_sandbox.clock.now, sleep=pixxel_sandbox.sleep)
