"""The record as the event loop sees it: every method waits for the writer thread and never blocks."""

from __future__ import annotations

import os
import time
from asyncio import CancelledError
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from ..rules.file_names import fold
from . import queries, writes
from .commit_thread import CommitThread
from .database import Database
from .lease import Owner
from .rows import Claim, Row, RowChange, RowState, to_columns

__all__ = ["Record"]

T = TypeVar("T")

_DURABLE = frozenset({"publishing", "done"})
_PAGE = 1000


class Record:
    """The packages done and under way, and their leases, for one or many folders.

    Created by `Record.open`; belongs to one event loop. A cancelled method makes its change as a whole or not at all.

    Attributes:
        path: the database file.
        notes: messages about damage found and repaired while opening.
        is_new: whether there was no record before.
    """

    def __init__(self, database: Database, writer: CommitThread, owner: Owner, clock: Callable[[], float]) -> None:
        self.path = database.path
        self.notes = tuple(database.notes)
        self.is_new = database.is_new
        self._database = database
        self._writer = writer
        self._owner = owner
        self._clock = clock
        self._home = str(self.path.parent.parent if self.path.parent.name == ".pixxel" else self.path.parent)

    @classmethod
    async def open(
        cls, path: Path, *, origin: str | None, clock: Callable[[], float] = time.time, beat: float = 10.0
    ) -> Record:
        """Open a record, or create one.

        Args:
            path: the database file; its folder is created if missing, readable by its user only.
            origin: the API whose packages it records; a record of another API is refused. None accepts any.
            clock: seconds since 1970.
            beat: seconds between two heartbeats of this process.

        Raises:
            ConfigError: the record is of another API or of a newer version, is no record, lies on a network file
                system, or cannot be written to.
        """
        owner = Owner.of_this_process(clock)
        writer = CommitThread(lambda closing: Database.open(path, origin, owner, closing), beat=beat)
        return cls(await writer.start(), writer, owner, clock)

    @property
    def nonce(self) -> str:
        """Sixteen random hex digits, unique to this open record; part of the names of its part files."""
        return self._owner.nonce

    @property
    def lost(self) -> bool:
        """Whether an earlier record or a row was damaged or removed, so that files without a row may be ours."""
        return self._database.lost

    async def note_lost(self) -> None:
        """Note durably that an earlier record is gone."""
        await self._do(lambda db: db.note_lost(), durable=True)

    async def __aenter__(self) -> Record:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Finish queued jobs, release all leases, end the thread; closing twice is harmless."""
        await self._writer.close()

    async def bind(self, organization: str) -> None:
        """Bind the record to an organization for good; any key of it is accepted.

        Raises:
            ConfigError: it belongs to another one.
        """
        await self._do(lambda db: db.bind("organization", organization), durable=True)

    async def bound(self, key: Literal["origin", "organization"]) -> str | None:
        """Return the API or the organization that the record is bound to; None if it is bound to none yet."""
        return await self._do(lambda db: db.bound(key))

    async def get(self, identity: str, folder: Path) -> Row | None:
        """Return one row, or None; a damaged row counts as missing."""
        key = self._key(folder)
        return await self._do(lambda db: queries.get(db, identity, key))

    async def known_rows(self, identities: Iterable[str], folder: Path, *, heads: bool = False) -> dict[str, Row]:
        """Return the rows of many packages by identity, without `fields`; packages without a row are left out.

        Args:
            heads: load only the members up to `sha256` of finished packages; faster for large batches.
        """
        key, sought = self._key(folder), list(identities)
        rows: dict[str, Row] = {}
        for start in range(0, len(sought), _PAGE):
            chunk = sought[start : start + _PAGE]
            rows |= await self._do(partial(queries.known_rows, identities=chunk, folder=key, heads=heads))
        return rows

    async def rows(self, folder: Path | None = None, state: RowState | None = None) -> AsyncIterator[Row]:
        """Iterate all rows, or those of one folder or state, in the order of identities; read in pages."""
        key = None if folder is None else self._key(folder)
        after: tuple[str, str] = ("", "")
        while page := await self._do(partial(queries.page, folder=key, state=state, after=after, limit=_PAGE)):
            for row in page.rows:
                yield row
            after = page.last

    async def digests(self, folder: Path, vouched: queries.Vouched) -> list[tuple[str, str]]:
        """Return checksums and names of a folder's done files.

        Args:
            vouched: pairs of checksum and name from an earlier list; rows that agree are not checked again.
        """
        key, after = self._key(folder), ""
        files: list[tuple[str, str]] = []
        while page := await self._do(partial(queries.digests, folder=key, vouched=vouched, after=after, limit=_PAGE)):
            files += page.files
            after = page.last
        return files

    async def counts(self, folder: Path | None = None) -> dict[RowState, int]:
        """Count the rows in each state that occurs."""
        key = None if folder is None else self._key(folder)
        return await self._do(lambda db: queries.counts(db, key))

    async def name_owner(self, folder: Path, name: str) -> str | None:
        """Return the package that owns a name, or None; names that a file system may confuse count as one."""
        key, folded = self._key(folder), fold(name)
        return await self._do(lambda db: queries.name_owner(db, key, folded))

    async def claim(
        self,
        identity: str,
        folder: Path,
        *,
        name: str | None,
        part: str,
        decide: Callable[[Claim], object] | None = None,
    ) -> Claim | None:
        """Take the lease of a package; return None if this record or another live process holds it.

        Args:
            name: its final path below the folder if known; a row that has a name keeps it.
            part: the path of its part file below the folder.
            decide: called in the record's thread with the claim, and returns its `decision`. Another process that
                changes the package's files holds its lease, which it cannot get until this claim is committed.

        Raises:
            NameTaken: the name belongs to another package.
        """
        claiming = writes.Claiming(identity, self._key(folder), name, part, decide)
        try:
            return await self._do(claiming.run)
        except CancelledError:
            self._writer.post(claiming.undo)
            raise

    async def save(
        self,
        identity: str,
        folder: Path,
        *,
        durable: bool = False,
        release: bool = False,
        leased: bool = False,
        **changes: Any,
    ) -> None:
        """Change or create a row, and wait for the commit.

        Args:
            durable: wait until it would survive a power cut; always so for the states `publishing` and `done`.
            release: release the lease in the same commit.
            leased: change it only under our own lease (fencing).
            changes: fields of `Row`; URLs in texts are removed.

        Raises:
            LeaseLost: with `leased`, the lease was taken over.
            NameTaken: the new name belongs to another package.
            DownloadError: another live process holds the package.
            ConfigError: a field or a state that rows do not have.
        """
        change = RowChange(identity, folder, changes, release=release, leased=leased)
        await self._do(self._saving(change), durable=durable or changes.get("state") in _DURABLE)

    async def save_all(self, changes: Sequence[RowChange]) -> list[Exception | None]:
        """Change rows in one commit like `save`; return for each the error that `save` would raise, or None.

        Raises:
            DownloadError: the commit failed, and no row is changed.
        """
        durable = any(change.columns.get("state") in _DURABLE for change in changes)
        return await self._writer.do_all([self._saving(change) for change in changes], durable=durable)

    def _saving(self, change: RowChange) -> Callable[[Database], None]:
        """Return the job that makes a change."""
        columns = to_columns(change.columns)
        columns.setdefault("updated_at", float(self._clock()))
        return partial(
            writes.save, identity=change.identity, folder=self._key(change.folder), columns=columns,
            release=change.release, leased=change.leased,
        )  # fmt: skip

    async def take_all(self, rows: Iterable[Row]) -> list[bool | Exception]:
        """Copy rows of another record, in one commit, where they are further on than ours.

        Returns:
            for each row whether it was taken, or why not: `NameTaken` if its name belongs to another package,
            `DownloadError` if another live process holds the package.

        Raises:
            DownloadError: the commit failed, and no row is changed.
        """
        return await self._writer.do_all([partial(writes.take, row=row) for row in rows], durable=True)

    async def release(self, identity: str, folder: Path) -> None:
        """Release a lease."""
        key = self._key(folder)
        await self._do(lambda db: writes.release(db, identity, key))

    async def forget(self, identity: str, folder: Path) -> bool:
        """Remove a row; return False if there was none.

        Raises:
            DownloadError: another live process holds the package.
        """
        key = self._key(folder)
        return await self._do(lambda db: writes.forget(db, identity, key), durable=True)

    def _key(self, folder: Path) -> str:
        return _stored_folder(os.path.abspath(folder), self._home)

    async def _do(self, job: Callable[[Database], T], *, durable: bool = False) -> T:
        return await self._writer.do(job, durable=durable)


@lru_cache(64)
def _stored_folder(folder: str, home: str) -> str:
    """Return the folder as stored: relative to the record's own if below it, so that both may be moved together."""
    inside = os.path.commonpath([folder, home]) == home
    return os.fsencode(os.path.relpath(folder, home) if inside else folder).decode(errors="backslashreplace")
