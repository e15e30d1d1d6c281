"""Tables of the record, in one versioned schema."""

from __future__ import annotations

__all__ = ["APPLICATION", "SCHEMA", "VERSION"]

APPLICATION = 0x50495843
"""SQLite application id ("PIXC"), which distinguishes our files from other databases."""
VERSION = 6
"""Version of `SCHEMA`, as SQLite's user_version. A newer one is refused; 1 to 5 were never released."""

SCHEMA: tuple[str, ...] = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """
    CREATE TABLE owners (
        number INTEGER PRIMARY KEY AUTOINCREMENT, host TEXT NOT NULL, boot TEXT NOT NULL, pid INTEGER NOT NULL,
        started TEXT NOT NULL, nonce TEXT NOT NULL, beat_at REAL NOT NULL
    )
    """,
    """
    CREATE TABLE items (
        identity TEXT NOT NULL, folder TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'waiting',
        name TEXT, part TEXT, size INTEGER, mtime_ns INTEGER, sha256 TEXT, proof TEXT, container TEXT,
        etag TEXT, last_modified TEXT, total INTEGER, server_name TEXT, download_id TEXT,
        error TEXT, error_kind TEXT, retryable INTEGER NOT NULL DEFAULT 0, runs INTEGER NOT NULL DEFAULT 0,
        synced INTEGER NOT NULL DEFAULT 0, boot TEXT NOT NULL DEFAULT '', updated_at REAL NOT NULL DEFAULT 0,
        finished_at REAL, asked_at REAL, started_at REAL, fields TEXT NOT NULL DEFAULT '{}', regions TEXT,
        extracted TEXT, counted_at REAL,
        seal INTEGER, folded TEXT, owner INTEGER, abandoned INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (identity, folder)
    ) WITHOUT ROWID
    """,
    "CREATE UNIQUE INDEX items_by_name ON items (folder, folded) WHERE folded IS NOT NULL",
    "CREATE INDEX items_by_state ON items (state, folder)",
    "CREATE INDEX items_by_owner ON items (owner) WHERE owner IS NOT NULL",
)
"""Statements that create all tables and indexes."""
