"""The record's database file: opened, checked, migrated, bound, and its commits grouped."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from ...errors import ConfigError, DiskFull, DownloadError, PixxelError
from .lease import Owner, alive
from .rows import seal
from .rules.mounts import network_kind
from .schema import APPLICATION, MIGRATIONS

if sys.platform != "win32":
    import fcntl

__all__ = ["Database"]

_BUSY = 30.0
_FILES = ("", "-wal", "-shm")


class Database:
    """One open connection; of the writer thread only.

    Attributes:
        path: the database file.
        owner: who we are.
        number: our number among the owners, which claimed rows carry.
        notes: what was found and mended while opening.
        begun: whether there was no record before.
        lost: whether a damaged record was set aside, now or earlier, or a row was damaged.
    """

    def __init__(self, path: Path, owner: Owner, connection: sqlite3.Connection) -> None:
        self.path = path
        self.owner = owner
        self.number = 0
        self.notes: list[str] = []
        self.begun = False
        self.lost = False
        self.sql = connection
        self._durable = False

    @classmethod
    def open(cls, path: Path, origin: str | None, owner: Owner) -> Database:
        """Open the file, or begin one; see `Record.open`."""
        try:
            path = _home(path)
            with _alone(path):
                database = cls._open_checked(path, owner)
                try:
                    database._enter(origin)
                except BaseException:
                    database.sql.close()
                    raise
            return database
        except sqlite3.Error as error:
            raise _translated(error, path) from None
        except OSError as error:
            raise ConfigError(f"the record {path} cannot be used: {os.strerror(error.errno or 0)}") from None

    @classmethod
    def _open_checked(cls, path: Path, owner: Owner) -> Database:
        size = path.stat().st_size if path.exists() else None
        try:
            if size == 0:
                raise sqlite3.DatabaseError("emptied")
            database = cls(path, owner, _connect(path))
            database.begun = size is None
            if not database.begun:
                _check(database.sql, path)
            return database
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
        aside = _set_aside(path)
        database = cls(path, owner, _connect(path))
        database.lost = True
        database.notes.append(f"the record was damaged; it is kept as {aside.name}, and a new one was begun")
        return database

    def _enter(self, origin: str | None) -> None:
        _migrate(self.sql, self.path)
        if self.lost:
            self.lose()
        self.lost = self.bound("lost") is not None
        if origin is not None:
            self.bind("origin", origin)
        self._register()

    def bind(self, key: str, value: str) -> None:
        """Bind the record to a value once and for all; raises `ConfigError` if it is bound to another."""
        found = self.bound(key)
        if found is None:
            self._remember(key, value)
        elif found != value:
            raise ConfigError(f"the record {self.path} belongs to the {key} {found}, not {value}; use another one")

    def lose(self) -> None:
        """From now on files without a row may be ours: what knew of them is gone."""
        self.lost = True
        self._remember("lost", "1")

    def bound(self, key: str) -> str | None:
        """The value that the record is bound to, or None."""
        found = self.sql.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return found[0] if found else None

    def _remember(self, key: str, value: str) -> None:
        self.sql.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))

    def _register(self) -> None:
        """Become an owner, and sweep out the dead."""
        me = self.owner
        with _transaction(self.sql):
            for number, holder, beat_at in self._holders():
                if not alive(holder, me, beat_at):
                    self.sql.execute("UPDATE items SET owner = NULL, abandoned = 1 WHERE owner = ?", (number,))
                    self.sql.execute("DELETE FROM owners WHERE number = ?", (number,))
            facts = (me.host, me.boot, me.pid, me.started, me.nonce, me.clock())
            statement = "INSERT INTO owners (host, boot, pid, started, nonce, beat_at) VALUES (?, ?, ?, ?, ?, ?)"
            self.number = self.sql.execute(statement, facts).lastrowid or 0
        me.begin()

    def _holders(self) -> Iterator[tuple[int, Owner, float]]:
        statement = "SELECT number, beat_at, host, boot, pid, started, nonce FROM owners"
        for number, beat_at, *facts in self.sql.execute(statement).fetchall():
            yield number, Owner(*facts), beat_at

    def lives(self, number: int) -> bool:
        """Whether an owner other than us still works."""
        return any(alive(holder, self.owner, beat) for found, holder, beat in self._holders() if found == number)

    def group(self, jobs: list[Callable[[Any], Any]], *, durable: bool) -> list[Any]:
        """Do all jobs in one commit; a job that raises one of our errors gives it as its result.

        A job changes the database in its last statement, or not at all, so that one that raises has changed nothing.

        Raises:
            DownloadError: the commit failed, and none of the jobs happened.
        """
        try:
            self._sync(durable)
            with _transaction(self.sql):
                return [self._one(job) for job in jobs]
        except sqlite3.Error as error:
            raise _translated(error, self.path) from None

    def _one(self, job: Callable[[Any], Any]) -> Any:
        try:
            return job(self)
        except sqlite3.Error:
            raise
        except Exception as error:  # handed to whoever waits for the job
            return error

    def _sync(self, durable: bool) -> None:
        """A durable commit waits for the disk, and takes all earlier ones with it."""
        if durable != self._durable:
            self.sql.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable

    def beat(self) -> None:
        """Give a sign of life."""
        self.sql.execute("UPDATE owners SET beat_at = ? WHERE number = ?", (self.owner.clock(), self.number))

    def close(self) -> None:
        """Release all leases and close the file."""
        self.owner.end()
        with closing(self.sql), suppress(sqlite3.Error):
            with _transaction(self.sql):
                self.sql.execute("UPDATE items SET owner = NULL WHERE owner = ?", (self.number,))
                self.sql.execute("DELETE FROM owners WHERE number = ?", (self.number,))
            self.sql.execute("PRAGMA optimize")


def _home(path: Path) -> Path:
    """The file's place: absolute, its folder made and ours alone, no network, no link."""
    folder = Path(os.path.abspath(path)).parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder.resolve() / path.name
    kind = network_kind(_mounts(), str(path))
    if kind:
        advice = "keep it on a local disk (record=…), and let several machines take shards, each with its own"
        raise ConfigError(f"the record {path} would lie on a network file system ({kind}), where locks fail: {advice}")
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise ConfigError(f"the record {path} is no plain file")
    return path


