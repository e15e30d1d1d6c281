"""The record: rows, names and leases between processes, damage, and a loop that is never blocked."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pixxel_async.downloads.record import Claim, Record
from pixxel_async.downloads.record.commit_thread import CommitThread
from pixxel_async.downloads.record.lease import SILENCE, Owner, is_alive
from pixxel_async.downloads.record.rows import HEAD
from pixxel_async.downloads.record.rules.mounts import network_kind
from pixxel_async.errors import ConfigError, DownloadError, NameTaken
from tests.support.system import descriptors, posix

ORIGIN = "https://api.example"
JOB = "job:w/j"
DONE: dict[str, Any] = {
    "state": "done", "name": "w/j.zip", "part": "w/.part", "size": 5, "mtime_ns": 7, "sha256": "ab"
}  # fmt: skip

CHILD = """
import asyncio, sys
from pathlib import Path
from pixxel_async.downloads.record import Record

async def main(folder, wanted):
    record = await Record.open(folder / ".pixxel/record.sqlite", origin="https://api.example")
    for number in range(int(wanted)):
        claim = await record.claim(f"job:w/{number}", folder, name=f"w/{number}.zip", part=f"w/.{number}.part")
        if claim:
            print(number, flush=True)
            await record.save(f"job:w/{number}", folder, state="done", size=5)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await record.aclose()

asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
"""


@pytest.fixture
async def record(tmp_path: Path) -> AsyncIterator[Record]:
    async with await opened(tmp_path) as record:
        yield record


async def opened(folder: Path, **options: Any) -> Record:
    return await Record.open(folder / ".pixxel/record.sqlite", **{"origin": ORIGIN, **options})


def child(folder: Path, wanted: int = 1) -> subprocess.Popen[str]:
    """Start another process that claims packages and then waits."""
    command = [sys.executable, "-c", CHILD, str(folder), str(wanted)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def granted(process: subprocess.Popen[str]) -> list[int]:
    """Return the packages that the other process claimed, once it has tried all."""
    assert process.stdout is not None
    got: list[int] = []
    for line in iter(process.stdout.readline, "ready\n"):
        assert line, "the other process failed"
        got.append(int(line))
    return got


async def test_a_row_from_claim_to_done(record: Record, tmp_path: Path) -> None:
    """claim() begins a row, save() changes it, release() keeps it, and fields are read back as written."""
    claim = await record.claim(JOB, tmp_path, name="w/j", part="w/.p.part")
    assert claim is not None and not claim.took_over and claim.same_boot
    await record.save(JOB, tmp_path, state="streaming", etag='"e"', total=9, fields={"workflow_name": "Crop"})
    await record.save(JOB, tmp_path, state="done", name="w/j.zip", size=9, finished_at=2.5)
    await record.release(JOB, tmp_path)

    row = await record.get(JOB, tmp_path)

    assert row is not None
    assert (row.state, row.name, row.part, row.size, row.etag) == ("done", "w/j.zip", "w/.p.part", 9, '"e"')
    assert (row.folder, row.fields, row.finished_at) == (".", {"workflow_name": "Crop"}, 2.5)
    assert await record.get("job:w/other", tmp_path) is None


async def test_rows_survive_closing(tmp_path: Path) -> None:
    """Saved rows are read by the next run, without a note or loss."""
    async with await opened(tmp_path) as record:
        await record.save(JOB, tmp_path, state="failed", error="no", retryable=True, runs=2)
    async with await opened(tmp_path) as record:
        row = await record.get(JOB, tmp_path)
        assert row is not None and (row.state, row.retryable, row.runs) == ("failed", True, 2)
        assert (record.notes, record.lost) == ((), False)


async def test_a_claimed_package_cannot_be_claimed_again(record: Record, tmp_path: Path) -> None:
    """I-9: a claimed package cannot be claimed again by any record."""
    assert await record.claim(JOB, tmp_path, name=None, part=".p.part")
    async with await opened(tmp_path) as other:
        assert await record.claim(JOB, tmp_path, name=None, part=".p.part") is None
        assert await other.claim(JOB, tmp_path, name=None, part=".p.part") is None
        with pytest.raises(DownloadError, match="another process"):
            await other.save(JOB, tmp_path, state="failed")
        with pytest.raises(DownloadError, match="another process"):
            await other.forget(JOB, tmp_path)

        await record.release(JOB, tmp_path)

        assert await other.claim(JOB, tmp_path, name=None, part=".p.part")


async def test_a_claim_is_decided_in_its_commit(record: Record, tmp_path: Path) -> None:
    """`decide` sees the claim and gives its decision; one that raises leaves the package unclaimed, with no row."""

    def fail(claim: Claim) -> None:
        raise DownloadError("the disk is away")

    with pytest.raises(DownloadError, match="away"):
        await record.claim(JOB, tmp_path, name=None, part=".p.part", decide=fail)
    assert await record.get(JOB, tmp_path) is None

    claim = await record.claim(JOB, tmp_path, name="w/j", part=".p.part", decide=lambda claim: claim.row.name)

    assert claim is not None and claim.decision == "w/j"


async def test_closing_releases(tmp_path: Path) -> None:
    """Closing a record releases its leases."""
    async with await opened(tmp_path) as record:
        await record.claim(JOB, tmp_path, name=None, part=".p.part")
    async with await opened(tmp_path) as record:
        claim = await record.claim(JOB, tmp_path, name=None, part=".p.part")
        assert claim is not None and not claim.took_over


@pytest.mark.fault("Q-02")
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.slow
async def test_a_killed_process_loses_its_lease(tmp_path: Path, when: str) -> None:
    """Q-02: after kill -9 the next claim takes over the lease with the durable row, and no lock has to be removed."""
    process = child(tmp_path)
    assert granted(process) == [0]
    if when == "before":
        process.kill()
        process.communicate()
    async with await opened(tmp_path) as record:
        if when == "after":
            assert await record.claim("job:w/0", tmp_path, name=None, part=".p.part") is None
            process.kill()
            process.communicate()

        claim = await record.claim("job:w/0", tmp_path, name=None, part=".p.part")

        assert claim is not None and claim.took_over
        assert (claim.row.state, claim.row.size, claim.row.part) == ("done", 5, "w/.0.part")


@pytest.mark.fault("P-11")
@pytest.mark.slow
@posix
async def test_a_stopped_process_keeps_its_lease(tmp_path: Path) -> None:
    """P-11: a stopped process keeps its lease, since it may continue."""
    process = child(tmp_path)
    assert granted(process) == [0]
    process.send_signal(signal.SIGSTOP)
    try:
        async with await opened(tmp_path) as record:
            assert await record.claim("job:w/0", tmp_path, name=None, part=".p.part") is None
    finally:
        process.send_signal(signal.SIGCONT)
        process.communicate()
    assert process.returncode == 0


@pytest.mark.fault("Q-01")
@pytest.mark.slow
async def test_processes_that_start_together_share(tmp_path: Path) -> None:
    """Four processes that open a new record together claim each package exactly once."""
    processes = [child(tmp_path, 20) for _ in range(4)]
    got = [number for process in processes for number in granted(process)]
    for process in processes:
        process.communicate()

    assert sorted(got) == list(range(20))


async def test_a_cancelled_claim_leaves_no_lease(record: Record, tmp_path: Path) -> None:
    """I-9: a cancelled claim leaves no lease."""
    for _ in range(20):
        claiming = asyncio.ensure_future(record.claim(JOB, tmp_path, name=None, part=".p.part"))
        await asyncio.sleep(0)
        claiming.cancel()
        with pytest.raises(asyncio.CancelledError):
            await claiming

        assert await record.claim(JOB, tmp_path, name=None, part=".p.part") is not None
        await record.release(JOB, tmp_path)


@pytest.mark.fault("H-06")
async def test_names_belong_to_one_package(record: Record, tmp_path: Path) -> None:
    """H-06: a name that a file system may confuse with another package's is refused; a row keeps its name."""
    await record.claim(JOB, tmp_path, name="w/Café.zip", part=".p.part")

    assert await record.name_owner(tmp_path, "W/CAFE\u0301.zip") == JOB
    assert await record.name_owner(tmp_path / "other", "w/Café.zip") is None
    with pytest.raises(NameTaken):
        await record.claim("job:w/2", tmp_path, name="w/café.ZIP", part=".q.part")
    assert await record.get("job:w/2", tmp_path) is None
    with pytest.raises(NameTaken):
        await record.save("job:w/2", tmp_path, name="w/café.ZIP")
    await record.release(JOB, tmp_path)
    again = await record.claim(JOB, tmp_path, name="new/name", part=".p.part")
    assert again is not None and again.row.name == "w/Café.zip"


