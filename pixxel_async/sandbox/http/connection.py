"""The connection of one request, and waits on it in the sandbox's time."""

from __future__ import annotations

from aiohttp import web

from ..clock import Clock
from .time_travel import TimeTravel


class Connection:
    """One request's connection.

    Args:
        request: the request as aiohttp gives it.
        clock: the sandbox's clock.
        time_travel: jumps over waits when everybody waits.
    """

    def __init__(self, request: web.BaseRequest, clock: Clock, time_travel: TimeTravel) -> None:
        self.request = request
        self._clock = clock
        self._time_travel = time_travel

    @property
    def gone(self) -> bool:
        """Whether the peer has closed the connection."""
        transport = self.request.transport
        return transport is None or transport.is_closing()

    def now(self) -> float:
        """Return the sandbox's time."""
        return self._clock.now()

    def note_progress(self) -> None:
        """Report that bytes were sent."""
        self._time_travel.note_progress()

    async def hold(self, seconds: float) -> None:
        """Keep the peer waiting for that many sandbox seconds, or until it disconnects."""
        await self.wait_until(self._clock.now() + seconds)

    async def wait_until(self, time: float) -> None:
        """Keep the peer waiting until that sandbox time, or until it disconnects."""
        if self._clock.now() < time:
            await self._time_travel.pause(time, lambda: self.gone)
