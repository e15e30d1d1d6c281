"""Records that older versions of this package wrote are read, kept and go on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pixxel_async.downloads.record import Record

ORIGIN = "https://api.example"
WRITTEN = sorted((Path(__file__).parent / "records").glob("*.sql"))
"""Records of all formats that ever were, as the statements that make them."""


@pytest.fixture(params=WRITTEN, ids=lambda path: path.stem)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The file of a record in an older format."""
    path = tmp_path / ".pixxel" / "record.sqlite"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(request.param.read_text())
    return path


async def test_an_older_record_is_read(written: Path, tmp_path: Path) -> None:
    """M-06: every row of an older format is there, sealed and sound, with nothing in the columns that came later."""
    async with await Record.open(written, origin=ORIGIN) as record:
        rows = {row.identity: row async for row in record.rows(tmp_path)}

    assert set(rows) == {"job:w/done", "job:w/part", "task:w/j/failed"}
    done, part, failed = rows["job:w/done"], rows["job:w/part"], rows["task:w/j/failed"]
    assert (done.state, done.name, done.size, done.server_name) == ("done", "w/done.zip", 5, "Café.zip")
    assert (done.fields, done.finished_at) == ({"finished_at": "2026-09-21T00:00:00Z"}, 1789999999.25)
    assert (part.state, part.etag, part.total, part.synced) == ("streaming", '"f"', 9, 4)
    assert (failed.state, failed.retryable, failed.runs) == ("failed", True, 1)
    assert {(row.regions, row.extracted) for row in rows.values()} == {(None, None)}


async def test_an_older_record_goes_on(written: Path, tmp_path: Path) -> None:
    """It is brought forward once and for all: new columns are written, old rows stay what they are, nothing is lost."""
    async with await Record.open(written, origin=ORIGIN) as record:
        await record.bind("org-1")
        await record.save("job:w/part", tmp_path, regions="[[0, 4]]", extracted="{}")
    async with await Record.open(written, origin=ORIGIN) as record:
        part, done = await record.get("job:w/part", tmp_path), await record.get("job:w/done", tmp_path)

        assert (record.notes, record.lost) == ((), False)
        assert part is not None and (part.regions, part.extracted, part.synced) == ("[[0, 4]]", "{}", 4)
        assert done is not None and done.state == "done"


async def test_heads_of_an_older_record_are_sealed(written: Path, tmp_path: Path) -> None:
    """Format 3: what was done can be told by its head from the first opening on; what was damaged before cannot."""
    with closing(sqlite3.connect(written)) as connection, connection:
        columns = [name for _, name, *_ in connection.execute("PRAGMA table_info(items)")]
        copied = ", ".join("'job:w/damaged'" if name in ("identity", "folded") else name for name in columns)
        connection.execute(f"INSERT INTO items SELECT {copied} FROM items WHERE identity = 'job:w/done'")

    async with await Record.open(written, origin=ORIGIN) as record:
        heads = await record.known(["job:w/done", "job:w/part", "job:w/damaged"], tmp_path, heads=True)
        whole = await record.known(["job:w/done", "job:w/part"], tmp_path)

    assert set(heads) == {"job:w/done", "job:w/part"} and heads["job:w/part"] == whole["job:w/part"]
    assert heads["job:w/done"][:8] == whole["job:w/done"][:8] and heads["job:w/done"].proof is None
