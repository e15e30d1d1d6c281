-- A record as the second format wrote it: one package done, one broken off after 4 of 9 bytes, one failed.
PRAGMA application_id = 1346984003;
PRAGMA user_version = 2;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE owners (
    number INTEGER PRIMARY KEY AUTOINCREMENT, host TEXT NOT NULL, boot TEXT NOT NULL, pid INTEGER NOT NULL,
    started TEXT NOT NULL, nonce TEXT NOT NULL, beat_at REAL NOT NULL
);
CREATE TABLE items (
    identity TEXT NOT NULL, folder TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'waiting',
    name TEXT, part TEXT, size INTEGER, mtime_ns INTEGER, sha256 TEXT, proof TEXT, container TEXT,
    etag TEXT, last_modified TEXT, total INTEGER, server_name TEXT, download_id TEXT,
    error TEXT, error_kind TEXT, retryable INTEGER NOT NULL DEFAULT 0, runs INTEGER NOT NULL DEFAULT 0,
    synced INTEGER NOT NULL DEFAULT 0, boot TEXT NOT NULL DEFAULT '', updated_at REAL NOT NULL DEFAULT 0,
    finished_at REAL, fields TEXT NOT NULL DEFAULT '{}',
    seal INTEGER, folded TEXT, owner INTEGER, abandoned INTEGER NOT NULL DEFAULT 0, regions TEXT, extracted TEXT,
    PRIMARY KEY (identity, folder)
) WITHOUT ROWID;
CREATE UNIQUE INDEX items_by_name ON items (folder, folded) WHERE folded IS NOT NULL;
CREATE INDEX items_by_state ON items (state, folder);
CREATE INDEX items_by_owner ON items (owner) WHERE owner IS NOT NULL;
INSERT INTO meta VALUES ('organization', 'org-1'), ('origin', 'https://api.example');
INSERT INTO items VALUES
    ('job:w/done', '.', 'done', 'w/done.zip', 'w/.0123456789abcdef.part', 5, 1790000000123456789,
     '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824', 'crc', 'zip', '"e"', NULL, 5, 'Café.zip',
     NULL, NULL, NULL, 0, 0, 0, '', 1790000000.5, 1789999999.25, '{"finished_at": "2026-09-21T00:00:00Z"}',
     2559831202, 'w/done.zip', NULL, 0, NULL, NULL),
    ('job:w/part', '.', 'streaming', 'w/part.zip', 'w/.fedcba9876543210.part', NULL, NULL, NULL, NULL, NULL, '"f"',
     NULL, 9, NULL, NULL, NULL, NULL, 0, 0, 4, 'boot-1', 1790000000.5, NULL, '{}', 3718953908, 'w/part.zip', NULL, 0,
     NULL, NULL),
    ('task:w/j/failed', '.', 'failed', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
     'HTTP 500', 'ServerError', 1, 1, 0, '', 1790000000.5, NULL, '{}', 2827685931, NULL, NULL, 0, NULL, NULL);
