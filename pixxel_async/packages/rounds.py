"""What many streams do in one round of the event loop is bounded, so that whoever else lives in it has a turn soon."""

from __future__ import annotations

import asyncio
from collections import deque

__all__ = ["OPENING", "Rounds"]

ROUND = 4
"""Pieces that are handed on in one round, of 256 KiB at most: 2 ms of work."""

OPENING = 4
"""As many pieces an opening is worth, a connection and its TLS handshake: 3 ms of work."""


class Rounds:
    """Lets so much through in each round of the event loop, in the order in which it was asked for.

    Five hundred streams that may all go on at the same moment would else do so in a single round, and a timer or a
    small request beside them would wait for all of them. It also has a stream whose bytes are always there wait now
    and then: anyio's cancel scopes cancel only tasks that they find waiting.
    """

    def __init__(self) -> None:
        self._left = ROUND
        self._line: deque[tuple[asyncio.Future[None], int]] = deque()
        self._renewing: asyncio.Handle | None = None

    async def enter(self, pieces: int = 1) -> None:
        """Wait for a round that has room for so much; whoever comes first goes first."""
        loop = asyncio.get_running_loop()
        if self._renewing is None:
            self._renewing = loop.call_soon(self._renew)
        if self._left > 0 and not self._line:
            self._left -= pieces
            return
        self._line.append((turn := loop.create_future(), pieces))
        await turn

    def _renew(self) -> None:
        """A new round: what one opening took too much is made up for, and what nobody took is not kept."""
        self._renewing = None
        self._left = min(self._left + ROUND, ROUND)
        while self._line and self._left > 0:
            turn, pieces = self._line.popleft()
            if not turn.done():  # it is done when its waiter was cancelled
                turn.set_result(None)
                self._left -= pieces
        if self._line:
            self._renewing = asyncio.get_running_loop().call_soon(self._renew)
