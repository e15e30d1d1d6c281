"""Responses over the wire, odd or broken, counted at the server."""

from __future__ import annotations

import asyncio
import gzip
import time
from functools import cache
from typing import Literal

import pytest

from pixxel_async import (
    BadRequest,
    ConnectionFailed,
    DecodeError,
    NotFound,
    RateLimited,
    ServerError,
    TimedOut,
    UnexpectedRedirect,
)
from pixxel_async.settings.constants import Constants
from tests.support.clients import Waits, client_for
from tests.support.raw_server import RawServer, Step, answer

GOOD = answer(body={"id": "w"})
HEAD = b"HTTP/1.1 200 OK\r\n"


async def test_an_answer_is_read() -> None:
    """A call is one request with the key, without cookies, on the path of its arguments."""
    async with RawServer(GOOD) as server, client_for(server.url) as client:
        workflow = await client.workflows.get("w/..x", project_id="p 1")
    [seen] = server.requests
    assert workflow.id == "w"
    assert seen.target == "/v0/workflows/w%2F..x?project_id=p%201"
    assert seen.headers["authorization"].startswith("canary")


@pytest.mark.parametrize("body", [{"project": {"id": "p"}}, {"id": "p"}])
async def test_optional_envelopes(body: dict[str, object]) -> None:
    """A project is read with and without the `project` envelope, as both are described."""
    async with RawServer(answer(body=body)) as server, client_for(server.url) as client:
        assert (await client.projects.get("p")).id == "p"


@pytest.mark.timeout(10)
async def test_answers_without_a_body() -> None:
    """An empty body is a normal response, and the connection is reused."""
    async with RawServer(answer(200), answer(204)) as server, client_for(server.url) as client:
        for status in (200, 204, 204):
            reply = await client.request("GET", "/v0/things")
            assert (reply.status, reply.body) == (status, b"")
    assert server.connections == 1


BROKEN: dict[str, list[Step]] = {
    "closed before the answer": ["fin"],
    "reset before the answer": ["rst"],
    "garbage": [b"220 ready\r\n\r\n", "fin"],
    "two lengths": [HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "fin"],
    "length and chunks": [HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "fin"],
    "NUL in a header": [HEAD + b"X-A: a\x00b\r\nContent-Length: 2\r\n\r\n{}", "fin"],
    "100,000 headers": [HEAD + b"X-A: a\r\n" * 100_000 + b"Content-Length: 2\r\n\r\n{}", "fin"],
    "cut body": [HEAD + b"Content-Length: 100\r\n\r\n{", "fin"],
    "reset body": [HEAD + b"Content-Length: 100\r\n\r\n{", 0.05, "rst"],
    "cut chunks": [HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}", "fin"],
    "a chunk size that is none": [HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", 0.05, b"zz\r\n", "hang"],
    "no answer": ["hang"],
    "no body": [HEAD + b"Content-Length: 100\r\n\r\n", "hang"],
    "headers that trickle": [HEAD, *([b"X-A: a\r\n", 0.1] * 100)],
    "103 without end": [*([b"HTTP/1.1 103 Early Hints\r\n\r\n", 0.05] * 200)],
}


@pytest.mark.fault("B-07", "F-02")
@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_answer_to_a_safe_call_is_asked_for_again(name: str) -> None:
    """After any broken response a safe call is repeated once and ends within the deadlines."""
    begun = time.monotonic()
    async with RawServer(BROKEN[name], GOOD) as server, client_for(server.url) as client:
        workflow = await client.workflows.get("w", project_id="p")
    assert workflow.id == "w"
    assert len(server.requests) == 2
    assert time.monotonic() - begun < 8, "the trickle alone takes ten seconds"


@pytest.mark.fault("D-09", "S-01")
@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_answer_never_looks_like_an_error_of_the_api(name: str) -> None:
    """A broken response raises ConnectionFailed or TimedOut without a cause, never an API error."""
    async with RawServer(BROKEN[name]) as server, client_for(server.url, **{"retry.max_attempts": 1}) as client:
        with pytest.raises((ConnectionFailed, TimedOut)) as caught:
            await client.workflows.get("w", project_id="p")
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert len(server.requests) == 1


@pytest.mark.fault("B-06")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("end", ["fin", "rst"])
async def test_no_hidden_repeats(method: str, end: Step) -> None:
    """A request lost on a reused connection is not repeated below our own retry rules."""
    async with RawServer(GOOD, [end]) as server, client_for(server.url, **{"retry.max_attempts": 1}) as client:
        await client.request("GET", "/v0/first")
        with pytest.raises(ConnectionFailed):
            await client.request(method, "/v0/x", repeat="safe")
    assert len(server.requests) == 2
    assert server.connections == 1


@pytest.mark.fault("B-09")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "where", ["http://127.0.0.1:{port}/trap", "//127.0.0.1:{port}/trap", "/v0/trap", "http://a@b/"]
)
async def test_a_redirect_is_an_error(status: int, where: str) -> None:
    """A redirect raises, and neither key nor body is sent to its location."""
    async with (
        RawServer(GOOD) as trap,
        RawServer(answer(status, Location=where.format(port=trap.port))) as server,
        client_for(server.url) as client,
    ):
        with pytest.raises(UnexpectedRedirect) as caught:
            await client.request("POST", "/v0/orders", body={})
    assert caught.value.status == status
    assert len(server.requests) == 1
    assert trap.requests == []


