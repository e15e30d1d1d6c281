"""A body continued over several connections, against a storage with a rate limit per connection."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from pixxel_async import Downloaded, DownloadManager, JobPackage, PixxelClient
from pixxel_async.events import Event, Renewed, Rewound, Started
from pixxel_async.sandbox import Fault, Sandbox
from pixxel_async.sandbox.http.site import SeenRequest
from pixxel_async.settings.constants import Constants
from tests.downloads.pipeline.test_crash import start
from tests.support.ground_truth import GroundTruth, part_bytes, sha256, until, visible

RATE = 700_000
"""Bytes a second that a connection is given; the whole body would take four seconds."""
PIECES = Constants(chunk_bytes=64 * 1024, least_range=64 * 1024)


@frozen
class Slow:
    """A storage with a rate limit per connection, and the truth about one package in it."""

    sandbox: Sandbox
    client: PixxelClient
    package: JobPackage
    truth: str

    async def fetch(self, folder: Path, events: list[Event] | None = None, **settings: Any) -> Downloaded:
        """Fetch the package with a new manager and assert that every byte is right."""
        received = [] if events is None else events
        async with DownloadManager(self.client, folder, on_event=received.append) as manager:
            done = await manager.fetch(self.package, **settings)
        assert sha256(done.path) == done.sha256 == self.truth
        return done

    @property
    def seen(self) -> list[SeenRequest]:
        """Return the requests for the body."""
        return [seen for seen in self.sandbox.requests if seen.host == "storage"][1:]

    @property
    def pieces(self) -> list[SeenRequest]:
        """Return the requests for single pieces."""
        return [seen for seen in self.seen if "if-match" in seen.headers]

    def fault(self, **what: Any) -> None:
        """Inject a fault into requests for pieces, which follow the request for everything."""
        self.sandbox.inject(Fault(route="storage", **{"after": 1, **what}))


@pytest.fixture
def tuning() -> dict[str, Any]:
    return {"constants": PIECES}


@pytest.fixture
async def slow(sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, package: JobPackage) -> Slow:
    truth = await ground.truth(package)
    sandbox.inject(Fault(route="storage", kind="drip", rate=RATE, times=None))
    return Slow(sandbox, client, package, truth)


def filled(folder: Path) -> str | None:
    """Return the regions that the record holds for the only part file."""
    with closing(sqlite3.connect(folder / ".pixxel" / "record.sqlite")) as database:
        [(regions,)] = database.execute("SELECT regions FROM items").fetchall()
    return str(regions) if regions else None


@pytest.mark.slow
async def test_a_capped_connection_is_joined_by_others(slow: Slow, tmp_path: Path) -> None:
    """A body on a capped connection continues over several, each byte once and of one object."""
    done = await slow.fetch(tmp_path)

    first, *others = slow.seen
    assert "range" not in first.headers and len(others) == len(slow.pieces) >= 7
    assert all(seen.status == 206 for seen in others)
    assert sum(end - start + 1 for start, end in map(asked, slow.pieces)) < done.size
    assert filled(tmp_path) is None


def asked(seen: SeenRequest) -> tuple[int, int]:
    first, last = seen.headers["range"].removeprefix("bytes=").split("-")
    return int(first), int(last)


@pytest.mark.slow
async def test_when_a_body_is_not_split(slow: Slow, tmp_path: Path) -> None:
    """A body is not split if no stream is free or the bandwidth is limited here."""
    ways: list[dict[str, Any]] = [
        {"max_concurrent_downloads": 1},
        {"max_bandwidth": 1e9},
    ]
    await asyncio.gather(*(slow.fetch(tmp_path / str(number), **way) for number, way in enumerate(ways)))

    assert not slow.pieces


@pytest.mark.fault("G-18")
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["no-range", "wrong-range", "etag"])
async def test_a_storage_without_pieces_continues_on_one_connection(slow: Slow, tmp_path: Path, kind: Any) -> None:
    """A storage that ignores or shifts Range or changes the object is continued on one connection."""
    slow.fault(kind=kind, times=1)
    events = list[Event]()
    await slow.fetch(tmp_path, events, max_connections=2)

    assert len(slow.pieces) == 1 and "if-match" not in slow.seen[-1].headers
    assert not [event for event in events if isinstance(event, Rewound) and event.to == 0]


@pytest.mark.fault("G-18")
@pytest.mark.slow
async def test_a_cut_piece_resumes(slow: Slow, tmp_path: Path) -> None:
    """A cut piece ends the other pieces, keeps all bytes on disk, and continues with fewer connections."""
    slow.fault(kind="cut", at=100_000, times=2)
    await slow.fetch(tmp_path)

    assert {seen.status for seen in slow.seen} <= {200, 206}
    assert len(slow.pieces) > 7 and not [seen for seen in slow.seen[1:] if "if-match" not in seen.headers]


@pytest.mark.fault("E-05")
@pytest.mark.slow
async def test_a_link_that_ends_between_pieces_is_renewed(slow: Slow, tmp_path: Path) -> None:
    """A link that expires between pieces is renewed, and the missing pieces continue."""
    slow.fault(kind="expired", after=4)
    events = list[Event]()
    await slow.fetch(tmp_path, events)

    assert sum(isinstance(event, Renewed) for event in events) == 1
    assert [seen.status for seen in slow.seen].count(403) == 1 and len(slow.pieces) > 7


@pytest.mark.fault("G-14")
@pytest.mark.slow
async def test_damage_in_a_piece_is_found(slow: Slow, tmp_path: Path) -> None:
    """Damage in a piece is found by digest and proof of the whole file, which is fetched again from byte 0."""
    slow.fault(kind="corrupt", at=50_000)
    events = list[Event]()
    await slow.fetch(tmp_path, events)

    assert Rewound(str(slow.package), 0) in events


@pytest.mark.slow
@pytest.mark.parametrize("latency", [0.0, 0.3])
async def test_a_killed_process_leaves_regions_that_count(slow: Slow, tmp_path: Path, latency: float) -> None:
    """After kill -9 the regions in the record, gaps included, are not fetched again, be the storage near or far."""
    slow.sandbox.inject(Fault(route="storage", kind="latency", seconds=latency, times=None))
    slow.fault(kind="stall", at=20_000, after=5, times=None)  # the process cannot finish, however slow the machine
    ground = GroundTruth(slow.sandbox, slow.client, [], slow.package, slow.package)
    process = await start(ground, tmp_path, [slow.package])
    await until(lambda: (filled(tmp_path) or "").count("[") > 2 if part_bytes(tmp_path) else False)
    process.kill()
    await process.communicate()
    regions, before = filled(tmp_path), len(slow.seen)
    slow.sandbox.plan.clear()

    done = await slow.fetch(tmp_path)

    assert regions is not None
    missing = done.size - sum(end - start for start, end in json.loads(regions))
    later = slow.seen[before:]
    assert all("if-match" in seen.headers for seen in later)
    assert sum(end - start + 1 for start, end in map(asked, later)) <= missing


@pytest.mark.slow
async def test_a_stopped_body_continues(slow: Slow, tmp_path: Path) -> None:
    """A closed manager leaves its pieces for the next one."""
    manager = DownloadManager(slow.client, tmp_path)
    async with manager:
        await manager.submit(slow.package)
        await until(lambda: slow.pieces and part_bytes(tmp_path) > asked(slow.pieces[0])[1] + 1)
        await manager.aclose(drain=0)
        assert not visible(tmp_path)
    held, before = part_bytes(tmp_path), len(slow.seen)
    assert held and filled(tmp_path)

    await slow.fetch(tmp_path)

    assert all("if-match" in seen.headers for seen in slow.seen[before:])


@pytest.mark.slow
async def test_a_far_storage_is_asked_for_several_ranges_at_once(slow: Slow, tmp_path: Path) -> None:
    """More connections than bodies may stream are opened at the first head of a far storage, and share the bytes."""
    slow.sandbox.inject(Fault(route="storage", kind="latency", seconds=0.3, times=None))
    done = await slow.fetch(tmp_path)

    ranges = sorted(map(asked, slow.pieces))
    assert len(ranges) > 8 and all(seen.status == 206 for seen in slow.pieces)
    assert all(last < first for (_, last), (first, _) in pairwise(ranges)) and ranges[-1][1] == done.size - 1
    assert ranges[0][0] <= 2 * PIECES.least_range, "the first connection was not waited for"


@pytest.mark.slow
async def test_no_more_connections_than_are_allowed(slow: Slow, tmp_path: Path) -> None:
    """`max_connections` bounds the connections to one host."""
    slow.sandbox.inject(Fault(route="storage", kind="latency", seconds=0.3, times=None))
    await slow.fetch(tmp_path, max_connections=1)
    assert not slow.pieces


@pytest.mark.slow
@pytest.mark.fault("F-04")
async def test_a_refused_piece_ends_one_connection(slow: Slow, tmp_path: Path) -> None:
    """The other connections of a body continue after a 503; nothing is dropped, and no piece is fetched twice."""
    slow.sandbox.inject(Fault(route="storage", kind="latency", seconds=0.2, times=None))
    slow.fault(kind="status", status=503, after=3, times=2)
    events = list[Event]()
    await slow.fetch(tmp_path, events)

    served = sorted(asked(seen) for seen in slow.pieces if seen.status == 206)
    assert [seen.status for seen in slow.seen].count(503) == 2
    assert all(last < first for (_, last), (first, _) in pairwise(served))
    assert not [event for event in events if isinstance(event, Rewound)]
    assert sum(isinstance(event, Started) for event in events) == 1


@pytest.mark.slow
@pytest.mark.parametrize("tuning", [{"constants": Constants(chunk_bytes=64 * 1024, least_range=256 * 1024)}])
async def test_connections_end_within_a_piece_after_a_refusal(slow: Slow, tmp_path: Path) -> None:
    """When the storage refuses one, half of the connections end at their next write, and others fetch the rest."""
    slow.sandbox.inject(Fault(route="storage", kind="latency", seconds=0.2, times=None))
    slow.fault(kind="status", status=503, after=6, times=1)
    await slow.fetch(tmp_path, max_concurrent_downloads=1)

    ranges = [asked(seen) for seen in slow.pieces if seen.status == 206]
    begun_within = [first for first, _ in ranges if any(start < first <= end for start, end in ranges)]
    assert begun_within
    assert {seen.status for seen in slow.seen} == {200, 206, 503}
