"""Sources of time and random numbers, injected for tests."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import frozen


@frozen
class Timing:
    """Clock, sleep and random numbers of a client; tests inject their own.

    Attributes:
        clock: monotonic seconds, for deadlines.
        sleep: coroutine function that waits for so many seconds.
        random: returns a number in [0, 1), for jitter.
        now: seconds since 1970, by which packages are given up once a day.
    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep
    random: Callable[[], float] = random.random
    now: Callable[[], float] = time.time
