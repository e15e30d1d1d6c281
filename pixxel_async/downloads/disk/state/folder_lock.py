"""One record for a folder at a time: a manager announces its record in each folder, and refuses another's.

Protocol: announce, then look. Each manager has a lock file of its own in `<folder>/.pixxel`, which names its record
and its process and stays locked (flock) while that process exists, frozen or not. Of two managers that announce
themselves at the same moment at least one sees the other. Managers with the same record work together: its leases
keep them apart. So do managers of different shards, each with a record of its own: they share no package.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import frozen

from ...._files import SAFE_OPEN, check_state_folder, read_regular
from ....errors import ConfigError
from ...record.lease import Owner, is_certainly_dead
from ..syscalls import HAS_FLOCK, lock_exclusively
from .record_path import record_path

__all__ = ["FolderLocks"]

ATTEMPTS = 8
"""Attempts before another record's manager is believed to stay: two that start together may both step back at first."""
PAUSE = 0.25
"""Longest pause in seconds between two attempts; random, so that one of two is first."""
MAX_BYTES = 1 << 16
"""Bytes of a lock file at most."""


@frozen
class Announcement:
    """Content of a lock file.

    Attributes:
        record: path of the record, relative to the folder if it lies below it, so that the same folder may be mounted
            at different paths.
        holder: the process.
        shard: (i, n): it fetches only the packages of machine i of n; None: any package.
    """

    record: str
    holder: Owner
    shard: tuple[int, int] | None = None

    @classmethod
    def create(cls, record: Path, folder: Path, shard: tuple[int, int] | None) -> Announcement:
        """Describe a record and this process."""
        path, own_folder = Path(os.path.realpath(record)), Path(os.path.realpath(folder))
        named = path.relative_to(own_folder) if path.is_relative_to(own_folder) else path
        return cls(str(named), Owner.of_this_process(), shard)

    @classmethod
    def read(cls, path: Path) -> Announcement | None:
        """Read a lock file; None if it is damaged, empty or gone."""
        try:
            members: dict[str, Any] = json.loads(read_regular(path, MAX_BYTES, follow=False))
            host, boot, pid, started, nonce = (members[key] for key in ("host", "boot", "pid", "started", "nonce"))
            i, n = map(int, members["shard"] or (1, 1))
            owner = Owner(str(host), str(boot), int(pid), str(started), str(nonce))
            return cls(str(members["record"]), owner, (i, n) if n > 1 else None)
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None

    def data(self) -> bytes:
        """Return the content of the lock file."""
        me = self.holder
        holder = {"host": me.host, "boot": me.boot, "pid": me.pid, "started": me.started, "nonce": me.nonce}
        return json.dumps({"record": self.record, "shard": self.shard, **holder}).encode()

    def agrees_with(self, other: Announcement) -> bool:
        """Return whether both may use the folder: one record, or different shards of the same number of machines."""
        if self.record == other.record:
            return True
        return (
            self.shard is not None
            and other.shard is not None
            and (self.shard[1] == other.shard[1] and self.shard[0] != other.shard[0])
        )


class FolderLocks:
    """The folders that one manager has opened; all methods run in threads.

    Args:
        record: the manager's record; None for the default one of the first folder.
        shard: the manager's shard.
        sleep: waits between two attempts, seconds.
    """

    def __init__(
        self,
        record: Path | None = None,
        shard: tuple[int, int] | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._record = record
        self._shard = shard
        self._sleep = sleep
        self._held: dict[Path, tuple[Path, int]] = {}
        self._guard = threading.Lock()
        self._closed = False

    def acquire(self, folder: Path) -> None:
        """Announce the record in a folder; harmless when repeated.

        Raises:
            ConfigError: another record's manager uses the folder, or the announcement cannot be written.
        """
        with self._guard:
            self._record = self._record or record_path(folder)
            if folder in self._held or self._closed:
                return
            own = Announcement.create(self._record, folder, self._shard)
            for attempt in range(ATTEMPTS):
                path, fd = _announce(folder / ".pixxel", own)
                rival = next(_other_locks(path, own), None)
                if rival is None:
                    self._held[folder] = path, fd
                    return
                _withdraw(path, fd)
                if attempt == ATTEMPTS - 1:
                    raise ConfigError(_in_use(folder, *rival))
                self._sleep(random.uniform(0.2, 1.0) * PAUSE)

    def close(self) -> None:
        """Withdraw all announcements; closing twice is harmless."""
        with self._guard:
            self._closed = True
            while self._held:
                _withdraw(*self._held.popitem()[1])


def _announce(state: Path, announcement: Announcement) -> tuple[Path, int]:
    """Create a lock file; it has its name once it is complete and locked."""
    path = state / f"use-{announcement.holder.nonce}.lock"
    first = path if not HAS_FLOCK else path.with_suffix(".new")  # without flock the open file itself is the lock
    try:
        state.mkdir(mode=0o700, exist_ok=True)
        check_state_folder(state)
        fd = os.open(first, os.O_RDWR | os.O_CREAT | os.O_EXCL | SAFE_OPEN, 0o600)
        try:
            os.write(fd, announcement.data())
            lock_exclusively(fd)
            if first != path:
                os.rename(first, path)
        except BaseException:
            _withdraw(first, fd)
            raise
    except OSError as error:
        raise ConfigError(f"{state} cannot be written to: {os.strerror(error.errno or 0)}") from None
    return path, fd


def _other_locks(own: Path, announced: Announcement) -> Iterator[tuple[Path, Announcement | None]]:
    """Yield the lock files of managers that exist and use another record; remove abandoned ones."""
    for path in sorted(own.parent.glob("use-*.lock")):
        rival = None if path == own else Announcement.read(path)
        abandoned = path == own or _is_abandoned(path, rival, announced.holder)
        if not abandoned and (rival is None or not rival.agrees_with(announced)):
            yield path, rival


def _is_abandoned(path: Path, announced: Announcement | None, me: Owner) -> bool:
    """Return whether the manager behind a lock file is gone; its file is removed then."""
    if not HAS_FLOCK:
        with suppress(OSError):  # fails while a process has it open
            path.unlink(missing_ok=True)
        return not path.exists()
    try:
        fd = os.open(path, os.O_RDWR | getattr(os, "O_NONBLOCK", 0) | SAFE_OPEN)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        locked = lock_exclusively(fd)
        abandoned = bool(locked)
        if locked is None and announced is not None:
            abandoned = is_certainly_dead(announced.holder, me)
        if abandoned:
            path.unlink(missing_ok=True)
        return abandoned
    finally:
        os.close(fd)


def _withdraw(path: Path, fd: int) -> None:
    if not HAS_FLOCK:  # an open file cannot be removed there
        os.close(fd)
    with suppress(OSError):
        path.unlink()
    if HAS_FLOCK:
        os.close(fd)


def _in_use(folder: Path, path: Path, rival: Announcement | None) -> str:
    if rival is None:
        return f"{folder} is in use by another process (see {path}); wait for it, or remove that file if none runs"
    record = folder / rival.record
    holder = f"process {rival.holder.pid} on {rival.holder.host.split()[0] if rival.holder.host else 'another machine'}"
    return (
        f"{folder} is in use by {holder} with another record, {record}; use that record too, wait for that process, or "
        "choose another folder (several machines each take a --shard)"
    )