@pytest.mark.fault("B-10")
@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (400, {"error": {"code": "bad", "message": "no\x1b[31m way"}}, BadRequest, "no [31m way"),
        (404, b"", NotFound, ""),
        (404, {"error": ["a", "b"]}, NotFound, "['a', 'b']"),
        (422, {"detail": "field"}, BadRequest, "field"),
        (404, b"<html><head><title>Gone fishing</title></head></html>", NotFound, "Gone fishing"),
        (
            404,
            b"<?xml version='1.0'?><Error><Code>X</Code><Message>No such key</Message></Error>",
            NotFound,
            "No such key",
        ),
        (501, b"not here", ServerError, "not here"),
        (400, b"x" * 5_000_000, BadRequest, "x" * 499 + "…"),
    ],
)
async def test_errors_are_read_from_the_content(status: int, body: object, kind: type, message: str) -> None:
    """An error is built from status and content, not from the declared type; its message is short and printable."""
    async with (
        RawServer(answer(status, body, Content_Type="image/png", X_Request_Id="r-1")) as server,
        client_for(server.url) as client,
    ):
        with pytest.raises(kind) as caught:
            await client.jobs.get("w", "j")
    assert (caught.value.status, caught.value.message, caught.value.request_id) == (status, message, "r-1")
    assert len(server.requests) == 1


@pytest.mark.fault("D-01", "D-03")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"id": "a"',
        b"<html>hello</html>",
        b"null",
        b"[1, 2]",
        b"[" * 200_000,
        b'{"a": "\xff"}',
    ],
)
async def test_a_body_that_is_not_an_object_is_a_decode_error(body: bytes) -> None:
    """A success whose body is not a JSON object raises DecodeError, whatever it holds."""
    async with RawServer(answer(200, body)) as server, client_for(server.url) as client:
        with pytest.raises(DecodeError) as caught:
            await client.jobs.get("w", "j")
    assert (caught.value.status, caught.value.operation) == (200, "jobs.get")
    assert caught.value.__context__ is None


@pytest.mark.fault("D-01")
async def test_html_is_reported_as_a_page() -> None:
    """HTML in place of JSON is reported as a page, with proxy or base_url as likely cause."""
    async with RawServer(answer(200, b" \r\n<!doctype html><p>Welcome")) as server, client_for(server.url) as client:
        with pytest.raises(DecodeError, match="it is an HTML page, as a proxy or a wrong base_url sends it"):
            await client.jobs.get("w", "j")


@pytest.mark.fault("D-04")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32-be"])
async def test_json_in_any_of_its_encodings(encoding: str) -> None:
    """The encoding is detected from the body; the charset in Content-Type is ignored."""
    body = '{"id": "é", "id": "ü"}'.encode(encoding)
    async with (
        RawServer(answer(200, body, Content_Type="text/plain; charset=ebcdic")) as server,
        client_for(server.url) as client,
    ):
        assert (await client.jobs.get("w", "j")).id == "ü"


@cache
def bomb() -> bytes:
    """Return 50 MB of zeros in 50 KB; cached, since it takes half a second to make."""
    return gzip.compress(gzip.compress(b" " * 1000) + b"\0" * 50_000_000)


@pytest.mark.fault("D-05", "D-06")
@pytest.mark.parametrize(
    ("script", "values"),
    [
        ([HEAD + b"Content-Length: 10000000000000\r\n\r\n{", "hang"], {}),
        ([HEAD + b"Connection: close\r\n\r\n" + b" " * 100_000, "hang"], {"http.max_response_bytes": 50_000}),
        pytest.param("bomb", {}, marks=pytest.mark.slow),
    ],
)
async def test_an_answer_that_is_too_large_is_cut(script: list[Step] | Literal["bomb"], values: dict[str, int]) -> None:
    """max_response_bytes holds for the announced, the received and the decompressed length."""
    if script == "bomb":
        script = [answer(200, bomb(), Content_Encoding="gzip")]
    async with RawServer(script) as server, client_for(server.url, **values) as client:
        with pytest.raises(DecodeError, match="max_response_bytes"):
            await client.jobs.get("w", "j")
    assert len(server.requests) == 1


@pytest.mark.fault("B-05")
async def test_a_long_pause_is_raised_at_once() -> None:
    """A Retry-After beyond the cap is raised at once with its seconds."""
    async with RawServer(answer(503, Retry_After="3600")) as server, client_for(server.url) as client:
        with pytest.raises(RateLimited) as caught:
            await client.jobs.get("w", "j")
    assert caught.value.retry_after == 3600
    assert caught.value.status == 503


