"""Authentication: how the key is sent, to which origin, and where it never appears."""

from __future__ import annotations

import asyncio
import logging
import pickle
import traceback

import pytest

from pixxel_async import ConfigError, Forbidden, KeyRefused, PixxelClient, PixxelError, Settings
from tests.support.clients import KEY, client_for
from tests.support.raw_server import RawServer, Step, answer

OK = answer(body={"id": "j"})


async def test_auto_finds_the_form_once() -> None:
    """With auth="auto" a refused safe call is repeated as Bearer, and the form that worked is kept."""
    async with RawServer(answer(403), OK) as server, client_for(server.url) as client:
        assert client.auth_form is None
        await client.jobs.get("w", "j")
        assert client.auth_form == "bearer"
        await client.jobs.get("w", "j")
    assert [seen.headers["authorization"] for seen in server.requests] == [KEY, f"Bearer {KEY}", f"Bearer {KEY}"]


async def test_a_form_that_worked_is_kept() -> None:
    """Once a form has worked, a 403 concerns the requested object and is not tried in the other form."""
    async with RawServer(OK, answer(403)) as server, client_for(server.url) as client:
        await client.jobs.get("w", "j")
        with pytest.raises(Forbidden):
            await client.jobs.get("w", "k")
    assert len(server.requests) == 2


@pytest.mark.fault("A-10")
@pytest.mark.parametrize(
    ("key", "auth", "sent"),
    [(KEY, "raw", KEY), (KEY, "bearer", f"Bearer {KEY}"), (f"Basic {KEY}", "auto", f"Basic {KEY}")],
)
async def test_a_fixed_form_is_one_request(key: str, auth: str, sent: str) -> None:
    """With `raw`, `bearer` or a scheme in the key a refusal is final."""
    async with RawServer(answer(401)) as server, client_for(server.url, key, auth=auth) as client:
        with pytest.raises(KeyRefused):
            await client.jobs.get("w", "j")
    assert [seen.headers["authorization"] for seen in server.requests] == [sent]


async def test_both_forms_refused() -> None:
    """If both forms are refused, the first refusal is raised and no form is kept."""
    async with (
        RawServer(answer(401, {"error": {"message": "first"}}), answer(403)) as server,
        client_for(server.url) as client,
    ):
        with pytest.raises(KeyRefused, match="first"):
            await client.jobs.get("w", "j")
        assert client.auth_form is None
    assert len(server.requests) == 2


async def test_a_key_that_rotates() -> None:
    """A key source is called before each attempt, and its result is validated."""
    keys = iter(["first-key", "second-key", "bad\nkey"])

    async def source() -> str:
        return next(keys)

    async with RawServer(answer(500), OK) as server, client_for(server.url) as client:
        light = client.with_key(source)
        await light.jobs.get("w", "j")
        with pytest.raises(ConfigError) as caught:
            await light.jobs.get("w", "j")
    assert [seen.headers["authorization"] for seen in server.requests] == ["first-key", "second-key"]
    assert "bad" not in str(caught.value)


@pytest.mark.fault("A-01")
async def test_no_key_no_request() -> None:
    """Without a key nothing is sent but ping, which needs none."""
    async with RawServer(answer(200, b'"pong"')) as server, client_for(server.url, None) as client:
        with pytest.raises(ConfigError, match="PIXXEL_API_KEY"):
            await client.jobs.get("w", "j")
        assert server.requests == []
        assert await client.ping() == "pong"
    assert "authorization" not in server.requests[0].headers


async def test_light_clients_share_only_connections() -> None:
    """Clients made by with_key() share one connection, but have their own key and auth form."""
    async with RawServer(OK) as server, client_for(server.url) as client:
        one, two = client.with_key("key-one"), client.with_key("key-two", auth="bearer")
        await one.jobs.get("w", "j")
        await two.jobs.get("w", "j")
        await two.aclose()
        await one.jobs.get("w", "j")
        assert (one.auth_form, two.auth_form, client.auth_form) == ("raw", "bearer", None)
        assert one.packages is not two.packages and one.jobs is not two.jobs
    assert [seen.headers["authorization"] for seen in server.requests] == ["key-one", "Bearer key-two", "key-one"]
    assert server.connections == 1


def _texts(error: BaseException) -> str:
    """Return everything that a log or crash report would show of an error and its causes."""
    shown = "".join(traceback.format_exception(error)) + repr(error) + str(vars(error)) + str(pickle.dumps(error))
    behind = [inner for inner in (error.__cause__, error.__context__) if inner is not None]
    return shown + "".join(_texts(inner) for inner in behind)


ENDS: dict[str, list[Step]] = {
    "fin": ["fin"],
    "rst": ["rst"],
    "garbage": [b"not http at all\r\n\r\n", "fin"],
    "echo": [answer(400, {"error": {"message": KEY, "details": KEY}})],
    "half": [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "fin"],
    "silence": ["hang"],
    "500": [answer(500, f"Authorization: Bearer {KEY}".encode())],
    "html": [answer(200, f"<html>{KEY}</html>".encode())],
    "request id": [answer(404, {"error": "no such thing"}, X_Request_Id=KEY)],
    "redirect": [answer(302, Location=f"https://x.example/?k={KEY}")],
    "429": [answer(429, KEY.encode(), Retry_After="999")],
    "long": [b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "hang"],
}


