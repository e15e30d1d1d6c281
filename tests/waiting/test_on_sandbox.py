"""Waiting for jobs of the sandbox over real sockets, in virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from pixxel_async import PixxelClient
from pixxel_async.errors import ClientClosed, NotFound, TimedOut, WaitFailed
from pixxel_async.models import Job, Workflow
from pixxel_async.sandbox import Fault, Sandbox
from pixxel_async.settings import HTTPSettings, PollSettings, RetrySettings, Settings, Timing
from tests.support.ground_truth import until

HASTY = Settings(
    http=HTTPSettings(connect_timeout=100.0),
    poll=PollSettings(initial_interval=300.0, max_interval=600.0),
    retry=RetrySettings(initial_delay=1.0, max_attempts=2),
)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(clock="manual", job_seconds=1800) as started:
        yield started


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[PixxelClient]:
    timing = Timing(clock=sandbox.clock.now, sleep=sandbox.sleep)
    async with PixxelClient(sandbox.api_key, base_url=sandbox.url, settings=HASTY, timing=timing) as opened:
        yield opened


@pytest.fixture
async def workflow(client: PixxelClient) -> Workflow:
    return (await client.workflows.list())[0]


async def begin(client: PixxelClient, workflow: Workflow) -> Job:
    assert workflow.id and workflow.project_id
    return await client.jobs.create(workflow.id, project_id=workflow.project_id)


def said(status: str) -> Fault:
    """Return a fault that answers every `jobs.get` with this status."""
    return Fault(
        route="jobs.get", kind="status", status=200, times=None, body=json.dumps({"id": "j", "status": status})
    )


async def test_a_job_is_waited_for(client: PixxelClient, workflow: Workflow, sandbox: Sandbox) -> None:
    """wait() returns the completed job with its tasks after a few GETs and no listing."""
    job = await begin(client, workflow)
    ended = await client.jobs.wait(workflow.id, job.id)
    assert (ended.status, bool(ended.tasks)) == ("completed", True)
    assert 2 <= sandbox.count("jobs.get") <= 8
    assert sandbox.count("jobs.list") == 0


@pytest.mark.slow
async def test_hundreds_of_jobs_cost_a_listing_a_tick(
    client: PixxelClient, workflow: Workflow, sandbox: Sandbox
) -> None:
    """All jobs of a workflow are polled by one listing at a time, and each waiter gets its own job."""
    jobs = await asyncio.gather(*(begin(client, workflow) for _ in range(200)))
    ended = await asyncio.gather(*(client.jobs.wait(workflow.id, job.id) for job in jobs))
    assert [job.id for job in ended] == [job.id for job in jobs]
    assert sandbox.count("jobs.get") + sandbox.count("jobs.list") <= 20


@pytest.mark.slow
async def test_several_watch_one_job(client: PixxelClient, workflow: Workflow, sandbox: Sandbox) -> None:
    """Twenty watchers see the same changes, the end last, at the cost of one."""
    job = await begin(client, workflow)

    async def words() -> list[str]:
        return [str(seen.status) async for seen in client.jobs.watch(workflow.id, job.id)]

    seen = await asyncio.gather(*(words() for _ in range(20)))
    assert {each[0] for each in seen} == {"running"} and {each[-1] for each in seen} == {"completed"}
    assert sandbox.count("jobs.get") <= 8


async def test_a_failed_job(client: PixxelClient, sandbox: Sandbox) -> None:
    """A failed job raises WaitFailed with the job."""
    rows = [job async for flow in client.workflows.list() async for job in client.jobs.list(flow.id, status="failed")]
    with pytest.raises(WaitFailed) as caught:
        await client.jobs.wait(rows[0].workflow_id, rows[0].id)
    assert caught.value.value.status == "failed"


@pytest.mark.slow
async def test_an_unknown_word_is_waited_out(client: PixxelClient, sandbox: Sandbox) -> None:
    """An unknown status does not end a wait; the deadline does, and names the status."""
    sandbox.inject(said("marinating"))
    with pytest.raises(TimedOut, match=r"jobs j had not ended within 2400 s: status 'marinating'"):
        await client.jobs.wait("w", "j", timeout=2400)


@pytest.mark.slow
async def test_an_outage_reaches_every_waiter(client: PixxelClient, workflow: Workflow, sandbox: Sandbox) -> None:
    """An outage until the deadline raises in every waiter; a shorter one in none."""
    job = await begin(client, workflow)
    sandbox.inject(Fault(route="jobs.get", kind="reset", times=1))
    assert (await client.jobs.wait(workflow.id, job.id)).status == "completed"
    sandbox.inject(Fault(route="jobs.get", kind="reset", times=None))
    waiting = [asyncio.ensure_future(client.jobs.wait(workflow.id, job.id, timeout=3000)) for _ in range(3)]
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert ["the last error: " in str(error) for error in errors if isinstance(error, TimedOut)] == [True] * 3


@pytest.mark.slow
async def test_an_outage_longer_than_a_call_may_last(
    client: PixxelClient, workflow: Workflow, sandbox: Sandbox
) -> None:
    """A wait survives an outage longer than a call's retries."""
    job = await begin(client, workflow)
    sandbox.inject(Fault(route="jobs.get", kind="reset", times=12))
    assert (await client.jobs.wait(workflow.id, job.id)).status == "completed"
    assert sandbox.count("jobs.get") >= 13


