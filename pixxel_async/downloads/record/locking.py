"""Locks of the record: one budget of seconds to wait for other processes, and the lock under which it is opened."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from ..._files import SAFE_OPEN, check_ours
from .damage import busy_error, error_name

try:
    import fcntl
except ImportError:  # not on this system; SQLite's own locks are all there is then
    fcntl = None  # type: ignore[assignment]

__all__ = ["ATTEMPT", "LockWait"]

MAX_WAIT = 30.0
"""Seconds that one record may be locked by others in all, until a commit succeeds again; chosen."""
ATTEMPT = 0.1
"""Seconds between two attempts at a lock, after each of which a stop is noticed; chosen."""
_LAST_ATTEMPT = 1.0
"""Seconds that may still be waited once the record is being closed; chosen."""


class LockWait:
    """The budget of seconds that one record waits for locks of other processes.

    Args:
        path: the database file.
        stop: once it is set, `_LAST_ATTEMPT` is left.
    """

    def __init__(self, path: Path, stop: Event) -> None:
        self._path = path
        self._stop = stop
        self._left = MAX_WAIT

    def until_free(self, attempt: Callable[[], object]) -> None:
        """Retry locking until it succeeds; only success refills the time budget."""
        while True:
            since = time.monotonic()
            try:
                attempt()
            except sqlite3.OperationalError as error:
                if not error_name(error).startswith("BUSY"):
                    raise
                time.sleep(ATTEMPT / 5)
                self._spend(time.monotonic() - since, error)
            else:
                self._left = MAX_WAIT
                return

    def _spend(self, seconds: float, error: Exception) -> None:
        if self._stop.is_set():
            self._left = min(self._left, _LAST_ATTEMPT)
        self._left -= seconds
        if self._left <= 0:
            raise error

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Lock out other processes of this host: the record may have to be created or set aside."""
        path = self._path.with_name(self._path.name + ".lock")
        fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | SAFE_OPEN, 0o600)
        try:
            check_ours(path, os.fstat(fd))
            while fcntl is not None:
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    self._stop.wait(ATTEMPT)
                    self._spend(ATTEMPT, busy_error(self._path))
            yield
        finally:
            os.close(fd)
