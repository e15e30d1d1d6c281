"""Files of our own on local disks: open flags, errno sets, bounded reads, owners."""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from .errors import ConfigError

__all__ = [
    "FULL",
    "NO_FOLDER_SYNC",
    "NO_HARD_LINKS",
    "NO_PERMISSIONS",
    "SAFE_OPEN",
    "check_ours",
    "check_state_folder",
    "open_named",
    "open_regular",
    "read_named",
    "read_regular",
]  # fmt: skip

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""No room: on the disk, in a quota, below a size limit."""
NO_HARD_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL})
"""The file system has no hard links, or no more of them."""
NO_PERMISSIONS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
"""The file system has no permissions: CIFS, Azure Files, mounted object stores."""
NO_FOLDER_SYNC = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.EACCES, errno.EBADF})
"""The file system does not sync folders."""
SAFE_OPEN = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""Flags with which every file of ours is opened: no symbolic link, closed on exec, bytes as they are."""

_INHERITED = re.compile(r"/dev/stdin|/(?:dev|proc/self)/fd/([0-9]{1,6})")
"""Names of descriptors that this process was started with."""


def open_regular(path: Path | str, *, follow: bool = True) -> int:
    """Open a regular file for reading and return its descriptor; never waits for a pipe or a device.

    Args:
        follow: whether a symbolic link is followed.

    Raises:
        OSError: it cannot be opened; EINVAL with "not a regular file" for a pipe, a device or a folder.
    """
    flags = SAFE_OPEN if not follow else SAFE_OPEN & ~getattr(os, "O_NOFOLLOW", 0)
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | flags)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", os.fspath(path))
    except BaseException:
        os.close(fd)
        raise
    return fd


def open_named(path: Path | str) -> int:
    """Open a file that the user named, for reading, and return its descriptor; never waits for a writer to come.

    A pipe is opened where the name says so: `/dev/stdin`, and `/dev/fd/63` as a shell writes `<(command)`. Any other
    pipe, device or folder is refused, since another user of the folder may have put it there.

    Raises:
        OSError: as in `open_regular`.
    """
    inherited = _INHERITED.fullmatch(os.fspath(path))
    return os.dup(int(inherited[1] or 0)) if inherited else open_regular(path)


def read_named(path: Path | str, limit: int) -> bytes:
    """Read a file that the user named, of at most `limit` bytes; a pipe is read to its end.

    Raises:
        OSError: as in `open_named`; EFBIG for a larger file.
    """
    return _read(open_named(path), path, limit)


def read_regular(path: Path | str, limit: int, *, follow: bool = True) -> bytes:
    """Read a regular file of at most `limit` bytes.

    Raises:
        OSError: as in `open_regular`; EFBIG for a larger file.
    """
    return _read(open_regular(path, follow=follow), path, limit)


def _read(fd: int, path: Path | str, limit: int) -> bytes:
    with open(fd, "rb") as file:
        data = file.read(limit + 1)
    if len(data) <= limit:
        return data
    del data  # it may hold a key, and the frame of the error is shown by crash reports
    raise OSError(errno.EFBIG, f"larger than {limit:,} bytes", os.fspath(path))


def check_state_folder(folder: Path) -> None:
    """Refuse a `.pixxel` that is a link or another user's, and close one to others that they may write to.

    Raises:
        ConfigError: it is not ours.
    """
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise ConfigError(f"{folder} is a link or a file, not a folder; remove it")
    check_ours(folder, status)
    if status.st_mode & 0o022 and os.name == "posix":
        with suppress(OSError):  # a file system without permissions
            os.chmod(folder, 0o700)


def check_ours(path: Path, status: os.stat_result) -> None:
    """Refuse a file or folder of another user, a file with a second name, a pipe or a device.

    Raises:
        ConfigError: it is one of these.
    """
    me = getattr(os, "geteuid", lambda: status.st_uid)()
    if status.st_uid != me:
        raise ConfigError(f"{path} belongs to another user (uid {status.st_uid}); remove it, or use another folder")
    if not stat.S_ISDIR(status.st_mode) and not (stat.S_ISREG(status.st_mode) and status.st_nlink == 1):
        raise ConfigError(f"{path} is not a regular file, or has a second hard link; remove it")