@pytest.mark.fault("M-08")
@pytest.mark.slow
async def test_many_rows(record: Record, tmp_path: Path) -> None:
    """Bulk lookups and walks are paged, and restricted to folder and state."""
    identities = [f"job:w/{number}" for number in range(2500)]
    await asyncio.gather(*(record.save(each, tmp_path, state="failed") for each in identities))
    await record.save("job:w/7", tmp_path, state="done")
    await record.save("job:w/7", tmp_path / "sub", state="done")

    assert set(await record.known_rows([*identities, "job:w/none"], tmp_path)) == set(identities)
    assert {row.identity async for row in record.rows(tmp_path)} == set(identities)
    assert [(row.identity, row.folder) async for row in record.rows(state="done")] == [
        (JOB[:6] + "7", "."),
        (JOB[:6] + "7", "sub"),
    ]
    assert await record.counts(tmp_path) == {"failed": 2499, "done": 1}
    assert await record.counts() == {"failed": 2499, "done": 2}
    assert await record.forget("job:w/7", tmp_path) and not await record.forget("job:w/7", tmp_path)


async def test_a_moved_folder_keeps_its_record(tmp_path: Path) -> None:
    """A folder moved with its record keeps its rows, since paths are relative."""
    async with await opened(tmp_path / "old") as record:
        await record.save(JOB, tmp_path / "old", state="done")
    shutil.move(tmp_path / "old", tmp_path / "new")
    async with await opened(tmp_path / "new") as record:
        assert await record.get(JOB, tmp_path / "new") is not None


@pytest.mark.fault("E-08", "M-09")
@posix
async def test_no_secret_and_no_other_reader(record: Record, tmp_path: Path) -> None:
    """I-5: links are cut out of saved values, and files are readable by the user only."""
    await record.save(JOB, tmp_path, error="GET https://bucket/x?sig=canary failed", fields={"x": "s3://canary/y"})

    row = await record.get(JOB, tmp_path)
    files = list((tmp_path / ".pixxel").iterdir())

    assert row is not None and row.error == "GET (link) failed"
    assert not any(b"canary" in path.read_bytes() for path in files)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((tmp_path / ".pixxel").stat().st_mode) == 0o700


async def test_unknown_fields_are_refused(record: Record, tmp_path: Path) -> None:
    """An unknown field or state raises ConfigError."""
    with pytest.raises(ConfigError, match="sise"):
        await record.save(JOB, tmp_path, sise=1)
    with pytest.raises(ConfigError, match="finished"):
        await record.save(JOB, tmp_path, state="finished")


@pytest.mark.fault("M-06")
async def test_a_record_is_bound(tmp_path: Path) -> None:
    """M-06: a record belongs to one API and organization, not to one key."""
    async with await opened(tmp_path) as record:
        await record.bind("org-1")
        await record.bind("org-1")
        with pytest.raises(ConfigError, match="org-2"):
            await record.bind("org-2")
    with pytest.raises(ConfigError, match="other"):
        await opened(tmp_path, origin="https://other")


@pytest.mark.fault("M-06")
async def test_a_newer_record_is_refused(tmp_path: Path) -> None:
    """A record of a newer format is refused and unchanged."""
    await (await opened(tmp_path)).aclose()
    change(tmp_path, "PRAGMA user_version = 99")

    with pytest.raises(ConfigError, match="newer"):
        await opened(tmp_path)


