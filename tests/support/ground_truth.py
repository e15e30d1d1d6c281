"""The sandbox's contents, read without the download manager."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from pixxel_async import JobPackage, PixxelClient, Settings
from pixxel_async.downloads import Outcomes
from pixxel_async.events import Outcome
from pixxel_async.sandbox import Sandbox


@frozen
class GroundTruth:
    """The sandbox's packages and the digest of each.

    Attributes:
    packages: those of all completed jobs of the first workflow.
    running, failed: a running and a failed job.
    """

    sandbox: Sandbox
    client: PixxelClient
    packages: list[JobPackage]
    running: JobPackage
    failed: JobPackage

    @classmethod
    async def survey(cls, sandbox: Sandbox, client: PixxelClient) -> GroundTruth:
        workflow = (await client.workflows.list())[0]
        found: dict[str, list[JobPackage]] = {}
        async for job in client.jobs.list(workflow.id):
            found.setdefault(str(job.status), []).append(JobPackage(workflow_id=workflow.id, job_id=job.id))
        return cls(sandbox, client, found["completed"], found["running"][0], found["failed"][0])

    async def truth(self, package: JobPackage) -> str:
        """Return the SHA-256 of a package, read by a plain request to its link with longer timeouts."""
        state = await self.client.packages.wait(package)
        assert state.link is not None
        digest = hashlib.sha256()
        patient = Settings(api_key=self.sandbox.api_key, base_url=self.sandbox.url)
        async with PixxelClient(settings=patient) as client, client.storage.get(state.link.url) as reply:
            async for chunk in reply.chunks():
                digest.update(chunk)
        return digest.hexdigest()

    def gets(self) -> list[str]:
        """Return the Range header of each storage request; empty for a whole body."""
        return [seen.headers.get("range", "") for seen in self.sandbox.requests if seen.host == "storage"]

    def begun(self) -> list[str]:
        """Return the Range headers of requests for a first byte: one for each body, however many ranges it took."""
        return [asked for asked in self.gets() if not asked or asked.startswith("bytes=0-")]


def tuned(**fields: Any) -> pytest.MarkDecorator:
    """Mark a test that needs a `client` with other fields of `Settings`, such as `constants=Constants(…)`."""
    return pytest.mark.parametrize("tuning", [fields], ids=["tuned"])


async def until(happened: Callable[[], object]) -> None:
    """Wait up to two minutes until `happened` returns true."""
    async with asyncio.timeout(120):
        while not happened():  # noqa: ASYNC110 - what is watched is a disk or another process
            await asyncio.sleep(0.01)


async def collect(outcomes: Outcomes, into: list[Outcome] | None = None) -> list[Outcome]:
    """Return all outcomes of a batch; `into` has those that came before an error."""
    found: list[Outcome] = [] if into is None else into
    async with outcomes as entered:
        async for outcome in entered:
            found.append(outcome)  # noqa: PERF401 - each counts as soon as it is there
    return found


def part_bytes(folder: Path) -> int:
    """Return the bytes in all part files of a folder."""
    return sum(size_of(path) for path in folder.rglob("*.part"))


def size_of(path: Path) -> int:
    """Return the size of a file, or 0 if it was renamed since it was listed, as a finished part file is."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def visible(folder: Path) -> list[str]:
    """Return the files in a folder that a user would open."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and ".pixxel" not in path.parts and not path.name.endswith(".part")
    )
