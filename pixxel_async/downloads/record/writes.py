"""Changes of rows, under their leases; each function is one job of the commit thread, inside its transaction.

Rule: a job writes with one statement, its last, so that a job that raises has changed nothing.
"""

# ruff: noqa: S608 - the texts put into statements are names of our own columns; every value is bound

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from attrs import define, evolve, frozen

from ...errors import DownloadError, NameTaken
from ..rules.file_names import fold
from .database import MAYBE_FROZEN, Database, Key
from .lease import LeaseLost
from .queries import ONE, SELECTED, get, name_owner
from .rows import COLUMNS, Claim, Row, blank, from_columns, seal, to_columns, trusted
from .rules.merging import is_better

__all__ = ["Claiming", "forget", "release", "save", "take"]

_WRITTEN = (*COLUMNS, "seal", "folded", "owner", "abandoned")
_WRITE = (
    f"INSERT INTO items ({', '.join(_WRITTEN)}) VALUES ({', '.join('?' * len(_WRITTEN))})"
    f" ON CONFLICT (identity, folder) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _WRITTEN[2:])}"
)


@define(eq=False)
class Claiming:
    """A claim in progress, undone if its caller was cancelled in between."""

    identity: str
    folder: str
    name: str | None
    part: str
    decide: Callable[[Claim], object] | None = None
    granted: bool = False

    def run(self, db: Database) -> Claim | None:
        """Claim the row, creating it if there is none; None when a live owner holds it."""
        stored = _read_stored(db, self.identity, self.folder)
        if stored.owner == db.number or stored.held(db):
            return None
        row = from_columns(list(stored.columns.values()))
        # The part file of a holder that may only be frozen is never written to: a new one is begun under our own name.
        part = self.part if stored.may_go_on(db) else row.part or self.part
        changes: dict[str, Any] = {"name": row.name or self.name, "part": part}
        took_over = bool(stored.abandoned) or stored.owner is not None
        claim = Claim(row._replace(**changes), took_over, row.boot in ("", db.owner.boot))
        if self.decide is not None:
            claim = evolve(claim, decision=self.decide(claim))
        _write(db, stored, changes, owner=db.number)
        self.granted = True
        return claim

    def undo(self, db: Database) -> None:
        """Release the claim if it was granted."""
        if self.granted:
            release(db, self.identity, self.folder)


@frozen
class _HeldRow:
    """A row under our lease, as it was last written."""

    columns: Mapping[str, Any]

    def restore(self, db: Database) -> None:
        """Write it to a new record."""
        _write(db, _StoredRow(dict(self.columns)), {}, owner=db.number)


@frozen
class _StoredRow:
    """A row as stored, or as it would be created.

    Attributes:
        columns: in their order; those of a new row where there was none or a damaged one.
        known: whether there is a trusted row.
        owner: number of its lease's owner.
        abandoned: 0, or how an owner that no longer holds it went: `GONE` or `MAYBE_FROZEN`.
    """

    columns: dict[str, Any]
    known: bool = False
    owner: int | None = None
    abandoned: int = 0

    def held(self, db: Database) -> bool:
        """Return whether another live owner holds it."""
        return self.owner not in (None, db.number) and db.is_alive(self.owner or 0)

    def may_go_on(self, db: Database) -> bool:
        """Return whether the last holder may be frozen, and continue to write to its part file."""
        if self.owner is not None:
            return not db.is_certainly_dead(self.owner)
        return self.abandoned == MAYBE_FROZEN


def _read_stored(db: Database, identity: str, folder: str) -> _StoredRow:
    statement = f"SELECT {SELECTED}, owner, abandoned FROM items WHERE {ONE}"
    row = db.sql.execute(statement, (identity, folder)).fetchone()
    if row is None:
        return _StoredRow(blank(identity, folder))
    *values, sealed, owner, abandoned = row
    sound = trusted(values, sealed)
    db.lost = db.lost or not sound
    absence = abandoned if isinstance(abandoned, int) else MAYBE_FROZEN  # a damaged column
    columns = dict(zip(COLUMNS, values, strict=True)) if sound else blank(identity, folder)
    return _StoredRow(columns, sound, owner, absence)


