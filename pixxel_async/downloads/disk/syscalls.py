"""System calls on files, collected in one replaceable value, and their errors as `DownloadError`."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from ..._files import FULL
from ...errors import DiskFull, DownloadError

try:
    import fcntl
except ImportError:  # not on this system
    fcntl = None  # type: ignore[assignment]

__all__ = ["HAS_FLOCK", "Buffer", "Syscalls", "lock_exclusively", "named", "translated"]

HAS_FLOCK: bool = fcntl is not None
NO_FREE_SPACE = frozenset({errno.ENOSYS, errno.EOPNOTSUPP})
"""The file system does not tell its free space."""
_PASSING = frozenset({errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.EBUSY, errno.ETIMEDOUT})

Buffer = bytes | bytearray | memoryview


def _write(fd: int, buffers: Sequence[Buffer]) -> int:
    return os.writev(fd, buffers) if hasattr(os, "writev") else os.write(fd, buffers[0])


def _permit(fd: int, mode: int) -> None:
    if hasattr(os, "fchmod"):
        os.fchmod(fd, mode)


def _free(folder: Any) -> int | None:
    """Return the free bytes of a disk; None where it says neither its size nor its free space."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError as error:
        if error.errno not in NO_FREE_SPACE:
            raise
        return None
    return usage.free if usage.total else None


def lock_exclusively(fd: int) -> bool | None:
    """Lock an open file (flock) without waiting; closing it, or the end of the process, unlocks it.

    Returns:
        True for locked, False if another descriptor holds the lock, None where the file system has no such locks.
    """
    if not HAS_FLOCK:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


@frozen
class Syscalls:
    """System calls, one field each, so that a test can make the n-th of any of them fail."""

    open: Callable[..., int] = os.open
    writev: Callable[[int, Sequence[Buffer]], int] = _write
    read: Callable[[int, int], bytes] = os.read
    lseek: Callable[[int, int, int], int] = os.lseek
    ftruncate: Callable[[int, int], None] = os.ftruncate
    fsync: Callable[[int], None] = os.fsync
    fchmod: Callable[[int, int], None] = _permit
    close: Callable[[int], None] = os.close
    fstat: Callable[[int], os.stat_result] = os.fstat
    lstat: Callable[..., os.stat_result] = os.lstat
    mkdir: Callable[..., None] = os.mkdir
    link: Callable[..., None] = os.link
    rename: Callable[..., None] = os.rename
    replace: Callable[..., None] = os.replace
    unlink: Callable[..., None] = os.unlink
    rmtree: Callable[..., None] = shutil.rmtree
    lock: Callable[[int], bool | None] = lock_exclusively
    free: Callable[[Any], int | None] = _free
    sleep: Callable[[float], None] = time.sleep


@contextmanager
def named(what: str, path: Path) -> Iterator[None]:
    """Turn an `OSError` into a `DownloadError` that names the operation, the path and the errno."""
    try:
        yield
    except OSError as error:
        raise translated(error, what, path) from None


def translated(error: OSError, what: str, path: Path) -> DownloadError:
    """Return the `DownloadError` of an `OSError`: `DiskFull` where there is no room, retryable if it may pass."""
    name = errno.errorcode.get(error.errno or 0, type(error).__name__)
    if error.errno in FULL:
        return DiskFull(f"no room to {what} {path} ({name}); make room and run again")
    told = DownloadError(f"could not {what} {path}: {os.strerror(error.errno or 0)} ({name})", stage="publish")
    told.retryable = error.errno in _PASSING
    return told
