"""Count of the connections to storages that the bodies of one manager use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["ConnectionCount"]


class ConnectionCount:
    """Counter of connections; a body may use more than one only while fewer than the allowed streams are open.

    Attributes:
        used: connections in use now.
    """

    def __init__(self) -> None:
        self.used = 0

    @contextmanager
    def open(self) -> Iterator[None]:
        """Count one connection for the block."""
        self.used += 1
        try:
            yield
        finally:
            self.used -= 1
