"""The connection that an answer goes out on, and waiting on it in the sandbox's time."""

from __future__ import annotations

from aiohttp import web

from ..clock import Clock
from .time_travel import TimeTravel


class Connection:
    """One request's connection.

    Args:
        request: as it came.
        clock: the sandbox's.
        time_travel: knows who else waits.
    """

    def __init__(self, request: web.BaseRequest, clock: Clock, time_travel: TimeTravel) -> None:
        self.request = request
        self._clock = clock
        self._time_travel = time_travel

    @property
    def gone(self) -> bool:
        """Whether the peer has closed it."""
        transport = self.request.transport
        return transport is None or transport.is_closing()

    def now(self) -> float:
        """The sandbox's time."""
        return self._clock.now()

    def stir(self) -> None:
        """Bytes went out."""
        self._time_travel.stir()

    async def hold(self, seconds: float) -> None:
        """Keep the peer waiting for so many seconds of the sandbox, or until it has gone."""
        await self.until(self._clock.now() + seconds)

    async def until(self, time: float) -> None:
        """Keep the peer waiting until that time of the sandbox, or until it has gone."""
        if self._clock.now() < time:
            await self._time_travel.pause(time, lambda: self.gone)
