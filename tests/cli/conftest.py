"""Fixtures for commands: a sandbox in a thread, commands in the main thread, which handles signals."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pixxel_async.cli.app import pixxel
from pixxel_async.sandbox import Sandbox

Command = Callable[..., Result]


@contextmanager
def in_thread(server: Any) -> Iterator[Any]:
    """Keep an async context manager open in an event loop in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def call(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(20)

    try:
        yield call(server.__aenter__())
    finally:
        call(server.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def served() -> Iterator[Sandbox]:
    """Serve a sandbox that packs each package within 50 ms."""
    with in_thread(Sandbox(packing=0.05)) as sandbox:
        yield sandbox


@pytest.fixture
def command(served: Sandbox) -> Command:
    """Return a function that runs `pixxel …` against the sandbox, with its key in the environment."""
    return commanded(served.url, served.api_key)


def commanded(url: str, key: str | None) -> Command:
    """Return a function that runs `pixxel …` against the server at `url`, with short poll intervals."""
    env = {"PIXXEL_BASE_URL": url, "PIXXEL_API_KEY": key, "PIXXEL_CONFIG": None, "PIXXEL_API_KEY_FILE": None}
    fast = [
        "--set",
        "poll.initial_interval=0.1",
        "--set",
        "retry.max_attempts=3",
        "--set",
        "retry.initial_delay=0.01",
    ]

    def run(*arguments: str, **extra: Any) -> Result:
        return CliRunner().invoke(pixxel, [*fast, *arguments], env=env, prog_name="pixxel", **extra)

    return run
