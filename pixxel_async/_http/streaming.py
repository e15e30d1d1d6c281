"""Protocols of a streamed response and of the session that opens signed URLs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class StorageReply(Protocol):
    """Status and headers of a response of the storage or the API, with its body still to be read."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    latency: float
    """Seconds from the request, sent over an open connection, to the headers."""

    async def read(self, *, watched: bool = False) -> bytes:
        """Return the next bytes of the body, at least one; b"" at its end. Raises as `chunks` does.

        Args:
            watched: the caller ends a body without progress itself: no timer is set for this read.
        """
        ...

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it arrives; raises `ConnectionFailed` if it is cut, `TimedOut` without progress."""
        ...

    async def peek(self, limit: int = 65536, *, within: float = ...) -> bytes:
        """Return up to `limit` bytes of an error's body: those that arrive within `within` seconds."""
        ...


class Storage(Protocol):
    """HTTP session for signed URLs; it never holds an API key."""

    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, method: str = "GET", buffer: int | None = None
    ) -> AbstractAsyncContextManager[StorageReply]:
        """Open a signed link exactly as given, with `Accept-Encoding: identity`.

        Follows at most three redirects, https only. Every status is returned, none raises.

        Args:
            buffer: bytes buffered for the reader before the peer is slowed down by backpressure.

        Raises:
            UnsafeLink, ConnectionFailed, TimedOut: there was no response.
        """
        ...
