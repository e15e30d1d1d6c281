"""Reading that takes no longer than it may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..errors import TimedOut

__all__ = ["Deadline"]


class Deadline:
    """When reading one thing has to end, counted from now: a storage may send as slowly as it likes.

    Args:
        what: the thing, as people are told of it.
        seconds: for all of it.
    """

    def __init__(self, what: str, seconds: float) -> None:
        self._what = what
        self._seconds = seconds
        self._end = asyncio.get_running_loop().time() + seconds

    @asynccontextmanager
    async def bound(self) -> AsyncIterator[None]:
        """Ends the block when the time is over; raises `TimedOut` out of it."""
        try:
            async with asyncio.timeout_at(self._end) as limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            raise TimedOut(f"{self._what} was not read within {self._seconds:g} s") from None
