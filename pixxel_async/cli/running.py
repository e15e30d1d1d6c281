"""Run a command's coroutine: signal handling, closed pipes, and the command line that resumes it."""

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

from .errors import Interrupted, OutputClosed

_SIGNALS = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None]
_SHOW_CURSOR = b"\x1b[?25h"


def run(main: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Run a command's coroutine to its exit code.

    The first SIGINT, SIGTERM or SIGHUP cancels it, so that it can clean up; the second ends the process at once.

    Raises:
        Interrupted: a signal cancelled it.
        OutputClosed: the reader of stdout closed it.
    """
    return asyncio.run(_run_guarded(main))


async def _run_guarded(main: Callable[[], Coroutine[Any, Any, int]]) -> int:
    with _signal_handlers() as caught:
        try:
            return await main()
        except asyncio.CancelledError:
            if caught:
                raise Interrupted(caught[0]) from None
            raise
        except BrokenPipeError:
            raise OutputClosed from None


@contextmanager
def _signal_handlers() -> Iterator[list[int]]:
    """Cancel the current task on a signal; yields the list that receives the signals' numbers."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    caught: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if caught:
            if sys.stderr.isatty():
                os.write(2, _SHOW_CURSOR)
            os._exit(128 + number)
        caught.append(number)
        if task is not None:
            loop.call_soon_threadsafe(task.cancel)

    before = {number: signal.signal(number, stop) for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def rerun_command() -> str:
    """Return this process's command line, quoted for a shell."""
    program = "pixxel" if os.path.basename(sys.argv[0]).startswith("pixxel") else "python -m pixxel_async"
    return f"{program} {shlex.join(sys.argv[1:])}"
