"""A stream saved to a file, with interruptions."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pixxel_async._aio.threads import Threads
from pixxel_async.errors import DownloadError, NameTaken
from pixxel_async.packages.reading.save import save


async def pieces(*data: bytes, meanwhile: Path | None = None) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece
    if meanwhile is not None:
        await asyncio.to_thread(meanwhile.write_bytes, b"of somebody else")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def test_a_file_that_came_meanwhile_is_kept(tmp_path: Path) -> None:
    """A file that took the name meanwhile is kept, unless `replace` is set."""
    to = tmp_path / "a"
    with pytest.raises(NameTaken):
        await save(pieces(b"ours", meanwhile=to), to, replace=False, threads=Threads(1))
    assert contents(tmp_path) == {"a": b"of somebody else"}
    await save(pieces(b"ou", b"rs", meanwhile=to), to, replace=True, threads=Threads(1))
    assert contents(tmp_path) == {"a": b"ours"}


async def test_errors_of_the_system(tmp_path: Path) -> None:
    """A folder in place of the file raises DownloadError and leaves nothing."""
    to = tmp_path / "a"
    to.mkdir()
    with pytest.raises(DownloadError, match="cannot be written: EISDIR"):
        await save(pieces(b"ours"), to, replace=True, threads=Threads(1))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]  # noqa: ASYNC240


async def test_a_cancelled_save_leaves_nothing(tmp_path: Path) -> None:
    """P-04: a save cancelled at any moment, also during its clean-up, leaves no file."""
    for moment in range(40):
        busy, threads = threading.Event(), Threads(1)
        threads.start(busy.wait, 5)  # later work in that thread has not begun
        writing = asyncio.ensure_future(save(pieces(b"ours"), tmp_path / "a", replace=True, threads=threads))
        for _ in range(moment % 20):
            await asyncio.sleep(0)
        for _ in range(2):
            writing.cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        busy.set()
        await asyncio.wait([writing])
        threads.close()
        (tmp_path / "a").unlink(missing_ok=True)
        assert not contents(tmp_path)
