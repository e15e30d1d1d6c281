"""Time and chance, as values."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import frozen


@frozen
class Timing:
    """Time and chance, handed in so that nobody has to wait for them in a test.

    Attributes:
        clock: seconds that only grow; deadlines are measured by it.
        sleep: waits for so many of these seconds.
        random: draws a number in [0, 1) for jitter.
        now: seconds since 1970, by which packages are given up once a day.
    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep
    random: Callable[[], float] = random.random
    now: Callable[[], float] = time.time
