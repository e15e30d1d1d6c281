"""Long work on the event loop, in steps: the loop serves others every millisecond."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from typing import Any, TypeVar

__all__ = ["STEP", "in_steps"]

T = TypeVar("T")

STEP = 0.001
"""Seconds of work after which the event loop serves others."""


async def in_steps(work: Generator[Any, None, T]) -> T:
    """Run a generator to its end and return its result; each `yield` in it is a place to suspend.

    Unlike in a thread, which would hold the interpreter's lock for 5 ms at a time, no callback of the loop is later
    than one step.
    """
    since = time.perf_counter()
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: T = done.value
            return result
        if time.perf_counter() - since > STEP:
            await asyncio.sleep(0)
            since = time.perf_counter()
