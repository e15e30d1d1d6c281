"""The download manager for plain code."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from ..downloads import DownloadManager as AsyncManager
from ..errors import ConfigError
from .client import PixxelClient
from .proxies import Proxy

__all__ = ["DownloadManager"]


class DownloadManager(Proxy):
    """Fetches packages into a folder or an object store, for plain code; arguments as `pixxel_async.DownloadManager`.

    Use it by `with`. Leaving that normally waits for submitted packages; leaving it by an exception, as Ctrl-C raises
    it, cancels.
    """

    _target: AsyncManager

    def __init__(self, client: PixxelClient, folder: Any, **options: Any) -> None:
        if not isinstance(client, PixxelClient):
            raise ConfigError("this manager takes a client of pixxel_async.sync")
        super().__init__(client._portal, None)
        self._target = self._call(AsyncManager, client, folder, **options)

    def open(self) -> Self:
        """Open record and folder; `with` does so."""
        self._portal.call(self._target.open)
        return self

    def close(self, *, drain: float | None = None) -> None:
        """Finish submitted packages for at most `drain` seconds; None waits until they have ended."""

        async def work() -> None:
            await self._target.aclose(drain=drain)

        self._portal.call(work)

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(drain=None if kind is None else 0)