async def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    """A database of another program is refused and unchanged."""
    (tmp_path / ".pixxel").mkdir()
    change(tmp_path, "PRAGMA application_id = 1")
    change(tmp_path, "CREATE TABLE theirs (a)")

    with pytest.raises(ConfigError, match="another program"):
        await opened(tmp_path)


def change(folder: Path, *statements: str) -> None:
    connection = sqlite3.connect(folder / ".pixxel/record.sqlite", isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


async def test_an_empty_record_is_a_new_one(tmp_path: Path) -> None:
    """An empty file, as a crash before the first commit leaves it, is a new record."""
    path = tmp_path / ".pixxel/record.sqlite"
    path.parent.mkdir()
    path.touch()

    async with await opened(tmp_path) as record:
        assert record.is_new and not record.lost and not record.notes
    assert not path.with_name("record.sqlite.damaged-1").exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sqlite_master SET sql = replace(sql, 'mtime_ns', 'mtime_nt') WHERE name = 'items'",
        "UPDATE sqlite_master SET sql = replace(sql, 'CREATE', 'CREATF') WHERE name = 'items'",
        "UPDATE owners SET pid = 'x', beat_at = 'y'",
        "UPDATE meta SET value = CAST(x'ff6e6f' AS TEXT)",
    ],
)
async def test_a_letter_of_the_schema_or_of_a_text_is_damage(tmp_path: Path, statement: str) -> None:
    """A changed letter in schema or text counts as damage: the record is set aside and a new one begun."""
    await (await opened(tmp_path)).aclose()
    change(tmp_path, "INSERT INTO owners (host, boot, pid, started, nonce, beat_at) VALUES ('', '', 1, '', '', 1.5)")
    change(tmp_path, "PRAGMA writable_schema = ON", statement)

    async with await opened(tmp_path) as record:
        assert record.lost and "damaged" in record.notes[0]
        await record.save(JOB, tmp_path, state="done")
    assert (tmp_path / ".pixxel/record.sqlite.damaged-1").exists()


@pytest.mark.parametrize("how", ["damaged", "removed"])
async def test_damage_during_a_run_keeps_claims(tmp_path: Path, how: str) -> None:
    """A2: if the file is damaged during a run, the rows held by this process are written to a new record."""
    path = tmp_path / ".pixxel/record.sqlite"
    async with await opened(tmp_path) as record:
        await record.save("job:w/old", tmp_path, state="done", name="old.zip")
        claim = await record.claim(JOB, tmp_path, name="new.zip", part=".new.part")
        if how == "damaged":
            change(tmp_path, "PRAGMA writable_schema = ON", "DROP TABLE items")
        else:
            path.rename(path.with_name("elsewhere"))

        await record.save(JOB, tmp_path, state="publishing", size=3)
        row = await record.get(JOB, tmp_path)
        assert claim is not None and row is not None
        assert (row.state, row.name, row.part, row.size) == ("publishing", "new.zip", ".new.part", 3)
        assert record.lost and await record.get("job:w/old", tmp_path) is None
        async with await opened(tmp_path) as other:
            assert await other.claim(JOB, tmp_path, name=None, part=".x.part") is None
        await record.save(JOB, tmp_path, state="done", release=True)
    async with await opened(tmp_path) as record:
        assert record.lost and (await record.counts()) == {"done": 1}


@pytest.mark.parametrize(
    ("field", "path"),
    [("name", "../out.zip"), ("name", "/etc/x"), ("name", "a/../../x"), ("name", ".pixxel/record.sqlite"),
     ("part", "../.x.part"), ("part", "important.txt"), ("name", "a\\..\\x"), ("name", "C:x")],
)  # fmt: skip
async def test_a_row_with_an_unsafe_path_is_damaged(tmp_path: Path, field: str, path: str) -> None:
    """A3: a row with an unsafe path counts as damaged even if its checksum is right."""
    async with await opened(tmp_path) as record:
        await record.save(JOB, tmp_path, **{"state": "done", "name": "n.zip", "part": ".p.part", field: path})
        assert await record.get(JOB, tmp_path) is None
        assert await record.known_rows([JOB], tmp_path, heads=True) == {}
        assert record.lost


