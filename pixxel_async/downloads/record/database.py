"""Database file of the record: open, bind, own leases, group commits, and begin again after damage."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Any, Protocol

from ..._files import SAFE_OPEN, check_ours, check_state_folder
from ...errors import ConfigError, DiskError
from .damage import as_mid_run_error, as_our_error, check, is_damage, set_aside
from .lease import Owner, is_alive, is_certainly_dead
from .locking import ATTEMPT, LockWait
from .rules.mounts import network_kind
from .schema import APPLICATION, SCHEMA, VERSION

__all__ = ["Database", "Key"]

GONE, MAYBE_FROZEN = 1, 2
"""Values of `abandoned`: the holder cannot write any more; or it was silent for too long, and may continue."""

Key = tuple[str, str]
"""Identity and folder of a row."""


class HeldRow(Protocol):
    """A row that this owner holds.

    Attributes:
        columns: as they were last written.
    """

    @property
    def columns(self) -> Mapping[str, Any]: ...

    def restore(self, db: Database) -> None:
        """Write it again, to a new record after damage."""
        ...


class Database:
    """One open connection; belongs to the commit thread.

    Attributes:
        path: the database file.
        owner: this process, as holder of leases.
        number: its number in the table of owners, which claimed rows carry.
        notes: problems found and repaired while opening.
        is_new: whether there was no record before.
        lost: whether a damaged record was set aside, now or earlier, or a row was damaged.
        held: the rows that this owner holds.
    """

    def __init__(self, path: Path, owner: Owner, stop: Event) -> None:
        self.path = path
        self.owner = owner
        self.number = 0
        self.notes: list[str] = []
        self.is_new = False
        self.lost = False
        self.held: dict[Key, HeldRow] = {}
        self.sql: sqlite3.Connection
        self._lock_wait = LockWait(path, stop)
        self._origin: str | None = None
        self._inode = 0
        self._durable = False

    @classmethod
    def open(cls, path: Path, origin: str | None, owner: Owner, stop: Event | None = None) -> Database:
        """Open the file, or create one; see `Record.open`.

        Args:
            stop: once it is set, a locked record is waited for no longer.
        """
        try:
            path = _locate(path)
            database = cls(path, owner, stop or Event())
            database._origin = origin
            with database._lock_wait.exclusive():
                database._open(may_create=True)
            return database
        except sqlite3.Error as error:
            raise as_our_error(error, path) from None
        except OSError as error:
            raise ConfigError(f"the record {path} cannot be used: {os.strerror(error.errno or 0)}") from None

    def _open(self, *, may_create: bool) -> None:
        """Connect, check and enter; a damaged file is set aside and a new one created. The opening lock is held."""
        size = self.path.stat().st_size if self.path.exists() else 0
        self.is_new = may_create and not size
        try:
            self._connect()
            if size:
                check(self.sql, self.path)
            self._enter()
        except BaseException as error:
            self._disconnect()
            if not is_damage(error):
                raise
            aside = set_aside(self.path)
            self.lost = True
            self.notes.append(f"the record was damaged; it is kept as {aside.name}, and a new one was begun")
            self._connect()
            self._enter()

    def _connect(self) -> None:
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | SAFE_OPEN, 0o600)
        try:
            status = os.fstat(fd)
            check_ours(self.path, status)
            if status.st_mode & 0o077 and hasattr(os, "fchmod"):
                with suppress(OSError):
                    os.fchmod(fd, 0o600)
        finally:
            os.close(fd)
        self._inode = status.st_ino
        self._durable = False
        self.sql = sqlite3.connect(self.path, timeout=ATTEMPT, isolation_level=None, cached_statements=64)
        self._lock_wait.until_free(lambda: self.sql.execute("PRAGMA journal_mode = WAL"))
        self.sql.execute("PRAGMA synchronous = NORMAL")
        self.sql.execute("PRAGMA cache_size = -4096")

    def _disconnect(self) -> None:
        with suppress(AttributeError, sqlite3.Error):  # it may not have been connected
            self.sql.close()

    def _enter(self) -> None:
        """Create the tables if there are none, bind the record, become an owner."""
        with self._transaction():
            if not self.sql.execute("SELECT 1 FROM sqlite_master").fetchone():
                for statement in SCHEMA:
                    self.sql.execute(statement)
                self.sql.execute(f"PRAGMA user_version = {VERSION}")
                self.sql.execute(f"PRAGMA application_id = {APPLICATION}")
            if self.lost:
                self.note_lost()
            self.lost = self.bound("lost") is not None
            if self._origin is not None:
                self.bind("origin", self._origin)
            self._register()

    def bind(self, key: str, value: str) -> None:
        """Bind the record to a value for good; raises `ConfigError` if it is bound to another."""
        bound = self.bound(key)
        if bound is None:
            self._remember(key, value)
        elif bound != value:
            raise ConfigError(f"the record {self.path} belongs to the {key} {bound}, not {value}; use another one")

    def note_lost(self) -> None:
        """Note for later runs that files without a row may be ours, since an earlier record was lost."""
        self.lost = True
        self._remember("lost", "1")

    def bound(self, key: str) -> str | None:
        """Return the value that the record is bound to, or None."""
        row = self.sql.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def _remember(self, key: str, value: str) -> None:
        self.sql.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))

    def _register(self) -> None:
        """Become an owner, and release the leases of dead ones."""
        me = self.owner
        for number, holder, beat_at in self._holders():
            if not is_alive(holder, me, beat_at):
                doubt = GONE if is_certainly_dead(holder, me) else MAYBE_FROZEN
                self.sql.execute("UPDATE items SET owner = NULL, abandoned = ? WHERE owner = ?", (doubt, number))
                self.sql.execute("DELETE FROM owners WHERE number = ?", (number,))
        self._become_owner()
        me.begin()

    def _become_owner(self) -> None:
        me = self.owner
        facts = (me.host, me.boot, me.pid, me.started, me.nonce, me.clock())
        statement = "INSERT INTO owners (host, boot, pid, started, nonce, beat_at) VALUES (?, ?, ?, ?, ?, ?)"
        self.number = self.sql.execute(statement, facts).lastrowid or 0

    def _holders(self) -> Iterator[tuple[int, Owner, float]]:
        statement = "SELECT number, beat_at, pid, host, boot, started, nonce FROM owners"
        for number, beat_at, pid, *texts in self.sql.execute(statement).fetchall():
            if not (
                isinstance(beat_at, float) and isinstance(pid, int) and all(isinstance(each, str) for each in texts)
            ):
                raise sqlite3.DatabaseError("its table of owners is damaged")
            host, boot, started, nonce = texts
            yield number, Owner(host, boot, pid, started, nonce), beat_at

    def is_certainly_dead(self, number: int) -> bool:
        """Return whether an owner can write no more."""
        return any(is_certainly_dead(holder, self.owner) for lease, holder, _ in self._holders() if lease == number)

    def is_alive(self, number: int) -> bool:
        """Return whether an owner other than this one still works."""
        return any(is_alive(holder, self.owner, beat) for lease, holder, beat in self._holders() if lease == number)

    def group(self, jobs: list[Callable[[Any], Any]], *, durable: bool) -> list[Any]:
        """Run all jobs in one commit; a job that raises one of our errors gives it as its result.

        A job changes the database in its last statement, or not at all, so that one that raises has changed nothing. If
        the file turns out to be damaged, it is set aside, the rows held by this owner are written to a new one, and the
        jobs run once more.

        Raises:
            DownloadError: the commit failed, and none of the jobs happened.
        """
        held = dict(self.held)
        try:
            try:
                if not self._is_in_place():
                    self._rebuild(damaged=False)
                return self._commit(jobs, durable=durable)
            except (sqlite3.Error, UnicodeDecodeError) as error:
                self.held = held
                if not is_damage(error):
                    raise
                self._rebuild(damaged=True)
                return self._commit(jobs, durable=durable)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            self.held = held
            raise as_mid_run_error(error, self.path) from None
        except OSError as error:
            raise DiskError(f"the record {self.path} cannot be used: {os.strerror(error.errno or 0)}") from None

    def _commit(self, jobs: list[Callable[[Any], Any]], *, durable: bool) -> list[Any]:
        if durable != self._durable:  # a durable commit waits for the disk, and takes all earlier ones with it
            self.sql.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable
        with self._transaction():
            return [self._run(job) for job in jobs]

    def _run(self, job: Callable[[Any], Any]) -> Any:
        try:
            return job(self)
        except (sqlite3.Error, UnicodeDecodeError):
            raise
        except Exception as error:  # the result of this job only
            return error

    def _is_in_place(self) -> bool:
        """Return whether the open file still has the record's name: another process may have set it aside."""
        try:
            return os.stat(self.path).st_ino == self._inode
        except FileNotFoundError:
            return False

    def _rebuild(self, *, damaged: bool) -> None:
        """Open a new record in mid-run, and write the rows that this owner holds to it."""
        self._disconnect()
        with self._lock_wait.exclusive():
            if damaged and self._is_in_place():
                aside = set_aside(self.path)
                self.notes.append(f"the record was damaged; it is kept as {aside.name}, and a new one was begun")
            self.lost = True
            self._open(may_create=False)
        with self._transaction():
            for row in list(self.held.values()):
                row.restore(self)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._lock_wait.until_free(lambda: self.sql.execute("BEGIN IMMEDIATE"))
        try:
            yield
            self.sql.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                if self.sql.in_transaction:
                    self.sql.execute("ROLLBACK")
            raise

    def renew_heartbeat(self) -> None:
        """Renew the heartbeat of this owner's leases."""
        statement = "UPDATE owners SET beat_at = ? WHERE number = ?"
        if not self.sql.execute(statement, (self.owner.clock(), self.number)).rowcount:
            # Another process took this one for dead while it was frozen. Leases taken under the old number are lost.
            self._become_owner()
            self.held.clear()

    def close(self) -> None:
        """Release all leases and close the file."""
        self.owner.end()
        with closing(self.sql), suppress(sqlite3.Error, UnicodeDecodeError):
            with self._transaction():
                self.sql.execute("UPDATE items SET owner = NULL WHERE owner = ?", (self.number,))
                self.sql.execute("DELETE FROM owners WHERE number = ?", (self.number,))
            self.sql.execute("PRAGMA optimize")


def _locate(path: Path) -> Path:
    """Return the absolute path after creating and checking its folder: owned, local, not a link."""
    folder = Path(os.path.abspath(path)).parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.name == ".pixxel":
        check_state_folder(folder)
    path = folder.resolve() / path.name
    kind = network_kind(mountinfo(), str(path))
    if kind:
        advice = "keep it on a local disk (record=…), and let several machines take shards, each with its own"
        raise ConfigError(f"the record {path} would lie on a network file system ({kind}), where locks fail: {advice}")
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise ConfigError(f"the record {path} is not a regular file")
    return path


def mountinfo() -> str:
    """Return the text of Linux' `/proc/self/mountinfo`; empty where there is none."""
    try:
        return Path("/proc/self/mountinfo").read_text(errors="replace")
    except OSError:
        return ""
