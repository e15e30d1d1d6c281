"""Packages over real sockets: requested, waited for, linked, renewed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from pixxel_async import PixxelClient
from pixxel_async.errors import BadRequest, NotFound, PackageFailed, PackageTimedOut
from pixxel_async.models import Job
from pixxel_async.packages import Link, TaskPackage, as_package
from pixxel_async.sandbox import Clock, Fault, Sandbox
from pixxel_async.settings import PollSettings, Settings, Timing

HASTY = Settings(poll=PollSettings(initial_interval=0.05))


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(packing=0.2, clock=Clock()) as started:
        yield started


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[PixxelClient]:
    clock = sandbox.clock.now
    async with PixxelClient(
        sandbox.api_key, base_url=sandbox.url, settings=HASTY, timing=Timing(clock=clock)
    ) as opened:
        yield opened


@pytest.fixture
async def job(client: PixxelClient) -> Job:
    flow = (await client.workflows.list())[0]
    return (await client.jobs.list(flow.id, status="completed"))[0]


async def status_of(client: PixxelClient, link: Link) -> int:
    async with client.storage.get(link.url, headers={"Range": "bytes=0-0"}) as reply:
        return reply.status


async def test_ask_wait_link(client: PixxelClient, job: Job, sandbox: Sandbox) -> None:
    """ask() starts packing, wait() returns the state with the link, and the link opens the package."""
    assert not (await client.packages.ask(job)).ready
    state = await client.packages.wait(job)
    assert state.ready and state.link is not None
    assert 500 < state.link.good_for(sandbox.clock.now()) <= 600
    link = await client.packages.link(job)
    assert link is state.link
    assert await status_of(client, link) == 206
    sandbox.assert_key_only_at_api()


@pytest.mark.slow
async def test_tasks_are_packages_too(client: PixxelClient, job: Job) -> None:
    """The task of a fetched job names its package."""
    whole = await client.jobs.get(job.workflow_id, job.id)
    package = as_package(whole.tasks[0])
    assert isinstance(package, TaskPackage)
    state = await client.packages.wait(str(package))
    assert state.link is not None and await status_of(client, state.link) == 206


@pytest.mark.slow
async def test_many_that_wait_share_the_requests(client: PixxelClient, job: Job, sandbox: Sandbox) -> None:
    """Two hundred callers for one package cost a few requests."""
    await asyncio.gather(*(client.packages.wait(job) for _ in range(200)))
    await asyncio.gather(*(client.packages.link(job) for _ in range(200)))
    assert sandbox.count("jobs.request_download") <= 6


@pytest.mark.slow
async def test_an_expired_link_is_renewed(client: PixxelClient, job: Job, sandbox: Sandbox) -> None:
    """An expired link is refused by the storage and replaced by the client."""
    old = (await client.packages.wait(job)).link
    assert old is not None
    await sandbox.advance(minutes=11)
    assert await status_of(client, old) == 403
    new = await client.packages.link(job)
    assert new.url != old.url
    assert await status_of(client, new) == 206


async def test_the_servers_date_decides_about_expiry(sandbox: Sandbox, job: Job) -> None:
    """With a server clock two hours ahead a link still has its ten minutes."""
    await sandbox.advance(hours=2)
    async with PixxelClient(sandbox.api_key, base_url=sandbox.url, settings=HASTY) as other:
        state = await other.packages.wait(job)
        assert state.link is not None
        assert 590 < state.link.good_for(other.timing.clock()) <= 601


@pytest.mark.slow
async def test_a_package_that_cannot_be_packed(client: PixxelClient, job: Job, sandbox: Sandbox) -> None:
    """A package that fails to pack raises PackageFailed in wait() and link()."""
    sandbox.packing.failing.add(str(job.id))
    with pytest.raises(PackageFailed, match="packing failed: status 'failed'"):
        await client.packages.wait(job)
    with pytest.raises(PackageFailed):
        await client.packages.link(job)


async def test_no_link_before_it_is_ready(client: PixxelClient, job: Job) -> None:
    """link() raises PackageTimedOut if the package is not ready; it does not wait."""
    with pytest.raises(PackageTimedOut, match="no link yet: status 'pending'"):
        await client.packages.link(job)


@pytest.mark.slow
async def test_the_deadline_names_the_status(client: PixxelClient, job: Job, sandbox: Sandbox) -> None:
    """An unknown status, even with a link beside it, is waited for until the deadline."""
    odd = json.dumps({"id": "j", "status": "marinating", "signed_url": "https://storage.example/x"})
    sandbox.inject(Fault(route="jobs.request_download", kind="status", status=200, times=None, body=odd))
    with pytest.raises(PackageTimedOut, match="status 'marinating', asked") as caught:
        await client.packages.wait(job, timeout=0.5)
    assert "storage.example" not in str(caught.value)
    assert client.drift()


@pytest.mark.slow
async def test_a_server_that_restarts_packing_on_each_request(job: Job) -> None:
    """Growing intervals let packing complete even if every request restarts it."""
    async with (
        Sandbox(packing=0.4, restarts=True) as sandbox,
        PixxelClient(sandbox.api_key, base_url=sandbox.url, settings=HASTY) as client,
    ):
        assert (await client.packages.wait(job, timeout=20)).ready
        assert sandbox.count("jobs.request_download") < 20


async def test_refusals_are_raised(client: PixxelClient, job: Job) -> None:
    """A missing job and an unfinished one raise the API's errors."""
    with pytest.raises(NotFound):
        await client.packages.ask(f"job:{job.workflow_id}/no%2Fsuch")
    flow = (await client.workflows.list())[0]
    running = await client.jobs.create(flow.id, project_id=flow.project_id)
    with pytest.raises(BadRequest):
        await client.packages.ask(running)


@pytest.mark.slow
async def test_keys_share_no_link(client: PixxelClient, job: Job, sandbox: Sandbox) -> None:
    """Clients with different keys share no links."""
    await client.packages.wait(job)
    before = sandbox.count("jobs.request_download")
    other = client.with_key(sandbox.api_key)
    await other.packages.link(job)
    await other.packages.link(job)
    assert sandbox.count("jobs.request_download") == before + 1
