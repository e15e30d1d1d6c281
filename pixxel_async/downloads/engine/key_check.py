"""Distinguish a refused key from a forbidden package after a 401 or 403."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal, TypeAlias
from weakref import WeakKeyDictionary

from ...errors import PixxelError, TimedOut

if TYPE_CHECKING:
    from ...client import PixxelClient
    from ...settings import Timing

__all__ = ["KeyProbe"]

KeyState: TypeAlias = PixxelError | Literal["accepted"]
"""`accepted`, or the error with which the probe ended."""

MEMORY = 60.0
"""Seconds for which one probe counts for all packages; chosen."""
BUDGET = 10.0
"""Seconds that a probe may take, retries included; chosen."""


class KeyProbe:
    """Probe GET /v0/projects, which every working key may call, at most once a minute for each client."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._lock = asyncio.Lock()
        self._answers: WeakKeyDictionary[PixxelClient, tuple[float, KeyState]] = WeakKeyDictionary()

    async def probe(self, client: PixxelClient) -> KeyState:
        """Return the error with which the API refuses this client's key or cannot be reached, else `accepted`."""
        async with self._lock:
            remembered = self._answers.get(client)
            if remembered is None or self._timing.clock() - remembered[0] >= MEMORY:
                remembered = self._timing.clock(), await _look(client)
                self._answers[client] = remembered
            return remembered[1]


async def _look(client: PixxelClient) -> KeyState:
    import anyio  # its event loop is loaded for a refusal alone

    try:
        with anyio.fail_after(BUDGET):
            await client.projects.list()
    except PixxelError as error:
        return error
    except TimeoutError:
        return TimedOut(f"no answer in {BUDGET:g} s")
    return "accepted"
