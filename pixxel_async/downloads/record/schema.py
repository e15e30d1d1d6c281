"""The record's tables, as the steps that made them; a step that was ever released is never changed."""

from __future__ import annotations

__all__ = ["APPLICATION", "MIGRATIONS"]

APPLICATION = 0x50495843
"""Tells our files from other SQLite databases."""

_ITEMS = """
CREATE TABLE items (
    identity TEXT NOT NULL, folder TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'waiting',
    name TEXT, part TEXT, size INTEGER, mtime_ns INTEGER, sha256 TEXT, proof TEXT, container TEXT,
    etag TEXT, last_modified TEXT, total INTEGER, server_name TEXT, download_id TEXT,
    error TEXT, error_kind TEXT, retryable INTEGER NOT NULL DEFAULT 0, runs INTEGER NOT NULL DEFAULT 0,
    synced INTEGER NOT NULL DEFAULT 0, boot TEXT NOT NULL DEFAULT '', updated_at REAL NOT NULL DEFAULT 0,
    finished_at REAL, fields TEXT NOT NULL DEFAULT '{}',
    seal INTEGER, folded TEXT, owner INTEGER, abandoned INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (identity, folder)
) WITHOUT ROWID
"""

_OWNERS = """
CREATE TABLE owners (
    number INTEGER PRIMARY KEY AUTOINCREMENT, host TEXT NOT NULL, boot TEXT NOT NULL, pid INTEGER NOT NULL,
    started TEXT NOT NULL, nonce TEXT NOT NULL, beat_at REAL NOT NULL
)
"""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        _OWNERS,
        _ITEMS,
        "CREATE UNIQUE INDEX items_by_name ON items (folder, folded) WHERE folded IS NOT NULL",
        "CREATE INDEX items_by_state ON items (state, folder)",
        "CREATE INDEX items_by_owner ON items (owner) WHERE owner IS NOT NULL",
    ),
    (
        "ALTER TABLE items ADD COLUMN regions TEXT",
        "ALTER TABLE items ADD COLUMN extracted TEXT",
    ),
    (
        "ALTER TABLE items ADD COLUMN head_seal INTEGER",
        """
        UPDATE items SET head_seal = sealed(identity, folder, state, name, part, size, mtime_ns, sha256)
        WHERE state = 'done' AND name IS NOT NULL AND download_id IS NULL AND extracted IS NULL AND seal = sealed(
            identity, folder, state, name, part, size, mtime_ns, sha256, proof, container, etag, last_modified, total,
            server_name, download_id, error, error_kind, retryable, runs, synced, boot, updated_at, finished_at, fields,
            regions, extracted
        )
        """,
    ),
)
"""One tuple of statements for each format, in order; the number of formats is the version of the newest.

They may use `sealed(…)`, the seal of some values.
"""
