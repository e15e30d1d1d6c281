"""System calls on files, collected in one replaceable value, and their errors as `DownloadError`."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import frozen

from ..._files import FULL
from ...errors import DiskError, DiskFull, DownloadError

try:
    import fcntl
except ImportError:  # not on this system
    fcntl = None  # type: ignore[assignment]

__all__ = ["HAS_FLOCK", "Buffer", "Syscalls", "as_download_error", "lock_exclusively", "os_errors"]

HAS_FLOCK: bool = fcntl is not None
NO_FREE_SPACE = frozenset({errno.ENOSYS, errno.EOPNOTSUPP})
"""The file system does not report its free space."""
_PASSING = frozenset({errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.EBUSY, errno.ETIMEDOUT})

_AWAY = frozenset(
    number
    for name in ("EACCES", "EPERM", "EROFS", "EIO", "ENODEV", "ENXIO", "ESTALE", "ENOTCONN", "EREMOTEIO", "EHOSTDOWN")
    if (number := getattr(errno, name, None)) is not None
)
"""The disk is away, read-only or failing, or may not be written: every further package would fail like this one."""

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
def os_errors(operation: str, path: Path, *, root: Path | None = None) -> Iterator[None]:
    """Turn an `OSError` into the `DownloadError` of `as_download_error`."""
    try:
        yield
    except OSError as error:
        raise as_download_error(error, operation, path, root=root) from None


def as_download_error(error: OSError, operation: str, path: Path, *, root: Path | None = None) -> DownloadError:
    """Convert a failed system call to `DiskFull`, `DiskError`, or a `DownloadError` of this package only.

    Args:
        operation: the operation, as an infinitive.
        path: the file or folder.
        root: the folder of all packages, whose absence ends the run.
    """
    number = error.errno or 0
    name = errno.errorcode.get(number, type(error).__name__)
    if number in FULL:
        return DiskFull(f"{_why_full(number, path)} to {operation} {path} ({name}); make room and run again")
    if number == errno.ENOENT and root is not None and not root.is_dir():
        message = (
            f"the folder {root} is gone ({name}): it was removed, or its disk is not mounted; run again once it is back"
        )
        return DiskError(message, stage="publish")
    text = f"could not {operation} {path}: {os.strerror(number)} ({name})"
    if number in _AWAY:
        return DiskError(f"{text}; repair the disk or its permissions, and run again", stage="publish")
    failed = DownloadError(text, stage="publish")
    failed.retryable = number in _PASSING
    return failed


def _why_full(number: int, path: Path) -> str:
    """Return the exhausted resource: bytes, inodes, a quota or a file size limit."""
    if number == errno.EDQUOT:
        return "the quota has no room"
    if number == errno.EFBIG:
        return "the limit on file sizes leaves no room"
    with suppress(OSError, AttributeError):
        status = os.statvfs(path if path.exists() else path.parent)
        if status.f_files and not status.f_favail and status.f_bavail:
            return f"no free inodes (and {status.f_bavail * status.f_frsize:,} free bytes)"
    return "no room"
