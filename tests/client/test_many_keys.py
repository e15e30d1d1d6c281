"""Many users' keys in one process: what is shared, what is never shared, and how failures stay separate."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest
from attrs import frozen

from pixxel_async import DownloadManager, PixxelClient
from pixxel_async.errors import Forbidden, RateLimited, ServerError
from pixxel_async.sandbox import Fault, Sandbox
from pixxel_async.settings import Timing
from pixxel_async.settings.constants import Constants
from tests.support.clients import Waits, client_for
from tests.support.raw_server import RawServer, answer

USERS = 50


@frozen
class User:
    """One user: a key for one project, and a package in that project."""

    key: str
    client: PixxelClient
    project: str
    package: str


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(packing=0) as started:
        yield started


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[PixxelClient]:
    """Open the application's client, which has no key of its own."""
    async with PixxelClient(
        "", base_url=sandbox.url, timing=Timing(sleep=sandbox.sleep, clock=sandbox.clock.now)
    ) as opened:
        yield opened


@pytest.fixture
def users(sandbox: Sandbox, client: PixxelClient) -> list[User]:
    return [user(sandbox, client, number) for number in range(USERS)]


@pytest.fixture
def few(sandbox: Sandbox, client: PixxelClient) -> list[User]:
    return [user(sandbox, client, number) for number in range(5)]


def user(sandbox: Sandbox, client: PixxelClient, number: int) -> User:
    project = sandbox.add_project(f"Project {number}")
    job = sandbox.add_job(workflow_id=sandbox.add_workflow(project=project).id)
    key = sandbox.add_key(projects=[project])
    return User(key, client.with_key(key, auth="raw"), project, f"job:{job.workflow_id}/{job.id}")


async def first_byte(client: PixxelClient, package: str) -> bytes:
    async with client.packages.open(package, range="bytes=0-0") as stream:
        return await anext(stream)


@pytest.mark.slow
async def test_fifty_keys_at_once(users: list[User], sandbox: Sandbox) -> None:
    """Fifty clients see their own projects and packages over two connection pools, and storage receives no key."""
    seen = await asyncio.gather(*(one.client.projects.list() for one in users))
    assert [[project.id for project in page] for page in seen] == [[one.project] for one in users]
    assert await asyncio.gather(*(first_byte(one.client, one.package) for one in users)) == [b"P"] * USERS
    assert sandbox.count("jobs.request_download") == USERS
    pools = [thing for thing in gc.get_objects() if isinstance(thing, aiohttp.BaseConnector) and not thing.closed]
    assert len(pools) == 2
    sandbox.assert_key_only_at_api()


@pytest.mark.slow
async def test_no_key_is_sent_for_another_user(users: list[User]) -> None:
    """A package of one user is refused with another user's key, however the calls interleave."""
    await asyncio.gather(*(first_byte(one.client, one.package) for one in users))
    refused = await asyncio.gather(
        *(first_byte(one.client, other.package) for one, other in pairwise(users)),
        return_exceptions=True,
    )
    assert [type(error) for error in refused] == [Forbidden] * (USERS - 1)


async def test_the_header_of_every_request() -> None:
    """Each request carries the key of the client that it was made with."""
    async with RawServer(answer(body={"id": "j"})) as server, client_for(server.url, None) as client:
        keys = [f"key-of-user-{number}" for number in range(USERS)]
        await asyncio.gather(*(client.with_key(key, auth="raw").jobs.get(key, "j") for key in keys for _ in range(3)))
    assert len(server.requests) == 3 * USERS
    assert all(seen.target.split("/")[3] == seen.headers["authorization"] for seen in server.requests)


async def test_max_concurrent_calls_holds_for_all_keys() -> None:
    """`http.max_concurrent_calls` bounds the calls of all keys together."""
    async with (
        RawServer([0.02, answer(body={"id": "j"})]) as server,
        client_for(server.url, None, **{"http.max_concurrent_calls": 3}) as client,
    ):
        keys = [f"key-of-user-{number}" for number in range(20)]
        await asyncio.gather(*(client.with_key(key, auth="raw").jobs.get(key, "j") for key in keys))
    assert (len(server.requests), server.connections) == (20, 3)


@pytest.mark.fault("A-11")
@pytest.mark.slow
async def test_a_revoked_key_fails_alone(users: list[User], sandbox: Sandbox) -> None:
    """A revoked key fails for its user alone, who continues with a new key."""
    bad = users[7]
    sandbox.keys.revoke(bad.key)
    results = await asyncio.gather(*(first_byte(one.client, one.package) for one in users), return_exceptions=True)
    assert isinstance(results.pop(7), Forbidden) and results == [b"P"] * (USERS - 1)
    renewed = bad.client.with_key(sandbox.add_key(projects=[bad.project]))
    assert await first_byte(renewed, bad.package) == b"P"


