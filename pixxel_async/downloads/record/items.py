"""What can be asked of the rows; each function is one job of the writer thread, inside its transaction."""

# ruff: noqa: S608 - the texts put into statements are names of our own columns; every value is bound

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import define, frozen

from ...errors import DownloadError, NameTaken
from ..rules.naming import fold
from .database import Database
from .rows import COLUMNS, Claim, Row, State, from_columns, seal

__all__ = ["Claiming", "Page", "counts", "forget", "get", "known", "page", "release", "save", "taken"]

_SELECTED = ", ".join((*COLUMNS, "seal"))
_ONE = "identity = ? AND folder = ?"


@frozen
class Page:
    """Rows read together.

    Attributes:
        rows: those that are sound; may be empty while there are more pages.
        last: where to read on.
    """

    rows: Sequence[Row]
    last: tuple[str, str]


def _sound(found: Iterable[Sequence[Any]]) -> list[Row]:
    """The rows whose seal is right; a damaged one counts as missing, which costs a download and nothing else."""
    return [from_columns(values[:-1]) for values in found if values[-1] == seal(values[:-1])]


def get(db: Database, identity: str, folder: str) -> Row | None:
    """One sound row."""
    rows = _sound(db.sql.execute(f"SELECT {_SELECTED} FROM items WHERE {_ONE}", (identity, folder)))
    return rows[0] if rows else None


def known(db: Database, identities: Sequence[str], folder: str) -> dict[str, Row]:
    """The sound rows among many."""
    statement = f"SELECT {_SELECTED} FROM items WHERE identity IN (SELECT value FROM json_each(?)) AND folder = ?"
    return {row.identity: row for row in _sound(db.sql.execute(statement, (json.dumps(identities), folder)))}


def page(db: Database, folder: str | None, state: State | None, after: tuple[str, str], limit: int) -> Page | None:
    """The rows that follow `after` in the order of identity and folder; None when there are none."""
    statement = (
        f"SELECT {_SELECTED} FROM items WHERE (identity, folder) > (?, ?)"
        " AND folder = coalesce(?, folder) AND state = coalesce(?, state) ORDER BY identity, folder LIMIT ?"
    )
    found = db.sql.execute(statement, (*after, folder, state, limit)).fetchall()
    return Page(_sound(found), (found[-1][0], found[-1][1])) if found else None


def counts(db: Database, folder: str | None) -> dict[State, int]:
    """How many rows there are in each state."""
    statement = "SELECT state, count(*) FROM items WHERE folder = coalesce(?, folder) GROUP BY state"
    return dict(db.sql.execute(statement, (folder,)).fetchall())


def taken(db: Database, folder: str, folded: str) -> str | None:
    """Whose name it is."""
    statement = "SELECT identity FROM items WHERE folder = ? AND folded = ?"
    found = db.sql.execute(statement, (folder, folded)).fetchone()
    return found[0] if found else None


@define(eq=False)
class Claiming:
    """A claim about to be made, and its undoing should nobody be there any more to hear of it."""

    identity: str
    folder: str
    name: str | None
    part: str
    granted: bool = False

    def run(self, db: Database) -> Claim | None:
        """Claim the row, and begin it if there is none; None when somebody who lives holds it."""
        free, took_over = _free(db, self.identity, self.folder)
        if not free:
            return None
        before = get(db, self.identity, self.folder)
        row = before or Row(identity=self.identity, folder=self.folder)
        changes = {"name": row.name or self.name, "part": row.part or self.part, "boot": db.owner.boot}
        if before is None:
            forget(db, self.identity, self.folder)
        _write(db, self.identity, self.folder, changes)
        claimed = f"UPDATE items SET owner = ?, abandoned = 0 WHERE {_ONE}"
        db.sql.execute(claimed, (db.number, self.identity, self.folder))
        self.granted = True
        return Claim(get(db, self.identity, self.folder) or row, took_over, row.boot in ("", db.owner.boot))

    def undo(self, db: Database) -> None:
        """Give it back, if it was ours."""
        if self.granted:
            release(db, self.identity, self.folder)


def _free(db: Database, identity: str, folder: str) -> tuple[bool, bool]:
    """Whether nobody who lives holds a row, and whether somebody who died did."""
    found = db.sql.execute(f"SELECT owner, abandoned FROM items WHERE {_ONE}", (identity, folder)).fetchone()
    if found is None:
        return True, False
    owner, abandoned = found
    if owner is None:
        return True, bool(abandoned)
    return (False, False) if owner == db.number or db.lives(owner) else (True, True)


def save(db: Database, identity: str, folder: str, columns: Mapping[str, Any]) -> None:
    """Change a row, or begin one, unless somebody else who lives holds it."""
    _refuse_if_held(db, identity, folder)
    _write(db, identity, folder, columns)


def _refuse_if_held(db: Database, identity: str, folder: str) -> None:
    found = db.sql.execute(f"SELECT owner FROM items WHERE {_ONE}", (identity, folder)).fetchone()
    if found and found[0] not in (None, db.number) and db.lives(found[0]):
        raise DownloadError(f"another process is at {identity}", package=identity, stage="publish")


def _write(db: Database, identity: str, folder: str, columns: Mapping[str, Any]) -> None:
    """Write columns, and seal what the row is then."""
    values = dict(columns)
    if "name" in values:
        values["folded"] = fold(values["name"]) if values["name"] is not None else None
    db.sql.execute("INSERT OR IGNORE INTO items (identity, folder) VALUES (?, ?)", (identity, folder))
    assignments = ", ".join(f"{column} = ?" for column in values)
    try:
        db.sql.execute(f"UPDATE items SET {assignments} WHERE {_ONE}", (*values.values(), identity, folder))
    except sqlite3.IntegrityError:
        raise NameTaken(f"the name {values.get('name')} belongs to another package", package=identity) from None
    found = db.sql.execute(f"SELECT {_SELECTED} FROM items WHERE {_ONE}", (identity, folder)).fetchone()
    db.sql.execute(f"UPDATE items SET seal = ? WHERE {_ONE}", (seal(found[:-1]), identity, folder))


def release(db: Database, identity: str, folder: str) -> None:
    """Give a row back that is ours."""
    statement = f"UPDATE items SET owner = NULL WHERE {_ONE} AND owner = ?"
    db.sql.execute(statement, (identity, folder, db.number))


def forget(db: Database, identity: str, folder: str) -> bool:
    """Remove a row, unless somebody else who lives holds it."""
    _refuse_if_held(db, identity, folder)
    return db.sql.execute(f"DELETE FROM items WHERE {_ONE}", (identity, folder)).rowcount > 0
