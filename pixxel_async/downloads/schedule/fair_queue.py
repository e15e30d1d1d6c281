"""Round-robin queue over clients: each client's packages in order, the clients in turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...client import PixxelClient
    from ..item import Item

__all__ = ["FairQueue"]


class FairQueue:
    """Items queued by client; with a single client a plain FIFO."""

    def __init__(self) -> None:
        self._queues: dict[PixxelClient, deque[Item]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def head(self) -> Item:
        """The item whose turn it is; the queue must not be empty."""
        return next(iter(self._queues.values()))[0]

    def append(self, item: Item) -> None:
        """Append an item to its client's queue."""
        self._queues.setdefault(item.client, deque()).append(item)
        self._count += 1

    def popleft(self) -> Item:
        """Remove and return the head; its client is next after all others."""
        item = self.head
        self._take(item.client, 0)
        return item

    def take(self, fits: Callable[[Item], bool]) -> Item | None:
        """Remove and return the first item that fits, client by client from the head's; None when none does."""
        for client, queue in self._queues.items():
            for index, item in enumerate(queue):
                if fits(item):
                    self._take(client, index)
                    return item
        return None

    def _take(self, client: PixxelClient, index: int) -> None:
        queue = self._queues.pop(client)
        del queue[index]
        self._count -= 1
        if queue:
            self._queues[client] = queue
