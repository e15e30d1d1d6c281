"""Deadline for a block of awaits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..errors import TimedOut
from .event_loop import running_loop

__all__ = ["Deadline"]


class Deadline:
    """Bound the total time of an operation, however slowly the peer sends.

    Args:
        message: names the operation in the error, such as "the member was not read".
        seconds: total time; None for no limit.
    """

    def __init__(self, message: str, seconds: float | None) -> None:
        self.late = TimedOut(f"{message} within {seconds:g} s" if seconds is not None else message)
        self.end: float | None = None
        self._seconds = seconds

    def start(self) -> Deadline:
        """Start the timer."""
        if self._seconds is not None:
            self.end = running_loop().time() + self._seconds
        return self

    @asynccontextmanager
    async def bound(self) -> AsyncIterator[None]:
        """Cancel the block at the deadline and raise `TimedOut` from it."""
        try:
            async with asyncio.timeout_at(self.end) as limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise  # a timeout of the block's own
            raise self.late from None
