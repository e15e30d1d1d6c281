"""Atomic publication of files: complete and synced bytes get their final name in one step."""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol, Self, TypeVar

from attrs import frozen

from ._files import NO_FOLDER_SYNC, NO_HARD_LINKS, SAFE_OPEN

__all__ = ["FileName", "publish", "rename_into_place", "sync_folder", "write_atomically"]

_WAITS = (0.02, 0.1, 0.3)
"""Seconds between attempts at a rename that is denied: a virus scanner may hold the file; chosen."""


class FileName(Protocol):
    """A name in a directory: a path, or a name below an open directory."""

    @property
    def path(self) -> Path:
        """Its path, for messages."""

    def lstat(self) -> os.stat_result | None:
        """Return the entry's status, or None if it does not exist."""

    def link_to(self, new: Self) -> None:
        """Give the file a second name, which must be free."""

    def rename_to(self, new: Self) -> None:
        """Rename the file; on POSIX systems over a file that is there."""

    def replace(self, new: Self) -> None:
        """Rename the file, replacing an existing entry."""

    def unlink(self) -> None:
        """Remove the file."""


N = TypeVar("N", bound=FileName)


def rename_into_place(part: N, final: N, *, replace: bool, sleep: Callable[[float], None] = time.sleep) -> None:
    """Give a complete and synced file its final name in one step; the directory is not synced.

    There are three cases:
    1. `replace`: rename over an existing entry; the system refuses to replace a folder by a file.
    2. Otherwise link, then unlink, since a rename would go over an existing file. A part file that cannot be unlinked
       stays as a second name.
    3. Without hard links: look, then rename; the caller excludes other processes.

    Args:
        final: in the same file system.
        sleep: waits between the attempts at a rename that is denied, seconds.

    Raises:
        FileExistsError: without `replace`, the name is taken; the part file stays.
        OSError: as the system says.
    """
    if replace:
        _retry_denied(lambda: part.replace(final), sleep)
        return
    try:
        part.link_to(final)
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in NO_HARD_LINKS:
            raise
        if final.lstat() is not None:
            code = errno.EEXIST
            raise FileExistsError(code, os.strerror(code), os.fspath(final.path)) from None
        _retry_denied(lambda: part.rename_to(final), sleep)
    else:
        with suppress(OSError):
            part.unlink()


def _retry_denied(rename: Callable[[], None], sleep: Callable[[float], None]) -> None:
    for wait in _WAITS:
        with suppress(PermissionError):
            return rename()
        sleep(wait)
    return rename()


@frozen
class _PathName:
    """A path as a `FileName`."""

    path: Path

    def lstat(self) -> os.stat_result | None:
        try:
            return os.lstat(self.path)
        except FileNotFoundError:
            return None

    def link_to(self, new: _PathName) -> None:
        os.link(self.path, new.path)

    def rename_to(self, new: _PathName) -> None:
        os.rename(self.path, new.path)

    def replace(self, new: _PathName) -> None:
        os.replace(self.path, new.path)

    def unlink(self) -> None:
        os.unlink(self.path)


def publish(part: Path, final: Path, *, replace: bool) -> None:
    """Give a complete and synced file its final name in one step, and sync the folder.

    Args:
        final: in the same folder; a link there is replaced, not followed.
        replace: whether to replace an existing file.

    Raises:
        FileExistsError: without `replace`, the name is taken; the part file stays.
        OSError: as the system says.
    """
    rename_into_place(_PathName(part), _PathName(final), replace=replace)
    sync_folder(final.parent)


def write_atomically(path: Path, lines: Iterable[bytes], *, mode: int = 0o666) -> None:
    """Write a file beside its final name, sync it, and publish it: readers see the old file or the new one, whole.

    Args:
        path: its folder must exist; a link there is replaced, not followed.
        mode: permissions of the new file, less the umask.

    Raises:
        OSError: it could not be written; nothing has changed then.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | SAFE_OPEN, mode)
    try:
        with open(fd, "wb") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        publish(part, path, replace=True)
    except BaseException:
        with suppress(OSError):
            os.unlink(part)
        raise


def sync_folder(folder: Path) -> None:
    """Sync a folder's entries (fsync), where the system can."""
    if os.name == "nt":
        return
    fd = os.open(folder, os.O_RDONLY | SAFE_OPEN)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in NO_FOLDER_SYNC:
            raise
    finally:
        os.close(fd)
