"""Protocols of a streamed answer and of the session that opens signed URLs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class StorageReply(Protocol):
    """The head of an answer of the storage, or of the API, and its body to be read on."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""

    async def read(self) -> bytes:
        """The next bytes of the body, at least one; nothing at its end. Raises as `chunks` does."""
        ...

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it arrives; raises `ConnectionFailed` when it is cut, `TimedOut` without progress."""
        ...

    async def peek(self, limit: int = 65536, *, within: float = ...) -> bytes:
        """Up to so many bytes of an error's body, as many as come in so many seconds."""
        ...


class Storage(Protocol):
    """The session that never sees a key."""

    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, method: str = "GET", buffer: int | None = None
    ) -> AbstractAsyncContextManager[StorageReply]:
        """Open a signed link exactly as given, with `Accept-Encoding: identity`; `buffer` is what waits for its reader.

        Follows at most three redirects, https only. Raises `UnsafeLink`, `ConnectionFailed` or `TimedOut`; every
        status is an answer.
        """
        ...
