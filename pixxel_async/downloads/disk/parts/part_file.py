"""One open part file: write, read again, truncate, sync."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Protocol

from ...._files import NO_PERMISSIONS
from ....errors import DownloadError
from ..below import Entry, entry
from ..syscalls import Buffer, Syscalls, os_errors

__all__ = ["Hasher", "PartBusy", "PartFile"]

_BUFFERS_A_CALL = 1024
_READ_SIZE = 1 << 20


class PartBusy(Exception):
    """Internal: another descriptor, perhaps of a frozen process, is open on a part file."""


class Hasher(Protocol):
    """Anything of `hashlib`."""

    def update(self, data: Buffer, /) -> None: ...


class PartFile:
    """One open part file of the holder of a package's lease; not for two threads at once.

    It is locked while it is open, so that no second descriptor, of this process or another, writes to it.

    Args:
        fd: its descriptor; None for a new file, which the first write opens.
        mode: permissions of the final file.
        open: opens a new file, and returns its descriptor.

    Attributes:
        folder: the manager's folder.
        name: below the folder.
        path: of both.
        size: where it ends.
        settled: whether its permissions and all its bytes are on the disk.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        calls: Syscalls,
        *,
        fd: int | None = None,
        size: int = 0,
        mode: int = 0o600,
        open: Callable[[], int] | None = None,
    ) -> None:
        self.folder = folder
        self.name = name
        self.path = folder / name
        self.size = size
        self.settled = False
        self._mode = mode
        self._open = open
        self._opened = fd
        self._calls = calls

    @property
    def _fd(self) -> int:
        if self._opened is None:
            assert self._open is not None  # noqa: S101 - a file without a descriptor has the function
            self._opened = self._open()
        return self._opened

    def __enter__(self) -> PartFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, buffers: Sequence[Buffer], at: int | None = None) -> None:
        """Write all bytes of all buffers; `size` counts the bytes written, even if this raises.

        Args:
            at: the byte to begin at; None appends.

        Raises:
            DiskFull: no room for all of them.
            DownloadError: any other error of the disk.
        """
        rest = [memoryview(buffer).cast("B") for buffer in buffers if len(buffer)]
        at = self.size if at is None else at
        self.settled = False
        with os_errors("write to", self.path):
            self._calls.lseek(self._fd, at, os.SEEK_SET)
            while rest:
                written = self._calls.writev(self._fd, rest[:_BUFFERS_A_CALL])
                at += written
                self.size = max(self.size, at)
                rest = _after(rest, written)

    def feed(self, hasher: Hasher, start: int, end: int, stop: Event | None = None) -> None:
        """Feed the bytes from `start` up to `end` to a digest.

        Args:
            stop: when set, reading ends early.

        Raises:
            DownloadError: the file cannot be read, or is shorter.
        """
        with os_errors("read", self.path):
            self._calls.lseek(self._fd, start, os.SEEK_SET)
            while start < end and not (stop is not None and stop.is_set()):
                chunk = self._calls.read(self._fd, min(end - start, _READ_SIZE))
                if not chunk:
                    raise OSError(errno.EIO, "shorter than it was")
                hasher.update(chunk)
                start += len(chunk)

    def truncate(self, size: int = 0) -> None:
        """Drop all bytes from `size` on."""
        if self._opened is None:
            return
        self.settled = False
        with os_errors("shorten", self.path):
            self._calls.ftruncate(self._fd, min(size, self.size))
        self.size = min(size, self.size)

    def sync(self) -> None:
        """Wait until the bytes are on the disk.

        A file whose sync failed may have lost any of its bytes, which no later sync would report: it is removed.
        """
        try:
            with os_errors("sync", self.path):
                self._calls.fsync(self._fd)
        except DownloadError:
            self.discard()
            raise

    def settle(self) -> None:
        """Set the file's final permissions, where the file system has some, and sync it; once until it is changed."""
        if self.settled:
            return
        with os_errors("set the permissions of", self.path):
            try:
                self._calls.fchmod(self._fd, self._mode)
            except OSError as error:
                if error.errno not in NO_PERMISSIONS:
                    raise
        self.sync()
        self.settled = True

    @property
    def mtime_ns(self) -> int:
        """Its modification time in nanoseconds since 1970."""
        with os_errors("look at", self.path):
            return self._calls.fstat(self._fd).st_mtime_ns

    def check_unchanged(self, place: Entry) -> None:
        """Check that the file has the size that was written, and is the one at its name and at no other.

        Args:
            place: its name.

        Raises:
            DownloadError: another process cut, extended, replaced or linked it; the file is removed.
        """
        with os_errors("look at", self.path):
            own, named = self._calls.fstat(self._fd), place.lstat()
        same_file = named is not None and (named.st_dev, named.st_ino) == (own.st_dev, own.st_ino)
        if not same_file or own.st_size != self.size or own.st_nlink != 1:
            if same_file:
                self.discard()
            error = DownloadError(f"{self.path} was changed by another process while it was written", stage="publish")
            error.retryable = True
            raise error

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._opened is not None and self._opened < 0

    def sync_and_close(self) -> int:
        """Close the file with its bytes on the disk, and leave none that is empty.

        Returns:
            bytes that were synced; 0 if the sync failed.
        """
        if not self.size:
            self.discard()
            return 0
        with suppress(DownloadError):
            self.sync()
        self.close()
        return self.size

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        fd, self._opened = self._opened, -1
        if fd is not None and fd >= 0:
            with os_errors("close", self.path):
                self._calls.close(fd)

    def discard(self) -> None:
        """Close and remove the file."""
        new = self._opened is None
        with suppress(DownloadError):
            self.close()
        if new:
            return
        with (
            os_errors("remove", self.path),
            suppress(FileNotFoundError),
            entry(self.folder, self.name, self._calls) as place,
        ):
            place.unlink()
        self.size = 0


def _after(buffers: list[memoryview], written: int) -> list[memoryview]:
    """Return the rest of the buffers after a write that may have been short."""
    for index, buffer in enumerate(buffers):
        if written < len(buffer):
            return [buffer[written:], *buffers[index + 1 :]]
        written -= len(buffer)
    return []
