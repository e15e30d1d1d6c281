"""The timeouts of one request on a single timer of the event loop, and the stage that the request has reached."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from types import TracebackType

from ..reply import Stage

__all__ = ["RequestTimer", "mark_connected"]


class RequestTimer:
    """Time limits of a request's stages: connection and headers, headers once connected, then the whole call.

    Entered around the request, it raises `TimeoutError` where a timeout is over. Deadlines move while the request
    advances, but the timer of the loop is set once, to the earliest time that any of them can have, and again only when
    that passes: setting one for each stage would cost a tenth of a small call.

    Args:
        connect: seconds until the connection is made, which the connector bounds, too.
        headers: seconds from then to the headers.
        call: seconds for everything, the body included.

    Attributes:
        stage: how far the request got; `connect` means that the server saw nothing of it.
        call_over: whether the timeout of the call ended it.
    """

    def __init__(self, connect: float, headers: float, call: float = float("inf")) -> None:
        self.stage: Stage = "connect"
        self.call_over = False
        self._scope = asyncio.timeout(None)
        self._loop = asyncio.get_running_loop()
        self._headers = headers
        now = self._loop.time()
        self._connected_at = now
        self._stage_ends, self._call_ends = now + connect + headers, now + call
        self._handle = self._loop.call_at(now + min(headers, call), self._check)

    async def __aenter__(self) -> RequestTimer:
        await self._scope.__aenter__()
        self._before = _timer_now.set(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _timer_now.reset(self._before)
        self._handle.cancel()
        await self._scope.__aexit__(kind, error, trace)

    def connected(self) -> None:
        """Start the timeout for headers; from here on the server may have seen the request."""
        self.stage, self._connected_at = "headers", self._loop.time()
        self._stage_ends = self._connected_at + self._headers

    def mark_headers(self) -> float:
        """End the timeout of the headers and return the seconds that they took over an open connection.

        The body has a timeout for each read, and that of the call.
        """
        self._stage_ends = float("inf")
        return self._loop.time() - self._connected_at

    def _check(self) -> None:
        now, ends = self._loop.time(), min(self._stage_ends, self._call_ends)
        if now < ends:
            if ends != float("inf"):
                self._handle = self._loop.call_at(ends, self._check)
            return
        self.call_over = self._call_ends <= now
        self._scope.reschedule(now)


_timer_now: ContextVar[RequestTimer | None] = ContextVar("_timer_now", default=None)
"""Timer of the request that this task sends."""


def mark_connected() -> None:
    """Notify the timer of this task's request that it is connected."""
    if (timer := _timer_now.get()) is not None:
        timer.connected()
