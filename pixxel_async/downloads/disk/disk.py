"""Part files and final files; everything here runs in threads, and calls the system through `syscalls` and `below`.

Rule 1: bytes are written to part files only, each beside its final name, opened without following links.
Rule 2: a final name appears in one atomic step, after the bytes are on the disk, never over a file that is not ours.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from attrs import frozen

from ..._files import FULL, SAFE_OPEN
from ..._publish import rename_into_place
from ...errors import ConfigError, DownloadError, NameTaken
from .below import Directories, Entry, entry
from .final import Final
from .parts.part_file import PartBusy, PartFile
from .parts.stale_parts import StaleParts, sweep
from .syscalls import Syscalls, as_download_error, os_errors

__all__ = ["Disk", "PartFile", "Syscalls"]

_PART_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)


class Disk:
    """Folders, part files and final names.

    Args:
        calls: the operating system's calls; a test hands in some that fail.
    """

    def __init__(self, calls: Syscalls | None = None) -> None:
        self._calls = calls or Syscalls()
        self._stale = StaleParts()
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
                raise as_download_error(error, "write into", folder) from None
            reason = os.strerror(error.errno or 0)
            raise ConfigError(f"{folder} cannot be used as a folder for downloads: {reason}") from None
        return folder

    def _probe(self, folder: Path) -> None:
        path = folder / f".{os.getpid():08x}{time.monotonic_ns() & 0xFFFFFFFF:08x}.part"
        self._calls.close(self._calls.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | SAFE_OPEN, 0o600))
        self._calls.unlink(path)

    def open_part(self, folder: Path, part: str) -> PartFile:
        """Open a package's part file, new or with the bytes that it has; missing folders above it are created.

        Args:
            part: path below the folder; its last segment made by `rules.naming.part_name`.

        Raises:
            ConfigError: `part` leaves the folder, or a link, folder or device is at its name or on the way.
            PartBusy: a descriptor of this or another process is open on it.
            DiskFull, DownloadError: as the system says.
        """
        with os_errors("open", folder / part, root=folder), entry(folder, part, self._calls, make=True) as place:
            return self._open_part(place, folder, part)

    def new_part(self, folder: Path, part: str, *, took_over: bool) -> PartFile:
        """Return a package's part file, of which nothing is there yet; its first write opens it, as `open_leased`.

        Args:
            took_over: as of `open_leased`.
        """

        def create() -> int:
            with os_errors("open", folder / part, root=folder), entry(folder, part, self._calls, make=True) as place:
                try:
                    opened = self._open(place, _PART_FLAGS | os.O_EXCL)
                except (FileExistsError, PartBusy):
                    in_the_way = DownloadError(f"{folder / part} was created by another process", stage="stream")
                    in_the_way.retryable = True
                    raise in_the_way from None
                self._stale.remove_others(place, rescan=took_over)
                return opened.fd

        return PartFile(folder, part, self._calls, mode=self._mode, open=create)

    def open_leased(self, folder: Path, part: str, *, fresh: str, took_over: bool) -> PartFile:
        """Open a package's part file under its lease, and remove others of the package.

        Args:
            part: path below the folder, as recorded.
            fresh: path of a new one in the same folder, for the case that a process still has `part` open.
            took_over: whether the lease was taken over, so that the last holder's part file may be new here.
        """
        with os_errors("open", folder / part, root=folder), entry(folder, part, self._calls, make=True) as place:
            try:
                opened = self._open_part(place, folder, part)
            except PartBusy:
                place = place.beside(PurePosixPath(fresh).name)
                opened = self._open_part(place, folder, fresh)
            try:
                self._stale.remove_others(place, rescan=took_over)
                return opened
            except BaseException:
                opened.close()
                raise

    def _open_part(self, place: Entry, folder: Path, part: str) -> PartFile:
        opened = self._open(place, _PART_FLAGS)
        if _is_ours(opened.status):
            return PartFile(folder, part, self._calls, fd=opened.fd, size=opened.status.st_size, mode=self._mode)
        self._calls.close(opened.fd)
        place.unlink()
        fd = self._open(place, _PART_FLAGS | os.O_EXCL).fd
        return PartFile(folder, part, self._calls, fd=fd, mode=self._mode)

    def sweep(self, folder: Path) -> None:
        """Remove the part files that a lost record left below a folder."""
        sweep(folder, self._calls)

    def _open(self, place: Entry, flags: int) -> _Opened:
        not_plain = ConfigError(f"{place.path} is not a regular file; remove it")
        try:
            fd = place.open(flags)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
                raise not_plain from None
            raise
        try:
            status = self._calls.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise not_plain
            if self._calls.lock(fd) is False:
                raise PartBusy
        except BaseException:
            self._calls.close(fd)
            raise
        return _Opened(fd, status)

    def look_up(self, folder: Path, name: str) -> Final | None:
        """Return the entry at a name without following links; None if there is none or a folder is a link.

        Raises:
            DownloadError: its status cannot be read.
        """
        return self.prepare_lookup(folder)(name)

    def prepare_lookup(self, folder: Path) -> Callable[[str], Final | None]:
        """Return `look_up` for many names of one folder; each of their directories is checked once."""
        checked: set[str] = set()
        below = os.path.join(folder, "")

        def find(name: str) -> Final | None:
            path = below + name
            directory = name.rpartition("/")[0]
            try:
                status = self._calls.lstat(path)  # a name that is free is free whatever its directories are
                if directory not in checked:
                    with entry(folder, name, self._calls):
                        checked.add(directory)
                return _final(status)
            except (FileNotFoundError, NotADirectoryError, ConfigError):
                return None
            except OSError as error:
                if error.errno == errno.ELOOP:  # a directory on the way is a link
                    return None
                raise as_download_error(error, "look at", Path(path)) from None

        return find

    def publish(self, part: PartFile, name: str, *, replace: bool = False) -> Final:
        """Give a proved part file its final name; the file is closed afterwards, also when it raises.

        Its bytes are on the disk before the name appears, and the name is before this returns.

        Args:
            name: below the part file's folder, on the same file system.
            replace: whether a file or a link there is replaced; a folder or a device never is.

        Raises:
            NameTaken: something else has the name; the part file stays.
            DownloadError: as the system says.
        """
        [published] = self.publish_all([(part, name, replace)])
        if isinstance(published, Exception):
            raise published
        return published

    def publish_all(self, files: Sequence[tuple[PartFile, str, bool]]) -> list[Final | Exception]:
        """Publish part files under names, replacing or not, as `publish`; each folder is synced once, at the end.

        Returns:
            for each file its status, or the error that `publish` would raise.
        """
        with Directories(self._calls) as directories:
            named = [self._publish_one(directories, *file) for file in files]
            folders = {each.directory: each for each in named if isinstance(each, Entry)}
            unsynced = {folder: self._sync(final) for folder, final in folders.items()}
            return [
                each if isinstance(each, Exception) else unsynced[each.directory] or _status(each) for each in named
            ]

    def _publish_one(self, directories: Directories, part: PartFile, name: str, replace: bool) -> Entry | Exception:
        """Give a part file its final name, and close it; return the name, or the error."""
        try:
            with part, os_errors("publish", part.folder / name, root=part.folder):
                source = directories.entry(part.folder, part.name)
                final = directories.entry(part.folder, name, make=True)
                part.settle()
                part.check_unchanged(source)
                part.close()
                self._rename(source, final, replace=replace)
        except Exception as error:
            return error
        return final

    def _sync(self, final: Entry) -> DownloadError | None:
        """Sync a directory's entries (fsync); return the error if that fails."""
        try:
            final.sync_directory()
        except OSError as error:
            return as_download_error(error, "publish", final.path)
        return None

    def _rename(self, source: Entry, final: Entry, *, replace: bool) -> None:
        """Rename into place; without hard links our own processes exclude each other by leases."""
        status = final.lstat() if replace else None
        if status is not None and not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
            raise NameTaken(f"{final.path} is not a file and is not replaced")
        try:
            rename_into_place(source, final, replace=replace, sleep=self._calls.sleep)
        except FileExistsError:
            raise NameTaken(f"{final.path} exists and is not in the record") from None

    def remove(self, folder: Path, name: str) -> None:
        """Remove a file below a folder that may be there."""
        with os_errors("remove", folder / name), suppress(FileNotFoundError), entry(folder, name, self._calls) as place:
            place.unlink()

    def remove_tree(self, folder: Path, name: str) -> None:
        """Remove a folder below a folder that may be there, with all that is in it."""
        with os_errors("remove", folder / name), suppress(FileNotFoundError), entry(folder, name, self._calls) as place:
            place.remove_tree()

    def free(self, folder: Path) -> int | None:
        """Return the free bytes of the folder's disk; None where the file system does not report them.

        A folder that is not there yet will be on the disk of the one above it.
        """
        with os_errors("read the free space of", folder, root=folder):
            try:
                return self._calls.free(folder)
            except FileNotFoundError:
                if folder == folder.parent:
                    raise
        return self.free(folder.parent)


@frozen
class _Opened:
    fd: int
    status: os.stat_result


def _final(status: os.stat_result) -> Final:
    mode = status.st_mode
    return Final(stat.S_ISREG(mode), status.st_size, status.st_mtime_ns, link=stat.S_ISLNK(mode))


def _status(final: Entry) -> Final | DownloadError:
    """Return the status of a published file."""
    try:
        published = final.lstat()
    except OSError as error:
        return as_download_error(error, "publish", final.path)
    if published is None:
        return DownloadError(f"{final.path} was removed while it was published", stage="publish")
    return _final(published)


def _is_ours(status: os.stat_result) -> bool:
    """Return whether a part file may be written to.

    A part with a second name may be a published file already; one of another user may be a trap.
    """
    return status.st_nlink == 1 and status.st_uid == getattr(os, "geteuid", lambda: status.st_uid)()
