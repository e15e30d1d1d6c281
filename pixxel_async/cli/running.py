"""Run a command's coroutine: signal handling, closed pipes, and the command line that resumes it."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from .._redact import mask_command_argument
from .errors import Exit, Interrupted, OutputClosed

_SIGNALS = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None]
_GRACE = 5.0
"""Seconds that a cancelled run has for its clean-up."""
_SHOW_CURSOR = b"\x1b[?25h"


def run(main: Callable[[], Coroutine[Any, Any, int]], *, deadline: float | None = None) -> int:
    """Run a command's coroutine to its exit code, and flush stdout.

    The first SIGINT, SIGTERM or SIGHUP cancels it, so that it can clean up; the second ends the process at once, as
    does a timer `_GRACE` seconds after the first signal or the deadline: a write to an unread pipe, a read of an
    endless stdin or a locked file cannot be cancelled. Records and part files survive this as they survive a crash.

    Args:
        deadline: seconds within which the coroutine ends on its own; None if it has none.

    Raises:
        Interrupted: a signal cancelled it.
        OutputClosed: the reader of stdout closed it.
    """
    last_resort = None if deadline is None else _end_process_after(deadline + _GRACE, Exit.UNFINISHED)
    try:
        code = asyncio.run(_run_guarded(main))
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        raise OutputClosed from None
    finally:
        if last_resort is not None:
            last_resort.cancel()


def _end_process_after(seconds: float, code: int) -> threading.Timer:
    """End the process after so many seconds, whatever blocks it, unless the timer is cancelled."""

    def end() -> None:
        with suppress(OSError):
            os.set_blocking(2, False)  # stderr may be what blocks
            os.write(2, f"pixxel: stopped while blocked; nothing is lost. Go on with: {rerun_command()}\n".encode())
        os._exit(code)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    return timer


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
        _end_process_after(_GRACE, 128 + number)  # never cancelled: what is still to be printed may block, too
        if task is not None:
            loop.call_soon_threadsafe(task.cancel)

    before = {number: signal.signal(number, stop) for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def rerun_command() -> str:
    """Return this process's command line, quoted for a shell; user info and query of URLs are masked."""
    name = os.path.basename(sys.argv[0]).removesuffix(".exe")
    program = name if name in ("pixxel", "pixxel-async") else "python -m pixxel_async"
    return f"{program} {shlex.join(map(mask_command_argument, sys.argv[1:]))}"
