"""Reading that takes no longer than it may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..errors import TimedOut

__all__ = ["Deadline"]


class Deadline:
    """When something has to end, counted from its start: a peer may send as slowly as it likes.

    Args:
        what: is done until then, as people are told of it.
        seconds: for all of it; None for no limit.
    """

    def __init__(self, what: str, seconds: float | None) -> None:
        self.late = TimedOut(f"{what} within {seconds:g} s" if seconds is not None else what)
        self.end: float | None = None
        self._seconds = seconds

    def start(self) -> Deadline:
        """From now on the time runs."""
        if self._seconds is not None:
            self.end = asyncio.get_running_loop().time() + self._seconds
        return self

    @asynccontextmanager
    async def bound(self) -> AsyncIterator[None]:
        """Ends the block when the time is over; raises `TimedOut` out of it."""
        try:
            async with asyncio.timeout_at(self.end) as limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            raise self.late from None
