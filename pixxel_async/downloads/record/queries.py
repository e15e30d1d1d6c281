"""What can be asked of the rows; each function is one job of the writer thread, inside its transaction.

Rule: a job writes with one statement, its last, so that a job that raises has changed nothing.
"""

# ruff: noqa: S608 - the texts put into statements are names of our own columns; every value is bound

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import define, frozen

from ...errors import DownloadError, NameTaken
from ..rules.file_names import fold
from .database import Database
from .rows import COLUMNS, HEAD, Claim, Row, RowState, blank, from_columns, head_seal, seal, to_columns
from .rules.merging import better

__all__ = [
    "Claiming", "Digests", "RowPage", "counts", "digests", "forget", "get", "known", "page", "release", "save", "take",
    "taken",
]  # fmt: skip

_SELECTED = ", ".join((*COLUMNS, "seal"))
_ONE = "identity = ? AND folder = ?"
_AMONG = "identity IN (SELECT value FROM json_each(?)) AND folder = ?"
_HEADS = f"SELECT {', '.join((*HEAD, 'head_seal'))} FROM items WHERE {_AMONG} AND head_seal IS NOT NULL"
_WRITTEN = (*COLUMNS, "seal", "head_seal", "folded", "owner", "abandoned")
_WRITE = (
    f"INSERT INTO items ({', '.join(_WRITTEN)}) VALUES ({', '.join('?' * len(_WRITTEN))})"
    f" ON CONFLICT (identity, folder) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _WRITTEN[2:])}"
)


@frozen
class RowPage:
    """Rows read together.

    Attributes:
        rows: those that are sound; may be empty while there are more pages.
        last: where to read on.
    """

    rows: Sequence[Row]
    last: tuple[str, str]


def _sound(db: Database, found: Iterable[Sequence[Any]], *, fields: bool = True) -> list[Row]:
    """The rows whose seal is right; a damaged one counts as missing, and its file has to prove itself."""
    rows = []
    for sealed in found:
        values = sealed[:-1]
        if sealed[-1] == seal(values):
            rows.append(from_columns(values, fields=fields))
        else:
            db.lost = True
    return rows


def get(db: Database, identity: str, folder: str) -> Row | None:
    """One sound row."""
    rows = _sound(db, db.sql.execute(f"SELECT {_SELECTED} FROM items WHERE {_ONE}", (identity, folder)))
    return rows[0] if rows else None


def known(db: Database, identities: Sequence[str], folder: str, *, heads: bool) -> dict[str, Row]:
    """The sound rows among many, without their `fields`.

    Args:
        heads: whether of what is done, which may be very many, the head is enough.
    """
    rows: dict[str, Row] = {}
    if heads:
        for *values, sealed in db.sql.execute(_HEADS, (json.dumps(identities), folder)):
            if sealed == seal(values):
                rows[values[0]] = Row(*values)
    if len(rows) < len(identities):
        rest = json.dumps([identity for identity in identities if identity not in rows])
        found = db.sql.execute(f"SELECT {_SELECTED} FROM items WHERE {_AMONG}", (rest, folder))
        rows.update((row.identity, row) for row in _sound(db, found, fields=False))
    return rows


def page(
    db: Database, folder: str | None, state: RowState | None, after: tuple[str, str], limit: int
) -> RowPage | None:
    """The rows that follow `after` in the order of identity and folder; None when there are none."""
    statement = (
        f"SELECT {_SELECTED} FROM items WHERE (identity, folder) > (?, ?)"
        " AND folder = coalesce(?, folder) AND state = coalesce(?, state) ORDER BY identity, folder LIMIT ?"
    )
    found = db.sql.execute(statement, (*after, folder, state, limit)).fetchall()
    return RowPage(_sound(db, found), (found[-1][0], found[-1][1])) if found else None


Vouched = Mapping[tuple[str, str], tuple[str, str]]
"""Digests with names, each as itself."""


@frozen
class Digests:
    """The digests and names of files, read together; `last` as of a page."""

    files: Sequence[tuple[str, str]]
    last: str