@pytest.mark.fault("B-04")
@pytest.mark.parametrize(
    "when", ["7", "Tue, 24 Nov 2026 10:00:07 GMT", "Tuesday, 24-Nov-26 10:00:07 GMT", "Tue Nov 24 10:00:07 2026"]
)
async def test_retry_after_is_waited_for(when: str) -> None:
    """Retry-After is waited for, given as seconds or any date format, relative to the response's Date."""
    waits = Waits()
    refusal = answer(429, Retry_After=when, Date="Tue, 24 Nov 2026 10:00:00 GMT")
    async with RawServer(refusal, GOOD) as server, client_for(server.url, waits=waits) as client:
        await client.jobs.get("w", "j")
    assert sum(waits.slept) == pytest.approx(7, rel=0.1)


@pytest.mark.fault("B-04")
async def test_one_refusal_slows_all_calls() -> None:
    """After a 429 all calls to that origin are spaced."""
    waits = Waits()
    async with RawServer(answer(429, Retry_After="5"), GOOD) as server, client_for(server.url, waits=waits) as client:
        other = client.with_key("another-key")
        await asyncio.gather(client.jobs.get("w", "j"), *(other.jobs.get("w", str(n)) for n in range(4)))
        assert waits.now >= 1005
        slowed = waits.now
        await other.jobs.get("w", "last")
        assert waits.now > slowed


@pytest.mark.fault("B-03")
async def test_the_quota_ends_a_storm() -> None:
    """In an outage the retries of all calls together stay within the quota."""
    async with (
        RawServer(answer(500)) as server,
        client_for(server.url, constants=Constants(retry_quota=50.0)) as client,
    ):
        calls = [client.jobs.get("w", str(number)) for number in range(60)]
        results = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(result, ServerError) for result in results)
    assert len(server.requests) == 60 + 50 / 5


async def test_calls_in_flight_are_bounded() -> None:
    """At most max_concurrent_calls requests are in flight."""
    async with RawServer([0.02, GOOD]) as server, client_for(server.url, **{"http.max_concurrent_calls": 3}) as client:
        await asyncio.gather(*(client.jobs.get("w", str(number)) for number in range(12)))
    assert len(server.requests) == 12
    assert server.connections <= 3


async def test_calls_a_second_are_bounded() -> None:
    """calls_per_second spaces all calls."""
    waits = Waits()
    async with RawServer(GOOD) as server, client_for(server.url, waits=waits, **{"http.calls_per_second": 4}) as client:
        await asyncio.gather(*(client.jobs.get("w", str(number)) for number in range(9)))
    assert waits.now - 1000 == pytest.approx(2.0)


@pytest.mark.slow
async def test_the_call_has_a_deadline() -> None:
    """A body that keeps arriving slowly ends at call_timeout."""
    trickle: list[Step] = [HEAD + b"Content-Length: 1000\r\n\r\n", *([b" ", 0.1] * 100)]
    async with (
        RawServer(trickle) as server,
        client_for(server.url, **{"http.call_timeout": 0.5, "retry.max_attempts": 1}) as client,
    ):
        begun = time.monotonic()
        with pytest.raises(TimedOut, match=r"http\.call"):
            await client.jobs.get("w", "j")
    assert time.monotonic() - begun < 8, "the body alone takes ten seconds"


async def test_no_connection() -> None:
    """A refused connection is ConnectionFailed, a ConnectionError, and names only the host."""
    async with RawServer(GOOD) as server:
        url = server.url
    async with client_for(url, **{"retry.max_attempts": 2}) as client:
        with pytest.raises(ConnectionError, match="no connection") as caught:
            await client.jobs.get("w", "j")
    assert isinstance(caught.value, ConnectionFailed)


@pytest.mark.slow
async def test_a_large_answer_does_not_hold_up_the_loop() -> None:
    """While a large response is decoded other tasks run: a timer is late by less than the whole decoding time."""
    job = {f"field_{number}": "x" * 40 for number in range(20)} | {"id": "j", "status": "completed"}
    body = {"jobs": [job] * 15_000}
    late = 0.0

    async def ticks() -> None:
        nonlocal late
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0.01)
            late = max(late, time.perf_counter() - begun - 0.01)

    script = answer(200, body)
    async with RawServer(script) as server, client_for(server.url, **{"http.read_timeout": 5.0}) as client:
        timer = asyncio.create_task(ticks())
        begun = time.perf_counter()
        assert len(await client.jobs.list("w")) == 15_000
        took = time.perf_counter() - begun
        await asyncio.sleep(0.02)
        timer.cancel()
    assert len(script) > 15_000_000
    # A blocked loop would delay the timer by all of it; the interpreter lock and other processes cost the rest.
    assert late < 0.8 * took