@pytest.mark.slow
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_key_is_in_no_error_and_no_log(end: str, method: str, caplog: pytest.LogCaptureFixture) -> None:
    """However a call ends, neither the error nor its causes nor any log line contains the key."""
    caplog.set_level(0)
    logging.getLogger("aiohttp").setLevel(0)
    async with (
        RawServer(ENDS[end]) as server,
        client_for(server.url, **{"retry.max_attempts": 2, "http.headers_timeout": 0.1}) as client,
    ):
        with pytest.raises(PixxelError) as caught:
            (await client.request(method, "/v0/x", body={} if method == "POST" else None)).json()
        shown = _texts(caught.value) + repr(client) + repr(client.settings) + repr(vars(client._sender)) + caplog.text
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert KEY not in shown


@pytest.mark.fault("S-04")
async def test_frame_variables_hold_no_key() -> None:
    """S-04: the local variables of our frames hold the key only in an object that masks it."""
    async with RawServer(["hang"]) as server:
        client = await client_for(server.url).open()
        call = asyncio.create_task(client.jobs.get("w", "j"))
        for _ in range(500):
            await asyncio.sleep(0.01)
            if server.requests:
                break
        await client.aclose()
        for calling in (call, client.jobs.get("w", "j")):
            with pytest.raises((PixxelError, RuntimeError)) as caught:
                await calling
            report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
            ours = [frame for frame in report.stack if "pixxel_async" in frame.filename]
            assert ours and KEY not in str([frame.locals for frame in ours])


@pytest.mark.fault("E-08")
@pytest.mark.slow
@pytest.mark.parametrize("end", ENDS)
async def test_the_signature_is_in_no_error_and_no_log(end: str, caplog: pytest.LogCaptureFixture) -> None:
    """The signature of a signed link that fails is in no error and no log line."""
    caplog.set_level(0)
    link = "/a.zip?X-Amz-Signature=s1gnature"
    shown = ""
    async with RawServer(ENDS[end]) as server, client_for(server.url) as client:
        for url in (server.url + link, "http://h.example" + link):
            try:
                async with client.storage.get(url) as reply:
                    shown += f"{reply!r} {await reply.peek()!r}"
            except PixxelError as error:
                shown += _texts(error)
    assert "s1gnature" not in shown + caplog.text
    assert "UnsafeLink" in shown


@pytest.mark.fault("S-03")
async def test_secrets_are_not_pickled() -> None:
    """Clients and settings refuse to be pickled, and their reprs mask key and proxy password."""
    async with (
        RawServer(OK) as server,
        client_for(server.url, **{"http.proxy": "http://u:pw@proxy.example:1"}) as client,
    ):
        for value in (client, client.settings):
            with pytest.raises(TypeError):
                pickle.dumps(value)
        assert KEY not in repr(client.settings) and "pw@" not in repr(client.settings)
        assert isinstance(client.settings, Settings)
    await asyncio.sleep(0)


async def test_a_refused_create_names_the_form_that_was_not_tried() -> None:
    """A call that must not be repeated does not try the other form; the error names that form and how to set it."""
    async with RawServer(answer(401)) as server, client_for(server.url) as client:
        with pytest.raises(KeyRefused, match="auth='bearer'"):
            await client.jobs.create("w", project_id="p")
    assert len(server.requests) == 1


@pytest.mark.parametrize("paid", [False, True])
async def test_a_rotated_key_is_read_again(paid: bool) -> None:
    """After a 401 the key source is called again, and any call is repeated once with a changed key."""
    keys = ["old-key-1", "new-key-2", "new-key-2"]

    async def source() -> str:
        return keys.pop(0)

    settings = Settings.load("x", environ={"HOME": "/nonexistent"}, base_url="http://127.0.0.1:9", auth="raw")
    async with (
        RawServer(answer(401), OK) as server,
        PixxelClient(source, settings=settings, base_url=server.url) as client,
    ):
        job = await (client.jobs.create("w", project_id="p") if paid else client.jobs.get("w", "j"))
        assert job.id == "j"
    assert [seen.headers["authorization"] for seen in server.requests] == ["old-key-1", "new-key-2"]


async def test_a_key_source_without_a_new_key_is_refused() -> None:
    """After a 401 a call is not repeated if the key source returns the same key."""

    async def source() -> str:
        return "old-key-1"

    settings = Settings.load("x", environ={"HOME": "/nonexistent"}, base_url="http://127.0.0.1:9", auth="raw")
    async with RawServer(answer(401)) as server, PixxelClient(source, settings=settings, base_url=server.url) as client:
        with pytest.raises(KeyRefused):
            await client.jobs.get("w", "j")
    assert len(server.requests) == 1


async def test_a_light_client_keeps_the_fixed_form() -> None:
    """`with_key` sends the new key in the form that the settings fix."""
    async with RawServer(OK) as server, client_for(server.url, auth="bearer") as client:
        await client.with_key("other-key-3").jobs.get("w", "j")
    assert server.requests[0].headers["authorization"] == "Bearer other-key-3"


@pytest.mark.fault("A-02")
@pytest.mark.parametrize("key", [b"bytes-key", bytearray(b"x"), 7])
def test_a_key_of_another_type_is_refused(key: object) -> None:
    """A key of another type than text raises ConfigError when the client is created."""
    with pytest.raises(ConfigError):
        PixxelClient(key, base_url="http://127.0.0.1:9")  # type: ignore[arg-type]
