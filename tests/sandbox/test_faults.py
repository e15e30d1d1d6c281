"""Every kind of fault at API and storage, and how they are counted."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
import pytest

from pixxel_async.sandbox import Fault, Sandbox
from tests.sandbox.conftest import Caller

JOBS = "jobs.list"


async def until_broken(reply: aiohttp.ClientResponse) -> bytes:
    """Return the bytes that arrive before the connection breaks, which it must."""
    got = bytearray()
    try:
        while part := await reply.content.readany():
            got += part
    except aiohttp.ClientPayloadError:
        return bytes(got)
    raise AssertionError("the body ended as if it were whole")


async def test_a_status_comes_with_its_headers_and_body(caller: Caller) -> None:
    """`status` answers with the given headers `times` times, by default with the vendor's error envelope."""
    caller.sandbox.inject(Fault(route=JOBS, kind="status", status=429, headers={"Retry-After": "7"}, times=2))
    first, second, third = [await caller.do(JOBS) for _ in range(3)]
    assert (first.status, first.headers["Retry-After"], set(first.json)) == (429, "7", {"error"})
    assert (second.status, third.status) == (429, 200)


@pytest.mark.parametrize(("body", "content_type"), [("<html>", "text/html"), ('{"a": 1}', "application/json")])
async def test_a_status_may_have_any_body(caller: Caller, body: str, content_type: str) -> None:
    """The body of a `status` fault is sent unchanged."""
    caller.sandbox.inject(Fault(route="*", kind="status", status=502, body=body))
    got = await caller.do("projects.list")
    assert (got.status, got.body.decode(), got.headers["Content-Type"]) == (502, body, content_type)


async def test_a_status_at_the_storage_is_xml(caller: Caller) -> None:
    """At the storage a `status` fault has an XML body."""
    link = await caller.link()
    caller.sandbox.inject(Fault(route="storage", kind="status", status=503))
    got = await caller.fetch(link)
    assert got.status == 503 and b"<Code>SlowDown</Code>" in got.body


async def test_the_work_may_be_done_before_the_status(caller: Caller) -> None:
    """With `work_done` an order is created although the response is a 500."""
    for work_done, total in ((False, 1), (True, 2)):
        caller.sandbox.inject(Fault(route="orders.create", kind="status", status=500, work_done=work_done))
        assert (await caller.do("orders.create")).status == 500
        assert (await caller.do("orders.list")).json["pagination"]["total"] == total


async def test_latency_comes_before_the_work(caller: Caller) -> None:
    """`latency` delays a call by the sandbox's clock, before its work is done."""
    sandbox = caller.sandbox
    sandbox.inject(Fault(route="orders.create", kind="latency", seconds=3600))
    call = asyncio.create_task(caller.do("orders.create"))
    await sandbox.wait_for_requests("orders.create")
    await sandbox.advance(minutes=59)
    assert await stands(call) and not sandbox.orders
    await sandbox.advance(minutes=1)
    assert (await call).status == 201 and len(sandbox.orders) == 1


async def stands(call: asyncio.Task[Any]) -> bool:
    """Return whether a call makes no progress for a moment."""
    return not (await asyncio.wait({call}, timeout=0.05))[0]


@pytest.mark.slow
async def test_latency_is_real_with_a_running_clock(session: aiohttp.ClientSession) -> None:
    """With a running clock `latency` takes real time, unless sandbox.sleep() advances the clock."""
    async with Sandbox() as sandbox:
        caller = Caller(sandbox, session)
        sandbox.inject(Fault(route=JOBS, kind="latency", seconds=0.05, times=None))
        begun = time.monotonic()
        assert (await caller.do(JOBS)).status == 200
        assert time.monotonic() - begun >= 0.05
        await sandbox.sleep(3600)
        sandbox.inject(Fault(route=JOBS, kind="latency", seconds=3600))
        assert (await caller.do(JOBS)).status == 200


async def test_a_sleep_is_not_delayed_by_a_fault(caller: Caller) -> None:
    """A sleep of 10 s ends before a latency of 20 s."""
    sandbox, ends = caller.sandbox, []
    sandbox.inject(Fault(route=JOBS, kind="latency", seconds=20))
    begun = sandbox.clock.now()

    async def time_travel() -> None:
        await sandbox.wait_for_requests(JOBS)
        await sandbox.sleep(10)
        ends.append(sandbox.clock.now() - begun)

    await asyncio.gather(time_travel(), caller.do(JOBS))
    assert ends == [10.0] and sandbox.clock.now() - begun == 20.0


