"""What many streams do in one round of the event loop is bounded, so that whoever else lives in it has a turn soon."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["LoopBudget"]

ROUND = 2
"""Pieces of 64 KiB at most that are handed on in one round: 1 ms of work."""

OPENING = 2
"""As many pieces an opening is worth, a connection and the beginning of its TLS handshake."""

OPENINGS = 2
"""Openings under way at the same time: so many handshakes may end in one round, and so many bodies begin."""

LOOK = 0.003
"""Seconds after which an opening makes room for the next one, though its answer is not here, if the loop has time: the
opening waits for the network then, and what it will have to do does not come together with what others have to do."""

LATE = 0.002
"""Seconds by which a timer may be late in a loop that has time: a selector's timers have milliseconds."""

LOOKS = 6
"""As many times is looked whether the loop has time; then there is room in any case."""


class LoopBudget:
    """Lets so much through in each round of the event loop, in the order in which it was asked for.

    Five hundred streams that may all go on at the same moment would else do so in a single round, and a timer or a
    small request beside them would wait for all of them. It also has a stream whose bytes are always there wait now
    and then: anyio's cancel scopes cancel only tasks that they find waiting.

    Args:
        look: seconds after which is looked whether an opening still counts.
    """

    def __init__(self, look: float = LOOK) -> None:
        self._look = look
        self._left = ROUND
        self._line: deque[tuple[asyncio.Future[None], int]] = deque()
        self._renewing: asyncio.Handle | None = None
        self._openings = asyncio.Semaphore(OPENINGS)
        self._under_way: dict[object, asyncio.TimerHandle] = {}

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

    @asynccontextmanager
    async def opening(self) -> AsyncIterator[None]:
        """One of the openings under way for the block, though not for very long.

        A storage that answers faster than this loop takes its answers in would else have more of them ready after each
        round, and each round would take longer than the one before.
        """
        await self._openings.acquire()
        mine = object()
        self._look_again(mine, LOOKS)
        try:
            await self.enter(OPENING)
            yield
        finally:
            self._make_room(mine)

    def _look_again(self, opening: object, looks: int) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._look
        self._under_way[opening] = loop.call_at(due, self._looked, opening, due, looks - 1)

    def _looked(self, opening: object, due: float, looks: int) -> None:
        if looks and asyncio.get_running_loop().time() - due > LATE:
            self._look_again(opening, looks)
        else:
            self._make_room(opening)

    def _make_room(self, opening: object) -> None:
        if (timer := self._under_way.pop(opening, None)) is not None:
            timer.cancel()
            self._openings.release()

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