def save(
    db: Database,
    identity: str,
    folder: str,
    columns: Mapping[str, Any],
    *,
    release: bool = False,
    leased: bool = False,
) -> None:
    """Change or create a row, unless another live owner holds it.

    Args:
        release: release it in the same commit.
        leased: change it only under our own lease (fencing); after a takeover nothing changes.
    """
    changes = dict(columns)
    if changes.get("state") in ("streaming", "publishing"):
        changes["boot"] = db.owner.boot
    if leased and _update_held(db, (identity, folder), changes, release=release):
        return
    stored = _read_stored(db, identity, folder)
    if leased and stored.owner != db.number:
        raise LeaseLost(f"another process took over {identity}", package=identity, stage="publish")
    if stored.held(db):
        raise _held_error(identity)
    _write(db, stored, changes, owner=None if release else stored.owner)


def _held_error(identity: str) -> DownloadError:
    return DownloadError(f"another process is working on {identity}", package=identity, stage="publish")


def _write(db: Database, stored: _StoredRow, changes: Mapping[str, Any], *, owner: int | None) -> None:
    """Write a row with changes and its checksum."""
    columns = {**stored.columns, **changes}
    values, name = tuple(columns.values()), columns["name"]
    folded = fold(name) if name is not None else None
    absence = stored.abandoned if owner is None else 0
    with _unique_names(db, columns):
        db.sql.execute(_WRITE, (*values, seal(values), folded, owner, absence))
    _remember(db, columns, owner)


def _update_held(db: Database, key: Key, changes: Mapping[str, Any], *, release: bool) -> bool:
    """Change a row under our lease, which nobody else changes, by one statement that does not read it.

    Returns:
        False if we do not hold it, or do not any more; then nothing has changed.
    """
    held = db.held.get(key)
    if held is None:
        return False
    columns = {**held.columns, **changes}
    written = {name: value for name, value in changes.items() if value != held.columns[name]}
    written["seal"] = seal(tuple(columns.values()))
    if "name" in written:
        written["folded"] = fold(columns["name"])
    if release:
        written["owner"] = None
    statement = f"UPDATE items SET {', '.join(f'{name} = ?' for name in written)} WHERE {ONE} AND owner = ?"
    with _unique_names(db, columns):
        changed = db.sql.execute(statement, (*written.values(), *key, db.number)).rowcount
    if changed:
        _remember(db, columns, None if release else db.number)
    return bool(changed)


@contextmanager
def _unique_names(db: Database, columns: Mapping[str, Any]) -> Iterator[None]:
    """Turn a violation of the names' index into `NameTaken`."""
    try:
        yield
    except sqlite3.IntegrityError:
        name, identity, folder = columns["name"], columns["identity"], columns["folder"]
        holder = name_owner(db, folder, fold(name or ""))
        if holder in (None, identity) or get(db, holder, folder) is None:
            raise  # the index names a package that does not hold the name: damage
        raise NameTaken(f"the name {name} belongs to another package", package=identity) from None


def _remember(db: Database, columns: Mapping[str, Any], owner: int | None) -> None:
    """Remember a row as written while we hold it."""
    key = columns["identity"], columns["folder"]
    if owner == db.number:
        db.held[key] = _HeldRow(columns)
    else:
        db.held.pop(key, None)


def take(db: Database, row: Row) -> bool:
    """Write another record's row if it is further on than ours; False when ours stays."""
    stored = _read_stored(db, row.identity, row.folder)
    if stored.held(db):
        raise _held_error(row.identity)
    if not is_better(row, from_columns(tuple(stored.columns.values())) if stored.known else None):
        return False
    _write(db, stored, to_columns(row._asdict()), owner=None)
    return True


def release(db: Database, identity: str, folder: str) -> None:
    """Release a row that is ours."""
    statement = f"UPDATE items SET owner = NULL WHERE {ONE} AND owner = ?"
    db.sql.execute(statement, (identity, folder, db.number))
    db.held.pop((identity, folder), None)


def forget(db: Database, identity: str, folder: str) -> bool:
    """Remove a row, unless another live owner holds it."""
    if _read_stored(db, identity, folder).held(db):
        raise _held_error(identity)
    db.held.pop((identity, folder), None)
    return db.sql.execute(f"DELETE FROM items WHERE {ONE}", (identity, folder)).rowcount > 0
