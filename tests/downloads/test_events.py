"""Events: byte counts add up, and a package's last event is its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pixxel_async import Downloaded, DownloadManager, Failed, JobPackage, PixxelClient, Skipped
from pixxel_async.events import Event, Moved, Rewound, Started
from pixxel_async.sandbox import Fault, Sandbox
from pixxel_async.settings import RetrySettings
from pixxel_async.settings.constants import Constants
from tests.support.ground_truth import GroundTruth, collect, tuned, until

ENDS = (Downloaded, Skipped, Failed)


def balanced(events: Sequence[Event]) -> int:
    """Assert that one package's events are consistent, and return the bytes received."""
    here = received = 0
    for event in events:
        match event:
            case Started(_, size, resumed_from):
                assert not received or resumed_from == here, "what was here before is neither more nor less"
                here = resumed_from
            case Moved(_, now, size, gained):
                assert now == here + gained and (size is None or now <= size)
                here, received = now, received + gained
            case Rewound(_, to):
                assert to < here
                here = to
            case Downloaded():
                assert event.size == here or not event.fetched
    assert [isinstance(event, ENDS) for event in events[:-1]] == [False] * (len(events) - 1)
    assert isinstance(events[-1], ENDS)
    return received


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "again"),
    [
        ({"kind": "cut", "at": 1_234_567}, 0),
        ({"kind": "cut", "at": 7}, 0),
        ({"kind": "corrupt", "at": 700_000}, 1),
    ],
)
async def test_bytes_add_up(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path, fault: dict[str, Any], again: int
) -> None:
    """Byte counts stay exact for a body that is cut between buffers or started over, rewinds included."""
    events: list[Event] = []
    sandbox.inject(Fault(route="storage", **fault))
    async with DownloadManager(client, tmp_path, on_event=events.append) as manager:
        done = await manager.fetch(package)
        received = manager.snapshot().received

    assert balanced(events) == received == done.size * (1 + again)


@pytest.mark.slow
@tuned(constants=Constants(chunk_bytes=64 * 1024, least_range=64 * 1024))
async def test_bytes_of_a_split_body_add_up(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """Ranges that arrive concurrently, one of them interrupted, are counted as one body."""
    events: list[Event] = []
    sandbox.inject(Fault(route="storage", kind="drip", rate=700_000, times=None))
    sandbox.inject(Fault(route="storage", kind="cut", at=90_000, after=2))
    async with DownloadManager(client, tmp_path, on_event=events.append) as manager:
        done = await manager.fetch(package)
        received = manager.snapshot().received

    assert balanced(events) == received == done.size
    assert sum("if-match" in seen.headers for seen in sandbox.requests) > 2
    assert sum(isinstance(event, Started) for event in events) == 1


@pytest.mark.slow
@tuned(retry=RetrySettings(max_attempts=1))
async def test_bytes_of_an_earlier_run_are_not_received(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """Bytes of an earlier run count as present, not as received."""
    sandbox.inject(Fault(route="storage", kind="cut", at=2_000_000))
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(Exception, match="without progress"):
            await manager.fetch(package)
    events: list[Event] = []
    async with DownloadManager(client, tmp_path, on_event=events.append) as manager:
        done = await manager.fetch(package)
        received = manager.snapshot().received

    assert balanced(events) == received == done.size - 2_000_000


async def test_joined_fetches_share_their_events(client: PixxelClient, package: JobPackage, tmp_path: Path) -> None:
    """Concurrent fetches of one package share one body, one outcome and one count."""
    events: list[Event] = []
    async with DownloadManager(client, tmp_path, on_event=events.append) as manager:
        done, *_ = await asyncio.gather(*(manager.fetch(package) for _ in range(3)))
        snapshot = manager.snapshot()

    assert balanced(events) == snapshot.received == done.size and snapshot.done == 1


@pytest.mark.slow
@tuned(constants=Constants(chunk_bytes=64 * 1024))
async def test_one_package_in_two_folders_counts_twice(
    client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """The same package fetched into two folders counts as two bodies."""
    async with DownloadManager(client, tmp_path) as manager:
        folders = [tmp_path / "one", tmp_path / "two"]
        done = await asyncio.gather(*(manager.fetch(package, to=folder) for folder in folders))

        assert manager.snapshot().received == sum(each.size for each in done)


@pytest.mark.fault("Q-04")
async def test_a_repeated_package_does_not_end_its_watcher(
    client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """A package listed twice is skipped the second time, and its watcher gets events until the real end."""
    events: list[Event] = []
    async with DownloadManager(client, tmp_path, on_event=events.append) as manager:
        watching = manager.watch(package)
        outcomes = await collect(manager.fetch_all([package, package]))
        states = [state async for state in watching]

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Downloaded", "Skipped"]
    assert isinstance(states[-1], Downloaded) and balanced(events)


async def test_progress_of_a_transfer(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """`progress` includes the bytes of a body in progress."""
    sandbox.inject(Fault(route="storage", kind="stall", at=2_000_000, times=None))
    async with DownloadManager(client, tmp_path) as manager:
        transfer = await manager.submit(package)
        await until(lambda: transfer.progress.received >= 1_048_576)
        assert transfer.progress.status == "streaming"
        transfer.cancel()


@pytest.mark.slow
async def test_to_come(client: PixxelClient, ground: GroundTruth, tmp_path: Path) -> None:
    """to_come counts the rest of a list, and is None for a source without a length."""

    async def source() -> AsyncIterator[JobPackage]:
        for package in ground.packages:
            yield package
            seen.append(manager.snapshot().to_come)

    seen: list[int | None] = []
    async with DownloadManager(client, tmp_path) as manager:
        batch = manager.fetch_all(ground.packages)
        assert manager.snapshot().to_come == len(ground.packages)
        await collect(batch)
        assert manager.snapshot().to_come == 0
        await collect(manager.fetch_all(source()))

        assert set(seen) == {None} and manager.snapshot().to_come == 0


async def test_a_subscription_is_closed_by_aclose(client: PixxelClient, package: JobPackage, tmp_path: Path) -> None:
    """aclose() ends a subscription, may be repeated, and the package continues."""
    async with DownloadManager(client, tmp_path) as manager:
        states = manager.watch(package)
        await states.aclose()
        await states.aclose()
        assert [state async for state in states] == []
        assert (await manager.fetch(package)).fetched
