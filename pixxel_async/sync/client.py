"""The client for plain code."""

from __future__ import annotations

from typing import Any, Self

from ..client import PixxelClient as AsyncClient
from .portal import Portal
from .proxies import Proxy

__all__ = ["PixxelClient"]

_LEFT_OUT = frozenset({"follow_job", "span", "storage", "timing"})
"""Members of the asynchronous client that are of use in a coroutine only."""


class PixxelClient(Proxy):
    """Everything that the API offers, with one key, for plain code; arguments as `pixxel_async.PixxelClient`.

    Close it, or use it by `with`: that ends its connections and its thread.
    """

    _target: AsyncClient

    def __init__(self, api_key: Any = None, **options: Any) -> None:
        super().__init__(Portal(), None)
        self._owner = True
        try:
            self._target = self._call(AsyncClient, api_key, **options)
        except BaseException:
            self._portal.stop()
            raise

    def with_key(self, api_key: Any, **options: Any) -> Self:
        """Create a client for another key on the same connections, as `pixxel_async.PixxelClient.with_key`."""
        light = type(self).__new__(type(self))
        Proxy.__init__(light, self._portal, self._call(self._target.with_key, api_key, **options))
        light._owner = False
        return light

    def open(self) -> Self:
        """Open the connections now; harmless if they are open."""
        self._call(self._target.open)
        return self

    def close(self) -> None:
        """End all waits, the connections and the thread; harmless if that is done."""
        if self._portal.stopped:
            return
        try:
            self._portal.call(self._target.aclose)
        finally:
            if self._owner:
                self._portal.stop()

    def __getattr__(self, name: str) -> Any:
        if name in _LEFT_OUT or name == "aclose":
            instead = "close()" if name == "aclose" else "pixxel_async.PixxelClient"
            raise AttributeError(f"the synchronous client has no {name}; use {instead}")
        return super().__getattr__(name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), "close"} - _LEFT_OUT - {"aclose"})

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> Any:
        raise TypeError("a client cannot be pickled: it has a key and connections; create one in each process")

    def __del__(self) -> None:
        if vars(self).get("_owner"):
            self._portal.stop(wait=False)