@pytest.mark.slow
async def test_a_locked_record_has_one_time_budget(tmp_path: Path) -> None:
    """A2: closing ends all waits for a database lock within one time budget."""
    record = await opened(tmp_path)
    other = sqlite3.connect(tmp_path / ".pixxel/record.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    saving = [asyncio.ensure_future(record.save(f"job:w/{n}", tmp_path, state="done")) for n in range(3)]
    await asyncio.sleep(0.2)
    await record.aclose()
    other.close()

    assert time.monotonic() - started < 60
    assert all(isinstance(each.exception(), DownloadError) for each in saving)


@pytest.mark.slow
async def test_a_blocked_opening_can_be_cancelled(tmp_path: Path) -> None:
    """A2: waiting for the opening lock ends when its caller is cancelled."""
    fcntl = pytest.importorskip("fcntl")
    await (await opened(tmp_path)).aclose()
    with (tmp_path / ".pixxel/record.sqlite.lock").open("rb+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await opened(tmp_path)
        deadline = time.monotonic() + 60
        while any(thread.name == "pixxel-record" for thread in threading.enumerate()):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)


@pytest.mark.skipif(os.name != "posix", reason="owners and links of POSIX")
async def test_the_state_folder_is_private(tmp_path: Path) -> None:
    """A3: a `.pixxel` folder or record that is a link is refused, and its permissions are restricted."""
    kept = tmp_path / ".pixxel"
    (tmp_path / "elsewhere").mkdir()
    kept.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="link"):
        await opened(tmp_path)
    kept.unlink()
    kept.mkdir()
    kept.chmod(0o777)
    await (await opened(tmp_path)).aclose()
    assert kept.stat().st_mode & 0o777 == 0o700
    os.link(kept / "record.sqlite", tmp_path / "second")
    with pytest.raises(ConfigError, match="second hard link"):
        await opened(tmp_path)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[: len(data) // 2],
    "cut in a page": lambda data: data[:-1000],
    "garbage": lambda data: b"garbage" * 1000,
    "zeros": lambda data: bytes(len(data)),
    "zeros behind the first page": lambda data: data[:4096] + bytes(len(data) - 4096),
    "header": lambda data: b"X" + data[1:],
}


@pytest.mark.slow
@pytest.mark.fault("M-01")
@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_record_is_set_aside(tmp_path: Path, damage: str) -> None:
    """M-01: a damaged record is kept aside, and a new one is begun with a note that is remembered."""
    async with await opened(tmp_path) as record:
        rows = (record.save(f"job:w/{number}", tmp_path, state="done", error="x" * 300) for number in range(300))
        await asyncio.gather(*rows)
    path = tmp_path / ".pixxel/record.sqlite"
    path.write_bytes(DAMAGES[damage](path.read_bytes()))

    async with await opened(tmp_path) as record:
        assert record.lost and "damaged" in record.notes[0]
        assert await record.counts() == {}
    async with await opened(tmp_path) as record:
        assert record.lost and not record.notes
    assert path.with_name("record.sqlite.damaged-1").exists()


@pytest.mark.fault("M-02")
async def test_a_flipped_bit_makes_nothing_done(tmp_path: Path) -> None:
    """M-02: a row with a flipped bit counts as missing; other rows stay."""
    async with await opened(tmp_path) as record:
        await record.save("job:w/1", tmp_path, state="done", sha256="0123456789abcdef")
        await record.save("job:w/2", tmp_path, state="done")
    path = tmp_path / ".pixxel/record.sqlite"
    path.write_bytes(path.read_bytes().replace(b"0123456789abcdef", b"0123456789abcdeg"))

    async with await opened(tmp_path) as record:
        assert await record.get("job:w/1", tmp_path) is None
        assert set(await record.known_rows(["job:w/1", "job:w/2"], tmp_path)) == {"job:w/2"}
        claim = await record.claim("job:w/1", tmp_path, name=None, part=".p.part")
        assert claim is not None and claim.row.state == "waiting"


