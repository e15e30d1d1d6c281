"""Free space of disks: what is reserved counts, and small bodies share a recent figure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from pixxel_async._aio.threads import Threads
from pixxel_async.downloads.disk.disk import Disk
from pixxel_async.downloads.disk.syscalls import Syscalls
from pixxel_async.downloads.limits.free_space import RECENT, SMALL, DiskSpace
from pixxel_async.errors import DiskFull
from tests.support.clients import Waits


@pytest.fixture
def threads() -> Iterator[Threads]:
    threads = Threads(1)
    yield threads
    threads.close()


async def test_small_bodies_share_a_recent_figure(threads: Threads, tmp_path: Path) -> None:
    """For small bodies it is read once a second, less what these took since; for others each time."""
    read: list[Path] = []

    def free(folder: Path) -> int:
        read.append(folder)
        return 4 * SMALL

    waits = Waits()
    space = DiskSpace(Disk(evolve(Syscalls(), free=free)), threads, waits.clock)

    async def reserve(size: int) -> int:
        with space.reservation(tmp_path) as reservation:
            return await space.reserve(reservation, size, reserve=0)

    assert [await reserve(SMALL) for _ in range(4)] == [4 * SMALL, 3 * SMALL, 2 * SMALL, SMALL]
    with pytest.raises(DiskFull):
        await reserve(SMALL)
    assert len(read) == 1
    waits.now += RECENT
    assert await reserve(1) == 4 * SMALL and len(read) == 2
    assert await reserve(SMALL + 1) == await reserve(0) == 4 * SMALL and len(read) == 4


async def test_reservations_count(threads: Threads, tmp_path: Path) -> None:
    """Bytes that other bodies still need, and the reserve, are not free."""
    space = DiskSpace(Disk(evolve(Syscalls(), free=lambda folder: 100)), threads, Waits().clock)
    with space.reservation(tmp_path) as first, space.reservation(tmp_path) as second:
        assert await space.reserve(first, 60, reserve=10) == 90
        with pytest.raises(DiskFull, match="has 30 bytes to spare"):
            await space.reserve(second, 31, reserve=10)


def test_a_folder_that_is_not_there_yet_is_on_the_disk_above(tmp_path: Path) -> None:
    """The free space of a folder that the first write will create is that of the folder above it."""
    disk = Disk(evolve(Syscalls(), free=lambda folder: 7 if folder == tmp_path else Syscalls().free(folder)))

    assert disk.free(tmp_path / "w" / "j") == 7
