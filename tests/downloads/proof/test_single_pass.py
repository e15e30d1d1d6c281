"""An archive is proved while it is written, and not read again."""

from __future__ import annotations

import zipfile
from pathlib import Path
from threading import Event

import pytest

from pixxel_async import DownloadManager, JobPackage, PixxelClient
from pixxel_async._aio.threads import Threads
from pixxel_async._formats.zip_stream import StreamSummary
from pixxel_async.downloads.disk.disk import Disk
from pixxel_async.downloads.disk.parts.part_writer import PartWriter
from pixxel_async.downloads.prove import Proof, prove
from pixxel_async.errors import Corrupt
from pixxel_async.settings.constants import Constants
from tests.support.archives import flipped, make_zip
from tests.support.ground_truth import GroundTruth, sha256, tuned

DATA = make_zip((("a.bin", bytes(range(256)) * 2000), ("b.bin", b"b" * 400_000)), method=zipfile.ZIP_STORED)


async def written(folder: Path, kept: int = 0) -> tuple[Path, StreamSummary | None]:
    """Write a part file, `kept` bytes of it earlier; return its path and what the streaming check saw."""
    threads = Threads(1)
    with Disk().open_part(folder, ".x.part") as part:
        part.write([DATA[:kept]])
        writer = PartWriter(part, threads, buffer=65536, digest="sha256", kept=kept, unpack=True)
        await writer.begin()
        for start in range(kept, len(DATA), 10_000):
            if writer.add(DATA[start : start + 10_000]):
                await writer.hand_over()
        seen = await writer.complete(lambda *_: writer.taps.seen, Event(), settle=False)
    threads.close()
    return part.path, seen


@pytest.mark.parametrize("kept", [0, 1, 300_000, len(DATA)])
async def test_seen_bytes_are_not_read_again(tmp_path: Path, kept: int) -> None:
    """Bytes seen while written are not read again, resumed part files included."""
    path, seen = await written(tmp_path, kept)
    path.write_bytes(flipped(DATA, 1000))

    assert prove(path, streamed=seen) == Proof("zip", "crc", len(DATA), 2)
    with pytest.raises(Corrupt):
        prove(path)


async def test_a_different_directory_is_not_trusted(tmp_path: Path) -> None:
    """If the directory disagrees with what was seen, all members are read."""
    path, seen = await written(tmp_path)
    other = make_zip((("a.bin", b"other"),))
    path.write_bytes(other)

    assert prove(path, streamed=seen).members == 1
    path.write_bytes(flipped(other, 40))
    with pytest.raises(Corrupt):
        prove(path, streamed=seen)


@tuned(constants=Constants(chunk_bytes=64 * 1024))
async def test_a_fetched_package_is_proved(
    ground: GroundTruth, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """With the smallest buffers a fetched package is proved by CRC and equals the server's."""
    async with DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(package)

    assert done.proof == "crc"
    assert sha256(done.path) == await ground.truth(package)
