"""One body over real sockets, with the storage faults that can occur during it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixxel_async import DownloadManager, JobPackage, PixxelClient
from pixxel_async.errors import Corrupt, DownloadError, LinkExpired, NotAPackage, Stalled, TooLarge
from pixxel_async.events import Event, Moved, Renewed, Rewound, Started
from pixxel_async.sandbox import Fault, Sandbox
from pixxel_async.settings import RetrySettings
from pixxel_async.settings.constants import Constants
from tests.downloads.conftest import quick_settings
from tests.support.ground_truth import GroundTruth, sha256, tuned, visible

MiB = 1 << 20


async def test_a_cut_body_resumes(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path
) -> None:
    """A body that is cut resumes at the last byte on disk, and the file equals the storage's."""
    truth, events = await ground.truth(package), list[Event]()
    sandbox.inject(Fault(route="storage", kind="cut", at=2_000_000))

    async with DownloadManager(client, tmp_path, on_event=events.append) as manager:
        done = await manager.fetch(package)

    assert sha256(done.path) == done.sha256 == truth
    assert ground.gets()[1:] == ["", "bytes=2000000-"]
    assert [event.resumed_from for event in events if isinstance(event, Started)] == [0, 2_000_000]
    received = [event.received for event in events if isinstance(event, Moved)]
    assert received == sorted(received) and received[-1] == done.size


@pytest.mark.fault("G-01")
async def test_a_body_that_is_cut_repeatedly_arrives(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path
) -> None:
    """A body that is cut at the first byte, at block borders and elsewhere arrives complete."""
    truth = await ground.truth(package)
    for at in (1, 65_536, MiB, 300_000, 700_000):
        sandbox.inject(Fault(route="storage", kind="cut", at=at))

    async with DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(package)

    assert sha256(done.path) == truth


@pytest.mark.fault("G-02")
@pytest.mark.slow
@tuned(constants=Constants(stall_timeout=0.2))
async def test_a_stalled_body_resumes_on_a_new_connection(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path
) -> None:
    """A body that stalls is resumed on a new connection after the stall window."""
    truth = await ground.truth(package)
    sandbox.inject(Fault(route="storage", kind="stall", at=1_500_000))

    async with DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(package)

    assert sha256(done.path) == truth
    assert ground.gets()[-1].startswith("bytes=")


