"""The operating system's file calls, all of them in one value, and its errors turned into ours."""

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

from ...errors import DiskFull, DownloadError

__all__ = ["FULL", "SAFE_OPEN", "Buffer", "Syscalls", "named", "translated"]

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors that mean that there is no room: on the disk, in a quota, below a limit."""
SAFE_OPEN = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""Flags with which every file of ours is opened."""
_PASSING = frozenset({errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.EBUSY, errno.ETIMEDOUT})

Buffer = bytes | bytearray | memoryview


def _write(fd: int, buffers: Sequence[Buffer]) -> int:
    return os.writev(fd, buffers) if hasattr(os, "writev") else os.write(fd, buffers[0])


def _permit(fd: int, mode: int) -> None:
    if hasattr(os, "fchmod"):
        os.fchmod(fd, mode)


@frozen
class Syscalls:
    """The operating system's calls, one field each, so that a test can make the n-th of any of them fail."""

    open: Callable[..., int] = os.open
    writev: Callable[[int, Sequence[Buffer]], int] = _write
    read: Callable[[int, int], bytes] = os.read
    lseek: Callable[[int, int, int], int] = os.lseek
    ftruncate: Callable[[int, int], None] = os.ftruncate
    fsync: Callable[[int], None] = os.fsync
    fchmod: Callable[[int, int], None] = _permit
    close: Callable[[int], None] = os.close
    fstat: Callable[[int], os.stat_result] = os.fstat
    lstat: Callable[[Any], os.stat_result] = os.lstat
    mkdir: Callable[[Any], None] = os.mkdir
    link: Callable[[Any, Any], None] = os.link
    rename: Callable[[Any, Any], None] = os.rename
    replace: Callable[[Any, Any], None] = os.replace
    unlink: Callable[[Any], None] = os.unlink
    free: Callable[[Any], int] = lambda folder: shutil.disk_usage(folder).free
    sleep: Callable[[float], None] = time.sleep


@contextmanager
def named(what: str, path: Path) -> Iterator[None]:
    """Turn an `OSError` into ours, with what was tried and the system's name of the error."""
    try:
        yield
    except OSError as error:
        raise translated(error, what, path) from None


def translated(error: OSError, what: str, path: Path) -> DownloadError:
    name = errno.errorcode.get(error.errno or 0, type(error).__name__)
    if error.errno in FULL:
        return DiskFull(f"no room to {what} {path} ({name}); make room and run again")
    told = DownloadError(f"could not {what} {path}: {os.strerror(error.errno or 0)} ({name})", stage="publish")
    told.retryable = error.errno in _PASSING
    return told
