"""The record as the event loop sees it: every method waits for the writer thread and never blocks."""

from __future__ import annotations

import os
import time
from asyncio import CancelledError
from collections.abc import AsyncIterator, Callable, Iterable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from ..rules.file_names import fold
from . import queries as items
from .commit_thread import CommitThread
from .database import Database
from .lease import Owner
from .rows import Claim, Row, RowState, to_columns

__all__ = ["Record"]

T = TypeVar("T")

_DURABLE = frozenset({"publishing", "done"})
_PAGE = 1000


class Record:
    """What is done, what is under way and who is at it, for one or many folders.

    Made by `Record.open`; belongs to one event loop. Cancelling a method lets its change happen or not, never half.

    Attributes:
        path: the database file.
        notes: what was found and mended while opening, for people.
        begun: whether there was no record before.
    """

    def __init__(self, database: Database, writer: CommitThread, owner: Owner, clock: Callable[[], float]) -> None:
        self.path = database.path
        self.notes = tuple(database.notes)
        self.begun = database.begun
        self._database = database
        self._writer = writer
        self._owner = owner
        self._clock = clock
        self._home = str(self.path.parent.parent if self.path.parent.name == ".pixxel" else self.path.parent)

    @classmethod
    async def open(
        cls, path: Path, *, origin: str | None, clock: Callable[[], float] = time.time, beat: float = 10.0
    ) -> Record:
        """Open a record, or begin one.

        Args:
            path: the database file; its folder is made when missing, readable by its user only.
            origin: the API that its rows are about; another one is refused. None to look at it, whichever it is.
            clock: seconds since 1970.
            beat: seconds between two signs of life of this process.

        Raises:
            ConfigError: the record is of another API or of a newer version, is no record, lies on a network file
                system, or cannot be written to.
        """
        owner = Owner.of_this_process(clock)
        writer = CommitThread(lambda closing: Database.open(path, origin, owner, closing), beat=beat)
        return cls(await writer.start(), writer, owner, clock)

    @property
    def nonce(self) -> str:
        """Sixteen hex digits that tell this open record from every other; part of the names of its part files."""
        return self._owner.nonce

    @property
    def lost(self) -> bool:
        """Whether an earlier record, or a row of this one, was damaged or removed: files without a row may be ours."""
        return self._database.lost

    async def lose(self) -> None:
        """Note that an earlier record is gone, once and for all."""
        await self._do(lambda db: db.lose(), durable=True)

    async def __aenter__(self) -> Record:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Finish what was asked for, release all leases, end the thread; closing twice is harmless."""
        await self._writer.close()

    async def bind(self, organization: str) -> None:
        """Bind the record to an organization, once and for all; not to a key.

        Raises:
            ConfigError: it belongs to another one.
        """
        await self._do(lambda db: db.bind("organization", organization), durable=True)

    async def bound(self, key: Literal["origin", "organization"]) -> str | None:
        """The API or the organization that the record belongs to; None when it belongs to none yet."""
        return await self._do(lambda db: db.bound(key))

    async def get(self, identity: str, folder: Path) -> Row | None:
        """One row, or None; a damaged row counts as none."""
        key = self._key(folder)
        return await self._do(lambda db: items.get(db, identity, key))

    async def known(self, identities: Iterable[str], folder: Path, *, heads: bool = False) -> dict[str, Row]:
        """The rows of many packages at once, by identity and without `fields`; those without a row are missing.

        Args:
            heads: whether of what is done the members up to `sha256` are enough, which is quicker.
        """
        key, asked = self._key(folder), list(identities)
        found: dict[str, Row] = {}
        for start in range(0, len(asked), _PAGE):
            found.update(await self._do(_looking_up(asked[start : start + _PAGE], key, heads=heads)))
        return found

    async def rows(self, folder: Path | None = None, state: RowState | None = None) -> AsyncIterator[Row]:
        """All rows, of one folder and in one state where given, in the order of their identities; read in pages."""
        key = None if folder is None else self._key(folder)
        after: tuple[str, str] = ("", "")
        while page := await self._do(_paging(key, state, after)):
            for row in page.rows:
                yield row
            after = page.last

    async def digests(self, folder: Path, vouched: items.Vouched) -> list[tuple[str, str]]:
        """The digests and names of a folder's done files.

        Args:
            vouched: what a list written earlier has, each as itself; rows that say the same are read more quickly.
        """
        key, after = self._key(folder), ""
        files: list[tuple[str, str]] = []
        while page := await self._do(_listing(key, vouched, after)):
            files += page.files
            after = page.last
        return files

    async def counts(self, folder: Path | None = None) -> dict[RowState, int]:
        """How many rows there are in each state that occurs."""
        key = None if folder is None else self._key(folder)
        return await self._do(lambda db: items.counts(db, key))

    async def taken(self, folder: Path, name: str) -> str | None:
        """The identity of the package that a name belongs to; names that a file system may confuse are the same."""
        key, folded = self._key(folder), fold(name)
        return await self._do(lambda db: items.taken(db, key, folded))

    async def claim(self, identity: str, folder: Path, *, name: str | None, part: str) -> Claim | None:
        """Make a package this process's own; None when this record or another live process holds it already.

        Args:
            name: its final path below the folder as far as it is known; a row that has a name keeps it.
            part: the path of its part file below the folder.

        Raises:
            NameTaken: the name belongs to another package.
        """
        claiming = items.Claiming(identity, self._key(folder), name, part)
        try:
            return await self._do(claiming.run)
        except CancelledError:
            self._writer.tell(claiming.undo)
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
        """Change a row, or begin one, and wait for the commit.

        Args:
            durable: wait until it would survive a power cut; always so for the states `publishing` and `done`.
            release: give the package back in the same commit.
            leased: change it only under this record's own lease.
            changes: fields of `Row`; links in texts are cut out.

        Raises:
            LeaseLost: with `leased`, the lease was taken over.
            NameTaken: the new name belongs to another package.
            DownloadError: another live process holds the package.
            ConfigError: a field or a state that rows do not have.
        """
        key, columns = self._key(folder), to_columns(changes)
        columns.setdefault("updated_at", float(self._clock()))
        durable = durable or columns.get("state") in _DURABLE
        saving = partial(items.save, identity=identity, folder=key, columns=columns, release=release, leased=leased)
        await self._do(saving, durable=durable)

    async def take(self, row: Row) -> bool:
        """Take a row of another record, as it stands, if it is better than this one's; False when it is not.

        Raises:
            NameTaken: its name belongs to another package.
            DownloadError: another live process holds the package.
        """
        return await self._do(lambda db: items.take(db, row), durable=True)

    async def release(self, identity: str, folder: Path) -> None:
        """Give a claimed package back."""
        key = self._key(folder)
        await self._do(lambda db: items.release(db, identity, key))

    async def forget(self, identity: str, folder: Path) -> bool:
        """Remove a row; False when there was none.

        Raises:
            DownloadError: another live process holds the package.
        """
        key = self._key(folder)
        return await self._do(lambda db: items.forget(db, identity, key), durable=True)

    def _key(self, folder: Path) -> str:
        return _kept_as(os.path.abspath(folder), self._home)

    async def _do(self, job: Callable[[Database], T], *, durable: bool = False) -> T:
        return await self._writer.do(job, durable=durable)


@lru_cache(64)
def _kept_as(folder: str, home: str) -> str:
    """A folder below the record's own is kept relative to it, so that both may be moved together."""
    inside = os.path.commonpath([folder, home]) == home
    return os.fsencode(os.path.relpath(folder, home) if inside else folder).decode(errors="backslashreplace")


def _looking_up(identities: list[str], folder: str, *, heads: bool) -> Callable[[Database], dict[str, Row]]:
    return lambda db: items.known(db, identities, folder, heads=heads)


def _listing(folder: str, vouched: items.Vouched, after: str) -> Callable[[Database], items.Digests | None]:
    return lambda db: items.digests(db, folder, vouched, after, _PAGE)


def _paging(
    folder: str | None, state: RowState | None, after: tuple[str, str]
) -> Callable[[Database], items.RowPage | None]:
    return lambda db: items.page(db, folder, state, after, _PAGE)
