"""Repeat classes of every operation, counted by requests at the server."""

from __future__ import annotations

import asyncio
import re

import pytest

from pixxel_async import (
    APIError,
    BadRequest,
    ConnectionFailed,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    UnexpectedRedirect,
)
from pixxel_async._http.call import Call, Operation
from pixxel_async.resources import OPERATIONS
from pixxel_async.settings.constants import Constants
from tests.support.clients import ITEM, client_for
from tests.support.raw_server import RawServer, Step, answer

LOST: dict[str, list[Step]] = {
    "fin": ["fin"],
    "rst": ["rst"],
    "half": [b"HTTP/1.1 201 Created\r\nContent-Length: 50\r\n\r\n{", "fin"],
    "silence": ["hang"],
    "500": [answer(500)],
    "502": [answer(502, b"<html>bad gateway</html>")],
    "503": [answer(503)],
    "504": [answer(504)],
    "520": [answer(520)],
    "hints": [*[b"HTTP/1.1 103 Hints\r\n\r\n", 0.2] * 12, "hang"],
    "garbage": [b"SSH-2.0-x\r\n\r\n", "fin"],
    "two lengths": [b"HTTP/1.1 201 C\r\nContent-Length: 1\r\nContent-Length: 5\r\n\r\n{}", "fin"],
    "broken chunk": [b"HTTP/1.1 201 C\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nzz\r\n", "hang"],
    "broken gzip": [b"HTTP/1.1 201 C\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcde"],
}
PAID = {"orders.create", "jobs.create", "insights.create"}


def call_of(operation: Operation) -> Call:
    names = re.findall(r"\{(\w+)\}", operation.path)
    return Call(operation, dict.fromkeys(names, "x"), body={"a": 1} if operation.method == "POST" else None)


def test_all_operations_are_known() -> None:
    """45 operations are safe, 7 once and 3 paid, and each paid one names the call that shows its outcome."""
    classes = [operation.repeat for operation in OPERATIONS.values()]
    assert (classes.count("safe"), classes.count("once"), classes.count("paid")) == (45, 7, 3)
    assert {name for name, operation in OPERATIONS.items() if operation.repeat == "paid"} == PAID
    for name, operation in OPERATIONS.items():
        assert operation.repeat != "paid" or operation.reconcile, name
        assert operation.gone_is_done == (operation.method == "DELETE"), name


@pytest.mark.fault("B-01", "B-06", "R-01")
@pytest.mark.slow
@pytest.mark.parametrize("how", LOST)
async def test_a_lost_answer(how: str) -> None:
    """After a lost response a safe operation is sent again; any other is sent once and raises OutcomeUnknown."""
    await asyncio.gather(*(lose(how, name, operation) for name, operation in OPERATIONS.items()))


async def lose(how: str, name: str, operation: Operation) -> None:
    """Call once against a server that loses its first response; the timeout allows for a busy machine."""
    async with RawServer(LOST[how], answer(body={})) as server:
        async with client_for(server.url, **{"http.headers_timeout": 1.5}) as client:
            if operation.repeat == "safe":
                assert (await client._sender.call(call_of(operation))).status == 200, name
            else:
                with pytest.raises(OutcomeUnknown) as caught:
                    await client._sender.call(call_of(operation))
                assert caught.value.operation == name
                assert caught.value.reconcile == operation.reconcile
        assert len(server.requests) == (2 if operation.repeat == "safe" else 1), name


@pytest.mark.fault("B-09", "R-04")
@pytest.mark.slow
@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    """R-04: no call follows a redirect or is repeated for it, counted at both hosts."""

    async def refuse(name: str, operation: Operation) -> None:
        there = answer(status, b"" if status == 304 else None, Location=f"{trap.url}/x")
        async with RawServer(there) as server, client_for(server.url) as client:
            with pytest.raises(UnexpectedRedirect):
                await client._sender.call(call_of(operation))
        assert len(server.requests) == 1, name

    async with RawServer(answer(201, {"id": "o"})) as trap:
        await asyncio.gather(*(refuse(name, operation) for name, operation in OPERATIONS.items()))
    assert trap.connections == 0


async def test_free_calls_may_be_repeated() -> None:
    """OutcomeUnknown of a package request says that repeating is free; of other calls it names the listing."""
    async with RawServer(["fin"]) as server, client_for(server.url) as client:
        with pytest.raises(OutcomeUnknown, match="repeating it costs nothing"):
            await client.catalogs.request_download(catalog_ids=["c"])
        with pytest.raises(OutcomeUnknown, match=r"find out with client\.jobs\.list\(workflow_id\)"):
            await client.jobs.create("w", project_id="p")
    free = {name for name, operation in OPERATIONS.items() if operation.free}
    assert free == {"assets.request_download", "catalogs.request_download"}


