"""Unknown ids leave no rows in the record, and package responses are bounded in size."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pixxel_async import DownloadManager, JobPackage, PixxelClient
from pixxel_async.errors import DecodeError, NotFound
from pixxel_async.events import Failed
from pixxel_async.sandbox import Fault, Sandbox
from tests.support.ground_truth import GroundTruth, collect

REQUEST = "jobs.request_download"


@pytest.mark.slow
async def test_ids_that_the_api_does_not_know_leave_no_rows(
    client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """Packages that the API does not know leave no rows, by fetch() and in a batch."""
    known = ground.packages[0]
    unknown = [JobPackage(workflow_id=known.workflow_id, job_id=f"no-such-{number}") for number in range(20)]
    async with DownloadManager(client, tmp_path) as manager:
        found = await asyncio.gather(*map(manager.fetch, unknown), return_exceptions=True)
        batch = await collect(manager.fetch_all(unknown))
        await manager.fetch(known)
    async with DownloadManager(client, tmp_path) as manager:
        counts = await manager.record.counts()

    assert [type(each) for each in found] == [NotFound] * 20
    assert [type(each) for each in batch] == [Failed] * 20
    assert counts == {"done": 1}


@pytest.mark.slow
async def test_a_package_with_bytes_keeps_its_row(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, tmp_path: Path
) -> None:
    """A row with a part file survives a 404, and the download resumes later."""
    package = ground.packages[0]
    sandbox.inject(Fault(route="storage", kind="stall", at=2_000_000))
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(TimeoutError):
            await manager.fetch(package, timeout=1.0)
    sandbox.inject(Fault(route=REQUEST, kind="status", status=404))
    async with DownloadManager(client, tmp_path) as manager:
        with pytest.raises(NotFound):
            await manager.fetch(package)
    async with DownloadManager(client, tmp_path) as manager:
        done = await manager.fetch(package)

    assert done.resumed_from > 0


@pytest.mark.parametrize(("size", "fits"), [(900_000, True), (1_100_000, False)])
async def test_a_package_response_is_at_most_a_megabyte(
    sandbox: Sandbox, client: PixxelClient, ground: GroundTruth, size: int, fits: bool
) -> None:
    """A response about a package above 1 MB raises DecodeError."""
    body = '{"status": "pending", "more": "' + "x" * size + '"}'
    sandbox.inject(Fault(route=REQUEST, kind="status", status=200, body=body))
    if fits:
        assert (await client.packages.ask(ground.packages[0])).status == "pending"
        return
    with pytest.raises(DecodeError, match="larger than 1000000 bytes"):
        await client.packages.ask(ground.packages[0])
