"""Part files and final files. Every call into the operating system goes through `calls.py` and can be made to fail.

Nothing in this module belongs on the event loop: the manager calls it in threads.

Rule 1: bytes are written to part files only, each beside its final name, opened without following links.
Rule 2: a final name appears in one atomic step, after the bytes are on the disk, never over a file that is not ours.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from attrs import frozen

from ..._files import FULL, NO_FOLDER_SYNC, NO_HARD_LINKS, SAFE_OPEN
from ...errors import ConfigError, DownloadError, NameTaken
from .final import Final
from .parts.part_file import PartBusy, PartFile
from .parts.stale_parts import StaleParts, sweep
from .syscalls import Syscalls, named, translated

__all__ = ["Disk", "PartFile", "Syscalls"]

_WAITS = (0.02, 0.1, 0.3)


class Disk:
    """Folders, part files and final names.

    Args:
        calls: the operating system's calls; a test hands in some that fail.
    """

    def __init__(self, calls: Syscalls | None = None) -> None:
        self._calls = calls or Syscalls()
        self._stale = StaleParts(self._calls)
        umask = os.umask(0o077)
        os.umask(umask)
        self._mode = 0o666 & ~umask

    def prepare(self, folder: Path) -> Path:
        """Make sure that a folder is there and can be written to; returns it absolute, with links resolved.

        Raises:
            ConfigError: it cannot be made, is no folder, or cannot be written to.
            DiskFull: there is no room for even an empty file.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            folder = folder.resolve(strict=True)
            self._probe(folder)
        except OSError as error:
            if error.errno in FULL:
                raise translated(error, "write into", folder) from None
            why = os.strerror(error.errno or 0)
            raise ConfigError(f"{folder} cannot be used as a folder for downloads: {why}") from None
        return folder

    def _probe(self, folder: Path) -> None:
        path = folder / f".{os.getpid():08x}{time.monotonic_ns() & 0xFFFFFFFF:08x}.part"
        self._calls.close(self._calls.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | SAFE_OPEN, 0o600))
        self._calls.unlink(path)

    def locate(self, folder: Path, name: str) -> Path:
        """The path of a relative name, with the folders above it made, none of them a link.

        Raises:
            ConfigError: the name leaves the folder, or a link or a file stands where a folder is needed.
        """
        parts = PurePosixPath(name).parts
        if not parts or ".." in parts or PurePosixPath(name).is_absolute():
            raise ConfigError(f"{name!r} is no name below a folder")
        path = folder
        for part in parts[:-1]:
            path = path / part
            self._make_folder(path)
        return path / parts[-1]

    def _make_folder(self, path: Path) -> None:
        with named("make the folder", path):
            with suppress(FileExistsError):
                self._calls.mkdir(path)
                self._sync_folder(path.parent)
            if not stat.S_ISDIR(self._calls.lstat(path).st_mode):
                raise ConfigError(f"{path} is in the way: a folder of this name is needed, and no link")

    def open_part(self, folder: Path, part: str) -> PartFile:
        """Open a package's part file, new or with the bytes that it has.

        Args:
            part: path below the folder; its last segment made by `rules.naming.part_name`.

        Raises:
            ConfigError: `part` leaves the folder, or something else stands at its place.
            PartBusy: a descriptor of this or another process is open on it.
            DiskFull, DownloadError: as the system says.
        """
        path = self.locate(folder, part)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | SAFE_OPEN
        found = self._open(path, flags)
        if _is_ours(found.status):
            return PartFile(path, found.fd, found.status.st_size, self._calls)
        self._calls.close(found.fd)
        with named("replace", path):
            self._calls.unlink(path)
        return PartFile(path, self._open(path, flags | os.O_EXCL).fd, 0, self._calls)

    def open_with_room(self, folder: Path, part: str, *, fresh: str, took_over: bool) -> tuple[PartFile, int | None]:
        """Open a package's part file under its lease, remove others of the package, and read the free space.

        Args:
            part: path below the folder, as recorded.
            fresh: path of a new one, for the case that a process still has `part` open.
            took_over: whether the lease was taken over, so that the last holder's part file may be new here.

        Returns:
            the part file, and the free bytes of its disk; None where the file system does not tell.
        """
        try:
            opened = self.open_part(folder, part)
        except PartBusy:
            opened = self.open_part(folder, fresh)
        try:
            self._stale.remove_others(opened.path, again=took_over)
            return opened, self.free(opened.path.parent)
        except BaseException:
            opened.close()
            raise

    def sweep(self, folder: Path) -> None:
        """Remove the part files that a lost record left below a folder."""
        sweep(folder, self._calls)

    def _open(self, path: Path, flags: int) -> _Opened:
        try:
            fd = self._calls.open(path, flags, 0o600)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
                raise ConfigError(f"{path} is no plain file; remove it") from None
            raise translated(error, "open", path) from None
        try:
            status = self._calls.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError(f"{path} is no plain file; remove it")
            if self._calls.lock(fd) is False:
                raise PartBusy
        except BaseException:
            self._calls.close(fd)
            raise
        return _Opened(fd, status)

    def look(self, path: Path | str) -> Final | None:
        """What is at a path, links not followed; None when there is nothing.

        Raises:
            DownloadError: the system does not tell.
        """
        try:
            status = self._calls.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise translated(error, "look at", Path(path)) from None
        mode = status.st_mode
        return Final(stat.S_ISREG(mode), status.st_size, status.st_mtime_ns, link=stat.S_ISLNK(mode))

    def publish(self, part: PartFile, final: Path, *, replace: bool = False) -> Final:
        """Give a proved part file its final name; the file is closed afterwards, also when it raises.

        Its bytes are on the disk before the name appears, and the name is before this returns.

        Args:
            final: a path in the same folder.
            replace: whether a file or a link there is replaced; a folder or a device never is.

        Raises:
            NameTaken: something else has the name; the part file stays.
            DownloadError: as the system says.
        """
        with part:
            part.settle(self._mode)
            part.check_unchanged()
        if replace:
            self._replace(part.path, final)
        else:
            self._link(part.path, final)
        self._sync_folder(final.parent)
        published = self.look(final)
        if published is None:
            raise DownloadError(f"{final} was removed while it was published", stage="publish")
        return published

    def _link(self, source: Path, final: Path) -> None:
        """Two steps, name and un-name, since a rename would go over what has the name already."""
        try:
            self._calls.link(source, final)
        except FileExistsError:
            raise NameTaken(f"{final} exists and is not known to be ours") from None
        except OSError as error:
            if error.errno not in NO_HARD_LINKS:
                raise translated(error, "publish", final) from None
            return self._rename(source, final)
        # A part that stays behind is the same file by another name; whoever opens it next makes a new one.
        with suppress(OSError):
            self._calls.unlink(source)
        return None

    def _rename(self, source: Path, final: Path) -> None:
        """For file systems without hard links: look, then rename. Our own processes exclude each other by leases."""
        if self.look(final) is not None:
            raise NameTaken(f"{final} exists and is not known to be ours")
        self._patiently(self._calls.rename, source, final)

    def _replace(self, source: Path, final: Path) -> None:
        try:
            there = stat.S_IFMT(self._calls.lstat(final).st_mode)
        except OSError:
            there = stat.S_IFREG
        if there not in (stat.S_IFREG, stat.S_IFLNK):
            raise NameTaken(f"{final} is no file and is not replaced")
        self._patiently(self._calls.replace, source, final)

    def _patiently(self, call: Callable[[Any, Any], None], source: Path, final: Path) -> None:
        """Try again for a moment when access is denied: a virus scanner may hold the file."""
        for wait in _WAITS:
            with suppress(PermissionError):
                return call(source, final)
            self._calls.sleep(wait)
        with named("publish", final):
            return call(source, final)

    def _sync_folder(self, folder: Path) -> None:
        if os.name == "nt":
            return
        with named("sync the folder", folder):
            fd = self._calls.open(folder, os.O_RDONLY | SAFE_OPEN)
            try:
                self._calls.fsync(fd)
            except OSError as error:
                if error.errno not in NO_FOLDER_SYNC:
                    raise
            finally:
                self._calls.close(fd)

    def remove(self, path: Path) -> None:
        """Remove a file that may be there."""
        with named("remove", path), suppress(FileNotFoundError):
            self._calls.unlink(path)

    def free(self, folder: Path) -> int | None:
        """Return the bytes that may still be written to the folder's disk; None where the file system does not tell."""
        with named("ask for the free space of", folder):
            return self._calls.free(folder)


@frozen
class _Opened:
    fd: int
    status: os.stat_result


def _is_ours(status: os.stat_result) -> bool:
    """A part with a second name may be a published file already; one of another user may be a trap."""
    return status.st_nlink == 1 and status.st_uid == getattr(os, "geteuid", lambda: status.st_uid)()