@pytest.mark.slow
async def test_a_reader_that_sleeps_is_woken(session: aiohttp.ClientSession) -> None:
    """A sleeping reader wakes although it does not take the bytes being sent."""
    async with Sandbox(clock="manual", package_size=1 << 26) as sandbox:
        link = await Caller(sandbox, session).link()
        async with session.get(link, read_bufsize=1024) as reply:
            await reply.content.readany()
            await sandbox.sleep(60)
            assert len(await reply.read()) > 1 << 25


@pytest.mark.parametrize(("kind", "total"), [("reset", 1), ("lost", 2)])
async def test_a_broken_connection_before_or_after_the_work(caller: Caller, kind: str, total: int) -> None:
    """`reset` breaks before the work, `lost` after it; both are recorded with status 0."""
    caller.sandbox.inject(Fault(route="orders.create", kind=kind))  # type: ignore[arg-type]
    with pytest.raises(aiohttp.ClientError):
        await caller.do("orders.create")
    assert [seen.status for seen in caller.sandbox.requests if seen.operation == "orders.create"] == [0]
    assert (await caller.do("orders.list")).json["pagination"]["total"] == total


async def test_a_body_is_cut_at_a_byte(caller: Caller) -> None:
    """`cut` closes the connection after exactly `at` bytes of the announced length."""
    link = await caller.link()
    whole = (await caller.fetch(link)).body
    for at in (0, 1, 70_000, len(whole) - 1):
        caller.sandbox.inject(Fault(route="storage", kind="cut", at=at))
        async with caller.session.get(link) as reply:
            assert reply.content_length == len(whole)
            assert await until_broken(reply) == whole[:at]


async def test_a_body_stalls_at_a_byte(caller: Caller) -> None:
    """`stall` sends `at` bytes and keeps the connection open."""
    link = await caller.link()
    caller.sandbox.inject(Fault(route="storage", kind="stall", at=1000))
    async with caller.session.get(link) as reply:
        assert len(await reply.content.readexactly(1000)) == 1000
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await reply.content.readany()
    assert (await caller.fetch(link)).status == 200


async def test_a_stall_may_end(caller: Caller) -> None:
    """A `stall` with `seconds` sends the rest after the pause."""
    link = await caller.link()
    whole = (await caller.fetch(link)).body
    caller.sandbox.inject(Fault(route="storage", kind="stall", at=1000, seconds=100))
    async with caller.session.get(link) as reply:
        begin = await reply.content.readexactly(1000)
        rest = asyncio.create_task(reply.content.read())
        await caller.sandbox.advance(99)
        assert await stands(rest)
        await caller.sandbox.advance(1)
        assert begin + await rest == whole


async def test_a_drip_is_slow(caller: Caller) -> None:
    """`drip` sends `rate` bytes per second of the sandbox's clock."""
    link = await caller.link()
    caller.sandbox.inject(Fault(route="storage", kind="drip", rate=10))
    async with caller.session.get(link, headers={"Range": "bytes=0-199"}) as reply:
        await caller.sandbox.advance(15)
        assert len(await reply.content.readexactly(150)) == 150
        rest = asyncio.create_task(reply.content.read())
        assert await stands(rest)
        await caller.sandbox.advance(5)
        assert len(await rest) == 50


@pytest.mark.slow
@pytest.mark.parametrize("at", [0, 1, 300_000])
async def test_one_byte_is_damaged(caller: Caller, at: int) -> None:
    """`corrupt` changes exactly the byte at `at`, under the same ETag."""
    link = await caller.link()
    whole = await caller.fetch(link)
    caller.sandbox.inject(Fault(route="storage", kind="corrupt", at=at))
    got = await caller.fetch(link)
    assert [nth for nth, (a, b) in enumerate(zip(whole.body, got.body, strict=True)) if a != b] == [at]
    assert got.headers["ETag"] == whole.headers["ETag"]


async def test_a_link_expires_early(caller: Caller) -> None:
    """`expired` refuses a link with 403 like an expired one."""
    link = await caller.link()
    caller.sandbox.inject(Fault(route="storage", kind="expired"))
    got = await caller.fetch(link)
    assert got.status == 403 and b"Request has expired" in got.body