async def test_the_throttle_is_shared() -> None:
    """A 429 for one key pauses the calls of all keys to that origin."""
    waits, slow = Waits(), answer(429, Retry_After="600")
    async with RawServer(slow, answer(body={"id": "j"})) as server, client_for(server.url, None, waits) as client:
        one, other = (client.with_key(f"key-of-user-{number}", auth="raw") for number in range(2))
        with pytest.raises(RateLimited):
            await one.jobs.get("w", "j")
        assert not waits.slept
        await other.jobs.get("w", "j")
    assert max(waits.slept) >= 59


@pytest.mark.fault("B-03")
async def test_the_quota_is_shared() -> None:
    """The retry quota is shared by all keys, so that an outage causes no storm of repeats."""
    constants = Constants(retry_quota=10.0)
    async with RawServer(answer(500)) as server, client_for(server.url, None, constants=constants) as client:
        for number in range(5):
            with pytest.raises(ServerError):
                await client.with_key(f"key-of-user-{number}", auth="raw").jobs.get("w", "j")
    assert len(server.requests) == 5 + 2


async def test_a_key_that_rotates(few: list[User], sandbox: Sandbox) -> None:
    """A key given as an async callable is read before each call, so the key can rotate under one client."""
    one, keys = few[0], [few[0].key]

    async def current() -> str:
        return keys[-1]

    rotating = one.client.with_key(current)
    await rotating.projects.list()
    keys.append(sandbox.add_key(projects=[one.project]))
    sandbox.keys.revoke(keys[0])
    async with rotating.packages.open(one.package) as stream:
        assert stream.status == 200


async def test_closing_one_client_closes_no_other(few: list[User]) -> None:
    """Closing a client made by with_key() leaves the others open; closing the application's client ends them all."""
    await few[0].client.aclose()
    assert await first_byte(few[1].client, few[1].package) == b"P"


@pytest.mark.slow
async def test_a_manager_for_many_keys(few: list[User], client: PixxelClient, sandbox: Sandbox, tmp_path: Path) -> None:
    """One manager fetches with each user's key into that user's folder, and a refused key fails alone."""
    sandbox.keys.revoke(few[3].key)
    async with DownloadManager(client, tmp_path / "all") as manager:
        done = await asyncio.gather(
            *(manager.fetch(one.package, client=one.client, to=tmp_path / one.project) for one in few),
            return_exceptions=True,
        )
    assert isinstance(done.pop(3), Forbidden)
    assert all(not isinstance(one, BaseException) and one.path.is_relative_to(tmp_path) for one in done)


async def test_a_package_is_not_fetched_with_another_key(
    few: list[User], client: PixxelClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    """The same package submitted by two users is requested with each key; a refusal of one does not fail the other."""
    good, bad = few[0], few[1]
    async with DownloadManager(client, tmp_path) as manager:
        results = await asyncio.gather(
            manager.fetch(good.package, client=bad.client),
            manager.fetch(good.package, client=good.client),
            manager.fetch(good.package, client=good.client),
            return_exceptions=True,
        )
    assert isinstance(results[0], Forbidden) and results[1] == results[2]
    assert not isinstance(results[1], BaseException)
    assert sum(seen.host == "storage" for seen in sandbox.requests) == 1


@pytest.mark.fault("Q-05")
@pytest.mark.slow
async def test_the_queues_are_fair_between_clients(
    few: list[User], client: PixxelClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    """The queue is fair between clients: a single package does not wait for all packages of another user."""
    many, late = few[0], few[1]
    workflow = many.package.partition(":")[2].partition("/")[0]
    jobs = [sandbox.add_job(workflow_id=workflow) for _ in range(30)]
    sandbox.inject(Fault(route="jobs.request_download", kind="latency", seconds=0.1, times=None))
    async with DownloadManager(client, tmp_path) as manager:
        for job in jobs:
            await manager.submit(
                f"job:{workflow}/{job.id}", client=many.client, max_concurrent_requests=1, max_concurrent_downloads=1
            )
        await manager.fetch(late.package, client=late.client, max_concurrent_requests=1, max_concurrent_downloads=1)
        assert asked(sandbox).index(late.package) < 25
        assert sum(seen.host == "storage" for seen in sandbox.requests) < 25
        await manager.aclose(drain=0)


def asked(sandbox: Sandbox) -> list[str]:
    """Return the requested packages in order."""
    paths = [seen.path.split("/") for seen in sandbox.requests if seen.operation == "jobs.request_download"]
    return [f"job:{path[3]}/{path[5]}" for path in paths]


async def test_a_pause_that_is_too_long_is_raised(sandbox: Sandbox, few: list[User]) -> None:
    """A Retry-After beyond the cap raises RateLimited with the seconds."""
    sandbox.inject(Fault(route="jobs.request_download", kind="status", status=429, headers={"Retry-After": "600"}))
    with pytest.raises(RateLimited) as caught:
        await first_byte(few[0].client, few[0].package)
    assert caught.value.retry_after == 600
