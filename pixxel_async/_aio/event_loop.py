"""The event loop that calls run in."""

from __future__ import annotations

import asyncio

from ..errors import ClientClosed

__all__ = ["running_loop"]


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the running event loop of asyncio.

    Raises:
        ClientClosed: none runs, as under trio.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise ClientClosed(
            "the client needs an asyncio event loop, which trio and curio do not have: there, call "
            "pixxel_async.sync in a worker thread, as trio.to_thread.run_sync does"
        ) from None