def _mounts() -> str:
    try:
        return Path("/proc/self/mountinfo").read_text(errors="replace")
    except OSError:
        return ""


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process of this host at a time opens a record: it may have to be begun, migrated or set aside."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    fd = os.open(path.with_name(path.name + ".lock"), flags, 0o600)
    try:
        if sys.platform != "win32":  # Windows has SQLite's own locks alone
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _connect(path: Path) -> sqlite3.Connection:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    os.close(os.open(path, flags, 0o600))
    connection = sqlite3.connect(path, timeout=_BUSY, isolation_level=None, cached_statements=64)
    try:
        connection.create_function("sealed", -1, lambda *values: seal(values), deterministic=True)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -4096")
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Raise `sqlite3.DatabaseError` for a damaged file, `ConfigError` for one that is no record."""
    try:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()
        if found is None or found[0] != "ok":
            raise sqlite3.DatabaseError("damaged")
        if connection.execute("PRAGMA application_id").fetchone()[0] not in (APPLICATION, 0):
            raise ConfigError(f"{path} is the database of another program")
    except BaseException:
        connection.close()
        raise


def _set_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in _FILES:
        with suppress(FileNotFoundError):
            os.replace(f"{path}{suffix}", f"{aside}{suffix}")
    return aside


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise ConfigError(f"the record {path} was written by a newer version of this package (format {version})")
    with _transaction(connection):
        for number in range(version, len(MIGRATIONS)):
            for statement in MIGRATIONS[number]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number + 1}")
        connection.execute(f"PRAGMA application_id = {APPLICATION}")


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _translated(error: sqlite3.Error, path: Path) -> PixxelError:
    """An error of SQLite as one of ours."""
    name = getattr(error, "sqlite_errorname", "") or type(error).__name__
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR_WRITE")):
        return DiskFull(f"no room to write the record {path} ({name}); make room and run again")
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM")):
        return ConfigError(f"the record {path} cannot be written to ({name})")
    if name.startswith("SQLITE_BUSY"):
        told = DownloadError(f"another process keeps the record {path} busy; run again", stage="publish")
        told.retryable = True
        return told
    return DownloadError(f"the record {path} failed ({name}); run again, a damaged one is set aside")
