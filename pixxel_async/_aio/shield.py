"""Clean-up that a second cancellation cannot interrupt."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def finish(work: Coroutine[Any, Any, T]) -> T:
    """Await `work` to its end even if the caller is cancelled, then re-raise the cancellation.

    For short clean-up only: the caller cannot be cancelled during it. An error of `work` is dropped in favour of the
    cancellation.
    """
    task, cancelled = asyncio.create_task(work), False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        if not task.cancelled():
            task.exception()  # mark it as retrieved
        raise asyncio.CancelledError
    return task.result()