@pytest.mark.parametrize("column", HEAD)
async def test_a_flipped_bit_in_a_head_makes_nothing_done(tmp_path: Path, column: str) -> None:
    """M-02: a row whose head has a flipped bit counts as missing."""
    async with await opened(tmp_path) as record:
        await record.save(JOB, tmp_path, **DONE)
    path = tmp_path / ".pixxel/record.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE items SET {column} = 'odd'")

    async with await opened(tmp_path) as record:
        for folder in (tmp_path, tmp_path / "odd"):
            assert await record.known_rows([JOB, "odd"], folder, heads=True) == {}


async def test_heads_are_of_done_rows_only(tmp_path: Path) -> None:
    """Heads are returned only for plain done rows; other rows are read completely."""
    async with await opened(tmp_path) as record:
        await record.save("job:w/1", tmp_path, **DONE | {"name": "w/1.zip", "etag": '"e"'})
        await record.save("job:w/2", tmp_path, **DONE | {"name": "w/2.zip", "etag": '"e"', "download_id": "d"})
        await record.save("job:w/3", tmp_path, **DONE | {"name": "w/3.zip", "etag": '"e"', "extracted": "{}"})
        await record.save("job:w/4", tmp_path, **DONE | {"name": "w/4.zip", "etag": '"e"', "state": "failed"})
        identities = [f"job:w/{number}" for number in range(6)]
        rows = await record.known_rows(identities, tmp_path, heads=True)
        assert {identity: row.etag for identity, row in rows.items()} == {
            "job:w/1": None, "job:w/2": '"e"', "job:w/3": '"e"', "job:w/4": '"e"'
        }  # fmt: skip
        assert rows["job:w/1"][:8] == ("job:w/1", ".", "done", "w/1.zip", "w/.part", 5, 7, "ab")
        await record.save("job:w/1", tmp_path, state="failed")
        assert (await record.known_rows(identities, tmp_path, heads=True))["job:w/1"].etag == '"e"'


@pytest.mark.fault("M-10")
async def test_a_record_that_cannot_be_created(tmp_path: Path) -> None:
    """A file in place of the folder, or a link in place of the record, raises before the first request."""
    (tmp_path / ".pixxel").write_bytes(b"")
    with pytest.raises(ConfigError):
        await opened(tmp_path)
    (tmp_path / "b" / ".pixxel").mkdir(parents=True)
    (tmp_path / "b" / ".pixxel" / "record.sqlite").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError):
        await opened(tmp_path / "b")
    assert not (tmp_path / "elsewhere").exists()


async def test_nothing_is_left_after_closing(tmp_path: Path) -> None:
    """Closing leaves no thread and no descriptor, may be repeated, and later calls raise ConfigError."""
    before = threading.active_count(), len(descriptors())
    record = await opened(tmp_path)
    saving = asyncio.ensure_future(record.save(JOB, tmp_path, state="done"))
    await asyncio.sleep(0)
    await record.aclose()
    await record.aclose()

    await saving
    assert (threading.active_count(), len(descriptors())) == before
    with pytest.raises(ConfigError, match="closed"):
        await record.get(JOB, tmp_path)


async def test_nothing_is_left_after_failing_to_open(tmp_path: Path) -> None:
    """A record that fails to open leaves no thread and no descriptor."""
    await (await opened(tmp_path)).aclose()
    before = threading.active_count(), len(descriptors())
    with pytest.raises(ConfigError):
        await opened(tmp_path, origin="https://other")

    assert (threading.active_count(), len(descriptors())) == before


