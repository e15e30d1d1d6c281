"""Checksums of a folder, and verification of its files."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from pixxel_async import DownloadManager, PixxelClient
from pixxel_async.downloads import verify_folder, verify_sums, write_sums
from pixxel_async.downloads.disk.checksums import SUMS, read_sums, write_list
from pixxel_async.errors import ConfigError
from tests.support.checksum_lists import check_sums
from tests.support.ground_truth import GroundTruth, collect
from tests.support.system import posix


@pytest.mark.slow
async def test_sums_are_accepted_by_sha256sum(client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """`sha256sum -c` accepts the list, which leaves out missing files."""
    async with DownloadManager(client, tmp_path) as manager:
        await collect(manager.fetch_all(ground.packages))
        (tmp_path / ground.packages[0].workflow_id / f"{ground.packages[0].job_id}.zip").unlink()
        sums = await write_sums(tmp_path, manager.record)

    assert len(check_sums(sums)) == len(ground.packages) - 1


@pytest.mark.slow
async def test_sums_are_written_by_several_at_once(client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """Concurrent writes of the list do not mix."""
    async with DownloadManager(client, tmp_path) as manager:
        await collect(manager.fetch_all(ground.packages))
        await asyncio.gather(*(write_sums(tmp_path, manager.record) for _ in range(40)))

    assert len((tmp_path / "SHA256SUMS").read_text().splitlines()) == len(ground.packages)
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


@pytest.mark.slow
async def test_correct_sums_are_left_alone(client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """A correct list is not rewritten; a changed or incomplete one is."""
    async with DownloadManager(client, tmp_path) as manager:
        await collect(manager.fetch_all(ground.packages))
        sums = await write_sums(tmp_path, manager.record)
        before, text = sums.stat(), sums.read_text()
        await write_sums(tmp_path, manager.record)
        assert (sums.stat().st_ino, sums.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

        for wrong in (
            text[:-1],
            text + text,
            text.replace(text[:64], "0" * 64),
            text.splitlines()[0] + "\n",
            "no list",
        ):
            sums.write_text(wrong)
            await write_sums(tmp_path, manager.record)
            assert sums.read_text() == text


def test_sums_are_read_as_sha256sum_reads_them(tmp_path: Path) -> None:
    """Blank lines, comments, `--tag` lines, CRLF, escaped names and a BOM are read; an invalid line is named."""
    digest = "0a" * 32
    lines = [
        "# made by hand", "", f"{digest}  a.zip", f"{digest} *b c.zip", f"SHA256 (w/d (1).zip) = {digest.upper()}",
        f"\\{digest}  new\\nline\\\\.zip",
    ]  # fmt: skip
    for data in ("\n".join(lines).encode(), b"\xef\xbb\xbf" + "\r\n".join(lines).encode()):
        (tmp_path / SUMS).write_bytes(data)
        names = ["a.zip", "b c.zip", "w/d (1).zip", "new\nline\\.zip"]
        assert read_sums(tmp_path / SUMS) == [(digest, name) for name in names]

    (tmp_path / SUMS).write_text(f"{digest}  a.zip\nhello\n")
    with pytest.raises(ConfigError, match=r"line 2 .*'hello'"):
        read_sums(tmp_path / SUMS)


@posix
def test_sums_that_are_a_pipe_are_refused_at_once(tmp_path: Path) -> None:
    """B6: a FIFO in place of the list is refused without blocking."""
    os.mkfifo(tmp_path / SUMS)
    with pytest.raises(ConfigError, match="not a regular file"):
        read_sums(tmp_path / SUMS)


@posix
async def test_a_pipe_in_place_of_the_sums_does_not_block(
    client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """A FIFO in place of the list does not block writing, and is replaced."""
    os.mkfifo(tmp_path / SUMS)
    async with asyncio.timeout(100), DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(ground.packages[0])
        await write_sums(tmp_path, manager.record)
    assert read_sums(tmp_path / SUMS) == [(done.sha256, done.path.relative_to(tmp_path).as_posix())]


def test_sums_of_very_many_files(tmp_path: Path) -> None:
    """In a large folder missing entries and non-files are left out, and a link counts as its target."""
    names = [f"w/{number}.zip" for number in range(40)] + ["one/only.zip", "gone/only.zip", "top.zip"]
    for name in names[:-2]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "top.zip").symlink_to("w/7.zip")
    for name in ("w/1.zip", "w/2.zip", "w/3.zip"):
        (tmp_path / name).unlink()
    (tmp_path / "w/2.zip").mkdir()
    (tmp_path / "w/3.zip").symlink_to("4.zip")

    write_list(tmp_path, [("0" * 64, name) for name in names])

    listed = {name for _, name in read_sums(tmp_path / SUMS)}
    assert listed == {*names} - {"w/1.zip", "w/2.zip", "gone/only.zip"}


@pytest.mark.slow
@pytest.mark.parametrize("listed", [True, False])
async def test_a_damaged_row_adds_no_digest(
    client: PixxelClient, ground: GroundTruth, tmp_path: Path, listed: bool
) -> None:
    """A row whose digest is damaged in the record adds no line to the list."""
    async with DownloadManager(client, tmp_path) as manager:
        await collect(manager.fetch_all(ground.packages))
        sums = await write_sums(tmp_path, manager.record)
    lines, record = sums.read_text().splitlines(), tmp_path / ".pixxel/record.sqlite"
    digest, wrong = lines[0][:64], "0" * 64
    record.write_bytes(record.read_bytes().replace(digest.encode(), wrong.encode()))
    if not listed:
        sums.unlink()

    async with DownloadManager(client, tmp_path) as manager:
        await write_sums(tmp_path, manager.record)

    assert sums.read_text().splitlines() == lines[1:]


async def test_no_sums_of_nothing(client: PixxelClient, tmp_path: Path) -> None:
    """Without files there is no list, and an old one is removed, since `sha256sum -c` refuses an empty list."""
    (tmp_path / "SHA256SUMS").write_text("old\n")
    async with DownloadManager(client, tmp_path) as manager:
        sums = await write_sums(tmp_path, manager.record)

    assert not sums.exists()


@pytest.mark.slow
async def test_damage_is_found_by_reading(client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """A changed byte, a truncated file and a missing file are each reported; the intact file passes."""
    async with DownloadManager(client, tmp_path) as manager:
        await collect(manager.fetch_all(ground.packages))
        changed, shorter, gone, sound = (
            tmp_path / package.workflow_id / f"{package.job_id}.zip" for package in ground.packages
        )
        changed.write_bytes(b"X" + changed.read_bytes()[1:])
        shorter.write_bytes(shorter.read_bytes()[:-1])
        gone.unlink()
        found = {verified.path: verified async for verified in verify_folder(tmp_path, manager.record)}

    assert [found[path].ok for path in (changed, shorter, gone, sound)] == [False, False, False, True]
    assert "changed" in found[changed].reason and "gone" in found[gone].reason


@pytest.mark.slow
async def test_a_folder_is_verified_by_its_sums_alone(
    client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """SHA256SUMS alone, without record, account or network, shows which files are unchanged."""
    async with DownloadManager(client, tmp_path / "a") as manager:
        await collect(manager.fetch_all(ground.packages))
        sums = await write_sums(tmp_path / "a", manager.record)
    shutil.rmtree(tmp_path / "a" / ".pixxel")
    (tmp_path / "a").rename(tmp_path / "archive")
    sums = tmp_path / "archive" / sums.name
    files = sorted((tmp_path / "archive").rglob("*.zip"))
    assert {found.path for found in [each async for each in verify_sums(sums)] if found.ok} == set(files)
    files[0].write_bytes(b"X" + files[0].read_bytes()[1:])
    files[1].unlink()

    found = {each.path: each.reason async for each in verify_sums(sums)}

    assert found == {files[0]: "its bytes have changed", files[1]: "is gone", **dict.fromkeys(files[2:], "")}


@pytest.mark.parametrize("text", ["", "0123  a.zip\n", f"{'0' * 64}  a.zip\n{'0' * 30}", f"{'0' * 64}  "])
async def test_invalid_sums_are_refused(tmp_path: Path, text: str) -> None:
    """An empty, truncated or invalid list raises ConfigError."""
    (tmp_path / "SHA256SUMS").write_text(text)

    with pytest.raises(ConfigError, match="SHA256SUMS"):
        [each async for each in verify_sums(tmp_path / "SHA256SUMS")]