@pytest.mark.slow
@tuned(constants=Constants(stall_timeout=0.1))
async def test_a_storage_that_always_stalls_is_given_up(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """Three stall windows in a row without enough bytes raise `Stalled`."""
    sandbox.inject(Fault(route="storage", kind="stall", at=10, times=None))

    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(Stalled) as caught:
            await manager.fetch(package)

    assert caught.value.package == str(package) and caught.value.stage == "stream"
    assert visible(tmp_path) == []


@pytest.mark.fault("G-03")
@pytest.mark.slow
@tuned(constants=Constants(stall_timeout=0.2, stall_bytes=100_000))
async def test_a_drip_is_a_stall(sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path) -> None:
    """A body below the minimum rate counts as stalled."""
    sandbox.inject(Fault(route="storage", kind="drip", rate=2_000, times=None))

    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(Stalled):
            await manager.fetch(package)


@pytest.mark.fault("E-05")
async def test_a_link_that_expires_during_a_body_is_renewed(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path
) -> None:
    """A link that expires during a body is renewed, and the body resumes."""
    truth, events = await ground.truth(package), list[Event]()
    sandbox.inject(Fault(route="storage", kind="cut", at=2_000_000))
    sandbox.inject(Fault(route="storage", kind="expired", after=1))

    async with DownloadManager(client, tmp_path, on_event=events.append) as manager:
        done = await manager.fetch(package)

    assert sha256(done.path) == truth
    assert ground.gets()[1:] == ["", "bytes=2000000-", "bytes=2000000-"]
    assert any(isinstance(event, Renewed) for event in events)


@pytest.mark.fault("E-06")
async def test_a_storage_that_refuses_every_link_ends_it(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path
) -> None:
    """Link renewals are bounded; the error quotes the storage's message without a signature."""
    sandbox.inject(Fault(route="storage", kind="expired", times=None))

    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(LinkExpired, match=r"403.*expired") as caught:
            await manager.fetch(package)

    assert len(ground.gets()) == 4
    assert "Signature" not in str(caught.value) and "http" not in str(caught.value)


@pytest.mark.fault("E-10")
async def test_a_link_about_to_expire_is_renewed_before_use(tmp_path: Path) -> None:
    """A link with seconds left is renewed before it is used."""
    events = list[Event]()
    async with (
        Sandbox(packing=0.0, link_life=3.0) as sandbox,
        PixxelClient(api_key=sandbox.api_key, base_url=sandbox.url) as client,
        DownloadManager(client, tmp_path, on_event=events.append) as manager,
    ):
        await manager.fetch((await GroundTruth.survey(sandbox, client)).packages[0])

        assert [seen.status for seen in sandbox.requests if seen.host == "storage"] == [200]
    assert any(isinstance(event, Renewed) for event in events)


@pytest.mark.fault("G-09", "G-14")
async def test_a_flipped_bit_is_found_and_fetched_again(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path
) -> None:
    """A flipped bit is found by the archive's checksums, and the body is fetched again from byte 0."""
    truth, events = await ground.truth(package), list[Event]()
    sandbox.inject(Fault(route="storage", kind="corrupt", at=700_000))

    async with DownloadManager(client, tmp_path, on_event=events.append) as manager:
        done = await manager.fetch(package)

    assert sha256(done.path) == truth
    assert ground.gets()[1:] == ["", ""]
    assert Rewound(str(package), 0) in events


@pytest.mark.fault("G-09")
async def test_a_package_damaged_twice_is_refused(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """A package that is damaged twice is refused and never gets its final name."""
    sandbox.inject(Fault(route="storage", kind="corrupt", at=700_000, times=None))

    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(Corrupt):
            await manager.fetch(package)

    assert visible(tmp_path) == []


@pytest.mark.fault("F-11")
async def test_html_is_not_a_package(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """HTML with status 200 is refused after one repeat."""
    sandbox.inject(Fault(route="storage", kind="html", times=None))

    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(NotAPackage):
            await manager.fetch(package)

    assert visible(tmp_path) == []


@pytest.mark.fault("E-07", "G-16")
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["no-range", "wrong-range", "etag"])
async def test_a_storage_that_does_not_resume_restarts_the_body(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path, kind: str
) -> None:
    """A response with another range, another object or the whole restarts the body; two versions are never joined."""
    truth = await ground.truth(package)
    sandbox.inject(Fault(route="storage", kind="cut", at=1_200_000))
    sandbox.inject(Fault(route="storage", kind=kind, after=1))  # type: ignore[arg-type]

    async with DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(package)

    assert sha256(done.path) == truth


@pytest.mark.fault("F-01", "F-05")
async def test_temporary_errors_of_the_storage_pass(
    sandbox: Sandbox, client: PixxelClient, package: JobPackage, tmp_path: Path
) -> None:
    """503, a reset and a missing object are each retried."""
    sandbox.inject(Fault(route="storage", kind="status", status=503))
    sandbox.inject(Fault(route="storage", kind="reset", after=1))
    sandbox.inject(Fault(route="storage", kind="status", status=404, after=2))

    async with DownloadManager(client, tmp_path) as manager:
        assert (await manager.fetch(package)).proof == "crc"


@pytest.mark.fault("F-05")
@tuned(retry=RetrySettings(max_attempts=3, initial_delay=0.01))
async def test_a_storage_that_only_fails_is_given_up(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path
) -> None:
    """Attempts without progress are bounded, and the error is retryable."""
    sandbox.inject(Fault(route="storage", kind="status", status=500, times=None))

    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(DownloadError, match=r"attempts without progress.*500") as caught:
            await manager.fetch(package)

    assert len(ground.gets()) == 3 and caught.value.retryable


@pytest.mark.fault("F-12")
async def test_a_body_that_is_too_large_is_not_begun(
    client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path
) -> None:
    """A body announced as too large is refused before a byte is written."""
    events = list[Event]()
    async with DownloadManager(client, tmp_path, on_event=events.append) as manager:
        with pytest.raises(TooLarge):
            await manager.fetch(package, max_package_bytes=1000)

    assert len(ground.gets()) == 1 and visible(tmp_path) == []
    assert not any(isinstance(event, Started | Moved) for event in events)


async def test_a_file_is_proved_without_a_digest(
    client: PixxelClient, ground: GroundTruth, package: JobPackage, tmp_path: Path
) -> None:
    """With `checksum=None` the file is proved without a digest."""
    truth = await ground.truth(package)
    async with DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(package, checksum=None)

    assert (done.sha256, done.proof, sha256(done.path)) == (None, "crc", truth)


async def test_a_body_of_one_buffer_is_proved(tmp_path: Path) -> None:
    """A body that fits into one buffer is written and proved like any other."""
    async with (
        Sandbox(packing=0.0, package_size=200_000) as sandbox,
        PixxelClient(settings=quick_settings(sandbox)) as client,
    ):
        ground = await GroundTruth.survey(sandbox, client)
        sound, damaged = ground.packages[:2]
        truth = await ground.truth(sound)
        async with DownloadManager(client, tmp_path) as manager:
            done = await manager.fetch(sound)
            sandbox.inject(Fault(route="storage", kind="corrupt", at=100_000, times=None))
            with pytest.raises(Corrupt):
                await manager.fetch(damaged)

    assert done.size < 1 << 20 and done.proof == "crc" and done.members
    assert sha256(done.path) == done.sha256 == truth
    assert visible(tmp_path) == [done.path.relative_to(tmp_path).as_posix()]
