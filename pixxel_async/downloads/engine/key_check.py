"""After a 401 or 403, tell a refused key from one forbidden package."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ...errors import Forbidden, KeyRefused, PixxelError

if TYPE_CHECKING:
    from ...client import PixxelClient
    from ...settings import Timing

__all__ = ["KeyProbe"]

MEMORY = 60.0
"""Seconds for which one probe counts for all packages."""


class KeyProbe:
    """Probe GET /v0/projects, which every working key may call, at most once a minute for each client."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._lock = asyncio.Lock()
        self._known: WeakKeyDictionary[PixxelClient, tuple[float, PixxelError | None]] = WeakKeyDictionary()

    async def refusal(self, client: PixxelClient) -> PixxelError | None:
        """Return the error with which the API refuses this client's key; None if it accepts it, or is unreachable."""
        async with self._lock:
            known = self._known.get(client)
            if known is None or self._timing.clock() - known[0] >= MEMORY:
                known = self._timing.clock(), await _look(client)
                self._known[client] = known
            return known[1]


async def _look(client: PixxelClient) -> PixxelError | None:
    try:
        await client.projects.list()
    except (KeyRefused, Forbidden) as error:
        return error
    except PixxelError:
        return None
    return None