async def test_the_loop_is_not_blocked_by_a_busy_record(record: Record, tmp_path: Path) -> None:
    """While another process locks the database the loop runs on, and the change is made afterwards."""
    other = sqlite3.connect(record.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    saving = asyncio.ensure_future(record.save(JOB, tmp_path, state="done"))
    ticks = 0
    for _ in range(20):
        await asyncio.sleep(0.005)
        ticks += 1
    assert ticks == 20 and not saving.done()
    other.execute("ROLLBACK")
    other.close()

    await saving
    assert await record.get(JOB, tmp_path) is not None


class Store:
    """A database that keeps the jobs of each commit."""

    def __init__(self) -> None:
        self.groups: list[tuple[int, bool]] = []
        self.beats = 0
        self.gate = threading.Event()

    def group(self, jobs: list[Callable[[Any], Any]], *, durable: bool) -> list[Any]:
        self.gate.wait(5)
        self.groups.append((len(jobs), durable))
        return [job(self) for job in jobs]

    def renew_heartbeat(self) -> None:
        self.beats += 1
        self.gate.set()

    def close(self) -> None:
        self.groups.append((0, False))


async def test_jobs_are_committed_in_groups() -> None:
    """Jobs queued during a commit share the next one, which is durable if any of them needs it."""
    store = Store()
    writer = CommitThread(lambda _: store, beat=60)
    await writer.start()
    first = asyncio.ensure_future(writer.do(lambda _: 1, durable=False))
    await asyncio.sleep(0.05)
    rest = [asyncio.ensure_future(writer.do(lambda _, n=n: n, durable=n == 3)) for n in range(100)]  # type: ignore[misc]
    await asyncio.sleep(0)
    store.gate.set()

    assert await first == 1 and await asyncio.gather(*rest) == list(range(100))
    await writer.close()
    assert store.groups == [(1, False), (100, True), (0, False)]


async def test_an_idle_record_renews_its_leases() -> None:
    """An idle record renews its leases."""
    store = Store()
    writer = CommitThread(lambda _: store, beat=0.01)
    await writer.start()
    assert await asyncio.to_thread(store.gate.wait, 5)
    await writer.close()

    assert store.beats


async def test_one_failing_job_does_not_hurt_the_others(record: Record, tmp_path: Path) -> None:
    """A failing job in a group changes nothing, and the other jobs are committed."""
    await record.save(JOB, tmp_path, name="taken")
    results = await asyncio.gather(
        record.save("job:w/1", tmp_path, state="done"),
        record.save("job:w/2", tmp_path, state="done", name="TAKEN"),
        record.save("job:w/3", tmp_path, state="done"),
        return_exceptions=True,
    )

    assert [type(result) for result in results] == [type(None), NameTaken, type(None)]
    assert await record.counts() == {"waiting": 1, "done": 2}


@pytest.mark.fault("Q-02")
def test_liveness_of_a_lease() -> None:
    """A lease is alive by its process if that can be checked, else by its last heartbeat."""
    me = Owner.of_this_process(lambda: 1000.0)
    me.begin()
    try:
        assert is_alive(me, me, 0)
    finally:
        me.end()
    assert not is_alive(me, me, 1000)
    parent = Owner(me.host, me.boot, os.getppid(), "", "n")
    again = Owner(me.host, me.boot, 1, "1", "n")
    before = Owner(me.host, "earlier", me.pid, me.started, "n")
    elsewhere = Owner("elsewhere", "x", 1, "1", "n")

    assert not is_alive(again, me, 1000), "the number belongs to another process now"
    assert not is_alive(before, me, 1000), "the machine was restarted"
    for owner in (elsewhere, parent):
        assert is_alive(owner, me, 1000 - SILENCE / 2)
        assert not is_alive(owner, me, 1000 - SILENCE * 2)


MOUNTS = """22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:30 / /mnt rw - tmpfs tmpfs rw
31 22 0:31 / /mnt/share rw - nfs4 server:/x rw
32 31 0:32 / /mnt/share/local rw - xfs /dev/vdb rw
33 22 0:33 / /mnt/with\\040blank rw - fuse.sshfs me@there: rw
34 22 0:34 / /mnt/own rw - fuse.mergerfs a:b rw
torn line
"""


@pytest.mark.fault("Q-03")
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/x", None),
        ("/mnt/x", None),
        ("/mnt/share", "nfs4"),
        ("/mnt/share/x", "nfs4"),
        ("/mnt/shared/x", None),
        ("/mnt/share/local/x", None),
        ("/mnt/with blank/x", "fuse.sshfs"),
        ("/mnt/own/x", None),
    ],
)
def test_network_file_systems_are_refused(path: str, kind: str | None) -> None:
    """A record on a network file system is refused, as determined by the innermost mount."""
    assert network_kind(MOUNTS, path) == kind
    assert network_kind("", path) is None