@pytest.mark.slow
async def test_two_thousand_jobs_cost_one_request_a_tick(client: PixxelClient, workflow: Workflow) -> None:
    """2,000 running jobs of one workflow, with waiters and watchers, cost one listing per tick and no GET."""
    async with (
        Sandbox(job_seconds=3600) as sandbox,
        PixxelClient(
            sandbox.api_key,
            base_url=sandbox.url,
            settings=Settings(poll=PollSettings(initial_interval=0.5, max_interval=0.5)),
        ) as client,
    ):
        jobs = [sandbox.add_job(seconds=3600, workflow_id=workflow.id) for _ in range(2000)]
        waits = [asyncio.ensure_future(client.jobs.wait(job.workflow_id, job.id)) for job in jobs]
        watches = [client.jobs.watch(jobs[0].workflow_id, jobs[0].id) for _ in range(20)]
        seen = await asyncio.gather(*(anext(watch) for watch in watches))
        began = asyncio.get_running_loop().time()
        await until(lambda: sandbox.count("jobs.list") >= 3)
        ticks = (asyncio.get_running_loop().time() - began) / 0.5
        assert {str(each.status) for each in seen} == {"running"}
        assert sandbox.count("jobs.get") == 0 and sandbox.count("jobs.list") <= ticks + 2
        for each in waits:
            each.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        for watch in watches:
            await watch.aclose()


async def test_a_job_that_does_not_exist(client: PixxelClient, workflow: Workflow) -> None:
    """Waiting for a job that does not exist raises NotFound at once."""
    with pytest.raises(NotFound):
        await client.jobs.wait(workflow.id, "no-such-job")


async def test_aois_insights_and_visualizations_can_be_waited_for(client: PixxelClient) -> None:
    """AOIs, insights and visualizations that have ended end a wait at the first response."""
    aoi = next(row for row in await client.aois.list() if row.status == "success")
    assert (await client.aois.wait(aoi.aoi_id)).aoi_id == aoi.aoi_id
    for resource in (client.insights, client.visualizations):
        rows = [row for each in await client.aois.list() for row in await resource.list(each.aoi_id)]
        ended = [row for row in rows if row.status in ("completed", "success")]
        if ended and ended[0].aoi_id:
            assert (await resource.wait(ended[0].aoi_id, ended[0].id)).id == ended[0].id


async def test_closing_the_client_ends_waits_of_all_its_keys(sandbox: Sandbox) -> None:
    """Closing the client ends waits with an error, those of with_key() clients included, and leaves no task."""
    sandbox.inject(said("running"))
    before = asyncio.all_tasks()
    client = PixxelClient(sandbox.api_key, base_url=sandbox.url, settings=HASTY)
    waiting = [asyncio.ensure_future(each.jobs.wait("w", "j")) for each in (client, client.with_key(sandbox.api_key))]
    await asyncio.sleep(0.1)
    await client.aclose()
    assert [type(error) for error in await asyncio.gather(*waiting, return_exceptions=True)] == [ClientClosed] * 2
    left = {task for task in asyncio.all_tasks() - before if "pixxel_async/sandbox" not in str(task)}
    assert not {task for task in left if "waiting" in str(task)}