def digests(db: Database, folder: str, vouched: Vouched, after: str, limit: int) -> Digests | None:
    """The digests and names of the done files that follow `after`, in the order of identities; None at the end.

    Args:
        vouched: what was written elsewhere, too: where both agree the seal need not be looked at, which would take most
            of the time.
    """
    statement = (
        "SELECT identity, name, sha256 FROM items WHERE identity > ? AND folder = ? AND state = 'done'"
        " ORDER BY identity LIMIT ?"
    )
    found = db.sql.execute(statement, (after, folder, limit)).fetchall()
    files = [
        vouched.get((sha256, name)) or (sha256, name)
        for identity, name, sha256 in found
        if name and sha256 and ((sha256, name) in vouched or get(db, identity, folder) is not None)
    ]
    return Digests(files, found[-1][0]) if found else None


def counts(db: Database, folder: str | None) -> dict[RowState, int]:
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
        found = _find(db, self.identity, self.folder)
        if found.owner == db.number or found.held(db):
            return None
        row = from_columns(list(found.columns.values()))
        changes: dict[str, Any] = {"name": row.name or self.name, "part": row.part or self.part}
        _write(db, found, changes, owner=db.number)
        self.granted = True
        took_over = found.abandoned or found.owner is not None
        return Claim(row._replace(**changes), took_over, row.boot in ("", db.owner.boot))

    def undo(self, db: Database) -> None:
        """Give it back, if it was ours."""
        if self.granted:
            release(db, self.identity, self.folder)


@frozen
class _Found:
    """A row as it stands, or as it would begin.

    Attributes:
        columns: in their order; those of a new row where there was none, or a damaged one.
        owner: who holds it.
        abandoned: whether somebody who died held it.
    """

    columns: dict[str, Any]
    owner: int | None = None
    abandoned: bool = False

    def held(self, db: Database) -> bool:
        """Whether somebody else who lives holds it."""
        return self.owner not in (None, db.number) and db.lives(self.owner or 0)


def _find(db: Database, identity: str, folder: str) -> _Found:
    statement = f"SELECT {_SELECTED}, owner, abandoned FROM items WHERE {_ONE}"
    found = db.sql.execute(statement, (identity, folder)).fetchone()
    if found is None:
        return _Found(blank(identity, folder))
    *values, sealed, owner, abandoned = found
    sound = sealed == seal(values)
    return _Found(dict(zip(COLUMNS, values, strict=True)) if sound else blank(identity, folder), owner, bool(abandoned))


def save(db: Database, identity: str, folder: str, columns: Mapping[str, Any], *, release: bool = False) -> None:
    """Change a row, or begin one, unless somebody else who lives holds it."""
    found = _find(db, identity, folder)
    if found.held(db):
        raise _held(identity)
    changes = dict(columns)
    if changes.get("state") in ("streaming", "publishing"):
        changes["boot"] = db.owner.boot
    _write(db, found, changes, owner=None if release else found.owner)


def _held(identity: str) -> DownloadError:
    return DownloadError(f"another process is at {identity}", package=identity, stage="publish")


def _write(db: Database, found: _Found, changes: Mapping[str, Any], *, owner: int | None) -> None:
    """Write a row anew with changes, sealed."""
    columns = {**found.columns, **changes}
    values, name = tuple(columns.values()), columns["name"]
    folded = fold(name) if name is not None else None
    try:
        sealed = (seal(values), head_seal(columns))
        db.sql.execute(_WRITE, (*values, *sealed, folded, owner, found.abandoned and owner is None))
    except sqlite3.IntegrityError:
        raise NameTaken(f"the name {name} belongs to another package", package=columns["identity"]) from None


def take(db: Database, row: Row) -> bool:
    """Write another record's row, if it is better than ours; False when ours stays."""
    found = _find(db, row.identity, row.folder)
    if found.held(db):
        raise _held(row.identity)
    mine = get(db, row.identity, row.folder)
    if not better(row, mine):
        return False
    _write(db, found, to_columns(row._asdict()), owner=None)
    return True


def release(db: Database, identity: str, folder: str) -> None:
    """Give a row back that is ours."""
    statement = f"UPDATE items SET owner = NULL WHERE {_ONE} AND owner = ?"
    db.sql.execute(statement, (identity, folder, db.number))


def forget(db: Database, identity: str, folder: str) -> bool:
    """Remove a row, unless somebody else who lives holds it."""
    if _find(db, identity, folder).held(db):
        raise _held(identity)
    return db.sql.execute(f"DELETE FROM items WHERE {_ONE}", (identity, folder)).rowcount > 0
