"""From a command's coroutine to its exit code: signals, a reader that went away, and the line that goes on."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from .errors import Interrupted, Unread

_SIGNALS = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None]
_SHOW_CURSOR = b"\x1b[?25h"


def run(main: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Run a command's coroutine.

    The first SIGINT, SIGTERM or SIGHUP cancels it, so that everything is closed; the second ends the process at once.

    Raises:
        Interrupted: it stopped because of a signal.
        Unread: nobody reads stdout any more.
    """
    return asyncio.run(_guarded(main))


async def _guarded(main: Callable[[], Coroutine[Any, Any, int]]) -> int:
    with _watching() as caught:
        try:
            return await main()
        except asyncio.CancelledError:
            if caught:
                raise Interrupted(caught[0]) from None
            raise
        except BrokenPipeError:
            raise Unread from None


@contextmanager
def _watching() -> Iterator[list[int]]:
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    caught: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if caught:
            _leave(number)
        caught.append(number)
        if task is not None:
            loop.call_soon_threadsafe(task.cancel)

    before = {number: signal.signal(number, stop) for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int) -> None:
    if sys.stderr.isatty():
        os.write(2, _SHOW_CURSOR)
    os._exit(128 + number)


def same_line() -> str:
    """The command line that was typed, ready to be typed again."""
    program = "pixxel" if os.path.basename(sys.argv[0]).startswith("pixxel") else "python -m pixxel_async"
    return f"{program} {shlex.join(sys.argv[1:])}"
