"""Queries of rows; each function is one job of the commit thread, inside its transaction."""

# ruff: noqa: S608 - the texts put into statements are names of our own columns; every value is bound

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from ..._formats.name_encoding import to_native
from .database import Database
from .rows import COLUMNS, HEAD, Row, RowState, from_columns, from_head, trusted, trusted_head

__all__ = ["Digests", "RowPage", "Vouched", "counts", "digests", "get", "known_rows", "name_owner", "page"]

SELECTED = ", ".join((*COLUMNS, "seal"))
ONE = "identity = ? AND folder = ?"
_AMONG = "identity IN (SELECT value FROM json_each(?)) AND folder = ?"
_HEADS = (
    f"SELECT {', '.join((*HEAD, 'seal'))} FROM items WHERE {_AMONG}"
    " AND state = 'done' AND name IS NOT NULL AND download_id IS NULL AND extracted IS NULL"
)


@frozen
class RowPage:
    """One page of rows.

    Attributes:
        rows: the trusted ones; may be empty while there are more pages.
        last: identity and folder after which the next page begins.
    """

    rows: Sequence[Row]
    last: tuple[str, str]


def _trusted_rows(db: Database, stored: Iterable[Sequence[Any]], *, fields: bool = True) -> list[Row]:
    """Return the trusted rows; a damaged one counts as missing, and its file has to be proved again."""
    rows = []
    for sealed in stored:
        values = sealed[:-1]
        if trusted(values, sealed[-1]):
            rows.append(from_columns(values, fields=fields))
        else:
            db.lost = True
    return rows


def get(db: Database, identity: str, folder: str) -> Row | None:
    """Return one trusted row."""
    rows = _trusted_rows(db, db.sql.execute(f"SELECT {SELECTED} FROM items WHERE {ONE}", (identity, folder)))
    return rows[0] if rows else None


def known_rows(db: Database, identities: Sequence[str], folder: str, *, heads: bool) -> dict[str, Row]:
    """Return the trusted rows among many packages, without their `fields`.

    Args:
        heads: load only `HEAD` of finished packages; faster for large batches.
    """
    rows: dict[str, Row] = {}
    if heads:
        for *values, sealed in db.sql.execute(_HEADS, (json.dumps(identities), folder)):
            if trusted_head(values, sealed):
                rows[values[0]] = from_head(values)
    if len(rows) < len(identities):
        rest = json.dumps([identity for identity in identities if identity not in rows])
        stored = db.sql.execute(f"SELECT {SELECTED} FROM items WHERE {_AMONG}", (rest, folder))
        rows.update((row.identity, row) for row in _trusted_rows(db, stored, fields=False))
    return rows


def page(
    db: Database, folder: str | None, state: RowState | None, after: tuple[str, str], limit: int
) -> RowPage | None:
    """Return the rows that follow `after` in the order of identity and folder; None at the end."""
    statement = (
        f"SELECT {SELECTED} FROM items WHERE (identity, folder) > (?, ?)"
        " AND folder = coalesce(?, folder) AND state = coalesce(?, state) ORDER BY identity, folder LIMIT ?"
    )
    stored = db.sql.execute(statement, (*after, folder, state, limit)).fetchall()
    return RowPage(_trusted_rows(db, stored), (stored[-1][0], stored[-1][1])) if stored else None


Vouched = Mapping[tuple[str, str], tuple[str, str]]
"""Pairs of digest and name, each mapped to itself so that equal pairs are kept once in memory."""


@frozen
class Digests:
    """One page of digests and names; `last` as in `RowPage`."""

    files: Sequence[tuple[str, str]]
    last: str


def digests(db: Database, folder: str, vouched: Vouched, after: str, limit: int) -> Digests | None:
    """Return digests and names of the done files that follow `after`, in the order of identities; None at the end.

    Args:
        vouched: pairs that `SHA256SUMS` has, too: where both agree the row's checksum, most of the time, is skipped.
    """
    statement = (
        "SELECT identity, name, sha256 FROM items WHERE identity > ? AND folder = ? AND state = 'done'"
        " ORDER BY identity LIMIT ?"
    )
    stored = db.sql.execute(statement, (after, folder, limit)).fetchall()
    named = [(identity, to_native(name), sha256) for identity, name, sha256 in stored if name and sha256]
    doubtful = [identity for identity, name, sha256 in named if (sha256, name) not in vouched]
    sound = known_rows(db, doubtful, folder, heads=True)
    files = [
        vouched.get((sha256, name)) or (sha256, name)
        for identity, name, sha256 in named
        if (sha256, name) in vouched or identity in sound
    ]
    return Digests(files, stored[-1][0]) if stored else None


def counts(db: Database, folder: str | None) -> dict[RowState, int]:
    """Count the rows in each state."""
    statement = "SELECT state, count(*) FROM items WHERE folder = coalesce(?, folder) GROUP BY state"
    return dict(db.sql.execute(statement, (folder,)).fetchall())


def name_owner(db: Database, folder: str, folded: str) -> str | None:
    """Return the identity of the package that has a case-folded name; None for none."""
    statement = "SELECT identity FROM items WHERE folder = ? AND folded = ?"
    row = db.sql.execute(statement, (folder, folded)).fetchone()
    return row[0] if row else None
