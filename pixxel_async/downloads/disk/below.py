"""Names below a folder: one function opens the directory that holds a name, and follows no link on the way to it.

Every call that creates, names, replaces, looks at or removes something below a folder takes an `Entry` from here. A
directory that another process replaces by a link meanwhile leads nowhere else: the descriptor stays with the one that
was opened. Where the system has no directory descriptors (Windows) each component is checked before the call.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import frozen

from ..._files import NO_FOLDER_SYNC, SAFE_OPEN
from ...errors import ConfigError
from ..rules.file_names import is_below
from .syscalls import Syscalls

__all__ = ["Directories", "Entry", "entry"]

HAS_DIR_FD: bool = {os.open, os.stat, os.mkdir, os.link, os.rename, os.unlink} <= os.supports_dir_fd
_DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | SAFE_OPEN
_REPARSE_POINT = 0x400
"""Windows' attribute of links and junctions."""


@frozen
class Entry:
    """A name in a directory that is held open.

    Attributes:
        directory: path of the directory.
        name: in the directory.
        fd: descriptor of the directory; None where the system has none.
        calls: the operating system's calls.
    """

    directory: Path
    name: str
    fd: int | None
    calls: Syscalls

    @property
    def path(self) -> Path:
        """Directory and name; for messages, and for systems without directory descriptors."""
        return self.directory / self.name

    def beside(self, name: str) -> Entry:
        """Return another name in the same directory."""
        return Entry(self.directory, name, self.fd, self.calls)

    @property
    def _where(self) -> Path | str:
        return self.path if self.fd is None else self.name

    def _dir_fd(self, prefix: str = "") -> dict[str, Any]:
        return {} if self.fd is None else {f"{prefix}dir_fd": self.fd}

    def open(self, flags: int, mode: int = 0o600) -> int:
        """Open or create the file; a link is not followed."""
        return self.calls.open(self._where, flags | SAFE_OPEN, mode, **self._dir_fd())

    def lstat(self) -> os.stat_result | None:
        """Return the entry's status, or None if it does not exist."""
        try:
            return self.calls.lstat(self._where, **self._dir_fd())
        except FileNotFoundError:
            return None

    def mkdir(self) -> None:
        """Create a folder."""
        self.calls.mkdir(self._where, **self._dir_fd())

    def link_to(self, new: Entry) -> None:
        """Give the file a second name, which must be free."""
        self.calls.link(self._where, new._where, **self._dir_fd("src_"), **new._dir_fd("dst_"))

    def rename_to(self, new: Entry) -> None:
        """Rename it."""
        self.calls.rename(self._where, new._where, **self._dir_fd("src_"), **new._dir_fd("dst_"))

    def replace(self, new: Entry) -> None:
        """Rename it over a file or a link."""
        self.calls.replace(self._where, new._where, **self._dir_fd("src_"), **new._dir_fd("dst_"))

    def unlink(self) -> None:
        """Remove a file that may be there."""
        with suppress(FileNotFoundError):
            self.calls.unlink(self._where, **self._dir_fd())

    def remove_tree(self) -> None:
        """Remove a folder that may be there, with all that is in it; a link is not followed."""
        with suppress(FileNotFoundError):
            self.calls.rmtree(self._where, **self._dir_fd())

    def sync_directory(self) -> None:
        """Sync the directory's entries (fsync), where the system can."""
        if self.fd is not None:
            try:
                self.calls.fsync(self.fd)
            except OSError as error:
                if error.errno not in NO_FOLDER_SYNC:
                    raise


@contextmanager
def entry(folder: Path, name: str, calls: Syscalls, *, make: bool = False, sync: bool = True) -> Iterator[Entry]:
    """Open the directory of a name below a folder for the block.

    Args:
        folder: absolute, links resolved.
        name: with `/` between segments.
        make: create the directories that are missing.
        sync: bring those that were created to the disk.

    Raises:
        ConfigError: the name leaves the folder, or a link or a file stands where a directory is needed.
        OSError: as the system says; `FileNotFoundError` for a directory that is missing.
    """
    if not is_below(name):
        raise ConfigError(f"{name!r} is not a valid name inside a folder")
    *directories, last = name.split("/")
    place, fd = folder, calls.open(folder, _DIRECTORY & ~getattr(os, "O_NOFOLLOW", 0)) if HAS_DIR_FD else None
    try:
        for directory in directories:
            deeper = _enter(Entry(place, directory, fd, calls), make=make, sync=sync)
            if fd is not None:
                calls.close(fd)
            place, fd = place / directory, deeper
        yield Entry(place, last, fd, calls)
    finally:
        if fd is not None:
            calls.close(fd)


class Directories(AbstractContextManager["Directories"]):
    """Directories that are held open for many names, each opened once; used in a `with` block."""

    def __init__(self, calls: Syscalls) -> None:
        self._calls = calls
        self._opened = ExitStack()
        self._entries: dict[tuple[Path, str], Entry] = {}

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def entry(self, folder: Path, name: str, *, make: bool = False) -> Entry:
        """Return a name below a folder; arguments and errors as of `entry`."""
        directory, _, last = name.rpartition("/")
        opened = self._entries.get((folder, directory))
        if opened is None:
            opened = self._opened.enter_context(entry(folder, name, self._calls, make=make))
            self._entries[folder, directory] = opened
        return opened.beside(last)


def _enter(directory: Entry, *, make: bool, sync: bool) -> int | None:
    """Open a directory that is no link."""
    try:
        return _open(directory)
    except FileNotFoundError:
        if not make:
            raise
    with suppress(FileExistsError):
        directory.mkdir()
        if sync:
            directory.sync_directory()
    return _open(directory)


def _open(directory: Entry) -> int | None:
    in_the_way = ConfigError(f"{directory.path} is in the way: it has to be a folder, not a link")
    if directory.fd is not None:
        try:
            return directory.open(_DIRECTORY)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
                raise in_the_way from None
            raise
    status = directory.lstat()
    if status is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(directory.path))
    if not stat.S_ISDIR(status.st_mode) or getattr(status, "st_file_attributes", 0) & _REPARSE_POINT:
        raise in_the_way
    return None
