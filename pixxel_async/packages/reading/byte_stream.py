"""Base of the streams that packages and their members are read by."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

__all__ = ["ByteStream"]


class ByteStream(ABC):
    """An async iterator of bytes that is opened and closed by `async with`, or by `open` and `aclose`."""

    @abstractmethod
    async def open(self) -> Self:
        """Send the request; a second call does nothing."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close the connection at once; a second call does nothing."""

    @abstractmethod
    async def __anext__(self) -> bytes: ...

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self