async def test_a_range_is_ignored(caller: Caller) -> None:
    """`no-range` answers a range request with 200 and the whole."""
    link = await caller.link()
    whole = (await caller.fetch(link)).body
    caller.sandbox.inject(Fault(route="storage", kind="no-range"))
    got = await caller.fetch(link, Range="bytes=100-")
    assert (got.status, got.body, "Content-Range" in got.headers) == (200, whole, False)


async def test_a_content_range_is_wrong(caller: Caller) -> None:
    """`wrong-range` announces a later start than the bytes have."""
    link = await caller.link()
    caller.sandbox.inject(Fault(route="storage", kind="wrong-range", at=5))
    assert (await caller.fetch(link, Range="bytes=100-109")).headers["Content-Range"].startswith("bytes 105-114/")


async def test_an_etag_changes(caller: Caller) -> None:
    """`etag` sends a new ETag with each response, for the same bytes."""
    link = await caller.link()
    caller.sandbox.inject(Fault(route="storage", kind="etag", times=2))
    tags = [(await caller.fetch(link)).headers["ETag"] for _ in range(3)]
    assert len(set(tags)) == 3


async def test_html_comes_with_200(caller: Caller) -> None:
    """`html` answers 200 with a page."""
    link = await caller.link()
    caller.sandbox.inject(Fault(route="*", kind="html", times=2))
    for got in (await caller.fetch(link), await caller.do(JOBS)):
        assert got.status == 200 and got.headers["Content-Type"].startswith("text/html")
        assert got.body.startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize("status", [302, 307])
async def test_a_redirect_leads_elsewhere(caller: Caller, status: int) -> None:
    """`redirect` answers with the given status and Location, and does no work."""
    caller.sandbox.inject(Fault(route="api", kind="redirect", status=status, location="http://x.example/"))
    got = await caller.do("orders.create")
    assert (got.status, got.headers["Location"]) == (status, "http://x.example/")
    assert (await caller.do("orders.list")).json["pagination"]["total"] == 1


async def test_faults_have_a_route_a_start_and_a_number(caller: Caller) -> None:
    """A fault matches operations by pattern, skips `after` requests, and fires `times` times."""
    caller.sandbox.inject(Fault(route="jobs.*", kind="status", after=1, times=2))
    hit = [
        (await caller.do(operation)).status for operation in ("jobs.list", "jobs.get", "workflows.list", "jobs.list")
    ]
    assert hit == [200, 500, 200, 500]
    assert (await caller.do("jobs.list")).status == 200


@pytest.mark.slow
async def test_chance_is_drawn_from_the_seed(session: aiohttp.ClientSession) -> None:
    """`probability` is drawn from the seed: equal seeds hit the same requests."""
    hits = []
    for seed in (1, 1, 2):
        fault = Fault(route=JOBS, kind="status", times=None, probability=0.5)
        async with Sandbox(seed=seed, faults=[fault]) as sandbox:
            caller = Caller(sandbox, session)
            hits.append([(await caller.do(JOBS)).status for _ in range(40)])
    assert hits[0] == hits[1] != hits[2]
    assert 10 <= hits[0].count(500) <= 30


async def test_every_request_is_recorded(caller: Caller) -> None:
    """Every request is recorded with operation, host, status, headers and bytes, without key and signature."""
    link = await caller.link()
    body = (await caller.fetch(link, Range="bytes=0-9")).body
    await caller.call("GET", "/v0/nothing")
    api, stored, unknown = caller.sandbox.requests[0], caller.sandbox.requests[-2], caller.sandbox.requests[-1]
    assert (api.operation, api.host, api.status) == ("jobs.request_download", "api", 200)
    assert api.authorization and api.carries_key and "authorization" not in api.headers
    assert (stored.operation, stored.status, stored.sent) == ("storage", 206, len(body))
    assert not stored.carries_key and stored.headers["range"] == "bytes=0-9"
    assert (unknown.operation, unknown.status) == ("", 404)
    assert caller.sandbox.count("storage") == 1 and caller.sandbox.count("jobs.request_download") == 2
    seen = repr(caller.sandbox.requests)
    assert caller.sandbox.api_key not in seen and link[-64:] not in seen
