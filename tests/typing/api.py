"""Code that mypy checks and nobody runs: correct uses pass, and wrong uses are errors.

Each `type: ignore` below stands for an error that must exist: an unused one fails the check.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pixxel_async
from pixxel_async import (
    Downloaded,
    DownloadManager,
    Failed,
    JobPackage,
    Link,
    PackageState,
    PixxelClient,
    Skipped,
    Transfer,
    sync,
)
from pixxel_async.models import Job, JobStatus, Order


async def resources(client: PixxelClient) -> None:
    """Methods have precise return types and checked keywords."""
    first: Sequence[Job] = await client.jobs.list("w-1", status=JobStatus.COMPLETED)
    job: Job = await client.jobs.get("w-1", "j-1")
    order: Order = await client.orders.create([], dry_run=True)
    changes: AsyncIterator[Job] = client.jobs.watch("w-1", "j-1")
    png: bytes = await client.visualizations.png(
        "a-1", "v-1", index_id="i-1", date="2024_05_06", visualization_mode="dynamic"
    )
    print(first, job, order, changes, png)
    client.archives.search(intersects=Path("field.geojson"), bbox=(75.3, 30.9, 75.4, 31.0))
    client.archives.search(intersects="POLYGON ((75 30, 76 30, 76 31, 75 30))")
    client.archives.search(intersects=pixxel_async.area([75.3, 30.9, 75.4, 31.0]))
    client.archives.search(intersects=5)  # type: ignore[arg-type]
    await client.jobs.list("w-1", state="completed")  # type: ignore[call-arg]
    await client.jobs.get("w-1")  # type: ignore[call-arg]


async def packages(client: PixxelClient) -> None:
    """A package is requested, waited for and linked to."""
    package = JobPackage(workflow_id="w-1", job_id="j-1")
    state: PackageState = await client.packages.ask(package)
    link: Link = await client.packages.link(package, min_lifetime=60)
    print(state.ready, link.url)
    JobPackage("w-1", "j-1")  # type: ignore[call-arg]


async def downloads(client: PixxelClient, folder: Path) -> None:
    """The manager fetches one package, many packages, and returns transfers."""
    async with DownloadManager(client, folder) as manager:
        done: Downloaded = await manager.fetch(JobPackage(workflow_id="w-1", job_id="j-1"))
        transfer: Transfer = await manager.submit("job:w-1/j-1")
        print(done.path, done.size, done.sha256, done.proof, transfer.progress)
        await manager.fetch("job:w-1/j-1", extract=True, on_existing="replace", timeout=60)
        await manager.fetch("job:w-1/j-1", extrat=True)  # type: ignore[call-arg]
        await manager.submit("job:w-1/j-1", verify="fully")  # type: ignore[arg-type]
        await manager.plan(["job:w-1/j-1"], deadline=60)  # type: ignore[call-arg]
        manager.fetch_all([], streams=4)  # type: ignore[call-arg]
        async with manager.fetch_all(client.jobs.list("w-1"), max_concurrent_downloads=4) as outcomes:
            async for outcome in outcomes:
                either: Downloaded | Skipped | Failed = outcome
                print(either)


def plain_code(client: sync.PixxelClient, folder: Path) -> None:
    """The synchronous client has the same names without `await`, from the generated stub."""
    job: Job = client.jobs.get("w-1", "j-1")
    for row in client.jobs.list("w-1", status=JobStatus.COMPLETED):
        job = row
    with sync.DownloadManager(client, folder) as manager:
        done: Downloaded = manager.fetch(job, extract=True)
        for outcome in manager.fetch_all(client.jobs.list("w-1")):
            either: Downloaded | Skipped | Failed = outcome
            print(either, done)
        manager.fetch(job, extrat=True)  # type: ignore[call-arg]
    client.jobs.list("w-1", state="completed")  # type: ignore[call-arg]
    client.aclose()  # type: ignore[attr-defined]


pixxel_async.NoSuchName  # type: ignore[attr-defined]  # noqa: B018
