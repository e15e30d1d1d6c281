"""How many connections to storages the bodies of one manager have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["ConnectionCount"]


class ConnectionCount:
    """Counts connections; a body may have more than one only while there are fewer than streams allowed.

    Attributes:
        used: connections that bodies have now.
    """

    def __init__(self) -> None:
        self.used = 0

    @contextmanager
    def line(self) -> Iterator[None]:
        """One connection for the block."""
        self.used += 1
        try:
            yield
        finally:
            self.used -= 1