@pytest.mark.fault("R-03")
@pytest.mark.slow
async def test_a_refusal_before_the_work() -> None:
    """429 makes safe and once operations wait and repeat; a paid one raises with the seconds."""
    for name, operation in OPERATIONS.items():
        async with RawServer(answer(429, Retry_After="2"), answer(body={})) as server, client_for(server.url) as client:
            if operation.repeat == "paid":
                with pytest.raises(RateLimited) as caught:
                    await client._sender.call(call_of(operation))
                assert caught.value.retry_after == 2
            else:
                await client._sender.call(call_of(operation))
            assert len(server.requests) == (1 if operation.repeat == "paid" else 2), name


@pytest.mark.slow
async def test_no_connection_at_all() -> None:
    """Without a connection every operation raises ConnectionFailed, not OutcomeUnknown."""
    async with RawServer() as server:
        url = server.url
    for name, operation in OPERATIONS.items():
        async with client_for(url, **{"retry.max_attempts": 2}) as client:
            with pytest.raises(ConnectionFailed):
                await client._sender.call(call_of(operation))
        assert operation.repeat in ("safe", "once", "paid"), name


@pytest.mark.fault("R-01")
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"id": "o', b"null"])
async def test_an_unreadable_answer_to_an_order(body: bytes) -> None:
    """An unreadable 201 to a create is OutcomeUnknown."""
    async with RawServer(answer(201, body)) as server, client_for(server.url) as client:
        with pytest.raises(OutcomeUnknown, match="cannot be read"):
            await client.jobs.create("w", project_id="p")
    assert len(server.requests) == 1


@pytest.mark.fault("B-10")
@pytest.mark.slow
async def test_an_error_body_that_drips() -> None:
    """B-10: the status of a refused call is used even if the error body arrives byte by byte."""
    drops: list[Step] = [0.05, b"x"] * 100
    refused: list[Step] = [b"HTTP/1.1 400 Bad\r\nContent-Length: 1000\r\n\r\n{", *drops]
    async with RawServer(refused) as server, client_for(server.url, **{"http.call_timeout": 2.0}) as client:
        with pytest.raises(BadRequest):
            await client.jobs.create("w", project_id="p")
    later: list[Step] = [b"HTTP/1.1 429 Slow\r\nRetry-After: 2\r\nContent-Length: 1000\r\n\r\n{", *drops]
    async with RawServer(later) as server, client_for(server.url, **{"http.call_timeout": 2.0}) as client:
        with pytest.raises(RateLimited) as caught:
            await client.jobs.create("w", project_id="p")
        assert caught.value.retry_after == 2


@pytest.mark.fault("R-08")
async def test_a_repeated_delete_that_was_done() -> None:
    """A 404 to a DELETE means success after a lost response, and NotFound without one."""
    delete = call_of(next(operation for operation in OPERATIONS.values() if operation.gone_is_done))
    async with RawServer(["fin"], answer(404)) as server, client_for(server.url) as client:
        assert (await client._sender.call(delete)).status == 204
    async with RawServer(answer(404)) as server, client_for(server.url) as client:
        with pytest.raises(NotFound):
            await client._sender.call(delete)


@pytest.mark.fault("R-07")
async def test_a_dry_run_is_safe() -> None:
    """An order with dry_run may be repeated."""
    async with RawServer(["fin"], answer(201, {"id": "o"})) as server, client_for(server.url) as client:
        assert (await client.orders.create([ITEM], dry_run=True)).id == "o"
    assert server.count("POST") == 2


@pytest.mark.fault("R-03")
async def test_paid_waits() -> None:
    """With `retry_paid_calls_on_429` a paid call is repeated after a 429."""
    async with (
        RawServer(answer(429, Retry_After="2"), answer(201, {"id": "j"})) as server,
        client_for(server.url, constants=Constants(retry_paid_calls_on_429=True)) as client,
    ):
        assert (await client.jobs.create("w", project_id="p")).id == "j"
    assert len(server.requests) == 2


async def test_auth_is_never_probed_by_an_order() -> None:
    """A refused create does not probe the auth form; it is sent once, and the error says how to set the form."""
    async with RawServer(answer(401)) as server, client_for(server.url) as client:
        with pytest.raises(APIError) as caught:
            await client.jobs.create("w", project_id="p")
    assert len(server.requests) == 1
    assert "auth=" in str(caught.value)
