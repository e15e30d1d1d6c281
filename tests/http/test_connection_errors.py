"""Errors of connections: TLS, proxies, redirects, header sizes, and name resolution."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading

import pytest

from pixxel_async import ClientClosed, ConfigError, ConnectionFailed, PixxelClient, TimedOut, UnexpectedRedirect
from pixxel_async._http.edge.failures import certificate_reason, tls_reason
from pixxel_async._http.edge.proxies import Proxies, parse_proxy
from pixxel_async.settings import HTTPSettings
from tests.support.clients import client_for
from tests.support.raw_server import RawServer, Step, answer


@pytest.mark.fault("A-08")
def test_a_certificate_error_has_the_systems_reason() -> None:
    """The error quotes OpenSSL's reason, and suggests SSL_CERT_FILE for an unknown issuer only."""
    error = ssl.SSLCertVerificationError("x")
    error.verify_code, error.verify_message = 20, "unable to get local issuer certificate"
    assert "unable to get local issuer" in certificate_reason(error, "https://h/…")
    assert "SSL_CERT_FILE" in certificate_reason(error, "https://h/…")
    error.verify_code, error.verify_message = 62, "Hostname mismatch"
    assert "Hostname mismatch" in certificate_reason(error, "https://h/…")
    assert "SSL_CERT_FILE" not in certificate_reason(error, "https://h/…")


async def test_https_to_an_http_server() -> None:
    """A TLS handshake answered in plain http is a final error that names the likely cause."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with client_for(f"https://127.0.0.1:{port}") as client:
            with pytest.raises(ConnectionFailed, match="plain http") as caught:
                await client.ping()
    assert not caught.value.retryable
    assert "plain http" not in tls_reason(ssl.SSLError(1, "other"), "https://h/…")


async def test_a_redirect_names_its_host() -> None:
    """A redirect is not followed; the error names its origin and likely causes, but not its path and query."""
    async with (
        RawServer(answer(302, Location="https://login.example/x?secret=1")) as server,
        client_for(server.url) as client,
    ):
        with pytest.raises(UnexpectedRedirect, match=r"https://login\.example.*base_url") as caught:
            await client.ping()
    assert "secret" not in str(caught.value)


@pytest.mark.fault("D-09")
async def test_long_headers_are_read() -> None:
    """Headers of 20 KB are read; a header above 64 KB is an error at once that says what is too long."""
    long, longer = answer(body="pong", X_A="a" * 20_000), answer(body="pong", X_A="a" * 70_000)
    async with RawServer(long, longer) as server, client_for(server.url) as client:
        assert await client.ping() == "pong"
        with pytest.raises(ConnectionFailed, match="a header of the response is longer than 64 KiB"):
            await client.ping()
    assert len(server.requests) == 2


@pytest.mark.parametrize("coding", ["gzip", "deflate", "unknown"])
async def test_an_error_in_a_broken_coding_keeps_its_status(coding: str) -> None:
    """A body that cannot be decompressed does not hide the status of an error."""
    async with (
        RawServer(answer(302, b"not compressed", Content_Encoding=coding)) as server,
        client_for(server.url) as client,
    ):
        with pytest.raises(UnexpectedRedirect):
            await client.ping()


def test_proxies_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """HOST:PORT is accepted as a proxy, ALL_PROXY is the fallback, and SOCKS is refused by the variable's name."""
    for name in ("HTTP_PROXY", "http_proxy", "https_proxy", "all_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "127.0.0.1:9")
    found = Proxies.of(HTTPSettings(trust_env=True))
    proxy = found.for_url("https://h/x")
    assert proxy is not None and proxy.url == "http://127.0.0.1:9"
    assert "127.0.0.1:9" in found.describe("https://h/x")
    assert "HTTPS_PROXY" in Proxies.of(HTTPSettings()).describe("https://h/x")
    monkeypatch.delenv("HTTPS_PROXY")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:8")
    proxy = Proxies.of(HTTPSettings(trust_env=True)).for_url("https://h/x")
    assert proxy is not None and proxy.url == "http://127.0.0.1:8"
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:8")
    with pytest.raises(ConfigError, match="ALL_PROXY"):
        Proxies.of(HTTPSettings(trust_env=True))
    with pytest.raises(ConfigError, match=r"http\.proxy"):
        parse_proxy("ftp://h:1")


async def test_a_closed_client_raises() -> None:
    """A call on a closed client raises `ClientClosed`, a `PixxelError` that says what to do."""
    client = client_for("http://127.0.0.1:9")
    await client.aclose()
    with pytest.raises(ClientClosed, match="closed"):
        await client.ping()


def test_misuse_of_a_client_names_the_right_form() -> None:
    """`with` and `await` on a client raise TypeError that names `async with`; a client without __init__ has a repr."""
    client = client_for("http://127.0.0.1:9")
    with pytest.raises(TypeError, match="async with"), client:  # type: ignore[attr-defined]
        pass
    with pytest.raises(TypeError, match="async with"):
        client.__await__()
    assert "not set up" in repr(PixxelClient.__new__(PixxelClient))


@pytest.mark.fault("A-07")
@pytest.mark.parametrize(
    "reply",
    [
        answer(407, Proxy_Authenticate="Basic"),
        [answer(200, b"<!doctype html><p>Please sign in"), "fin"],
    ],
    ids=["407", "a page"],
)
async def test_a_proxy_that_refuses_is_named(reply: bytes | list[Step]) -> None:
    """A proxy that answers CONNECT with 407 or HTML is ConnectionFailed naming the proxy, not a 401 of the API."""
    async with RawServer(reply) as proxy, client_for("https://api.example", **{"http.proxy": proxy.url}) as client:
        with pytest.raises(ConnectionFailed, match="proxy"):
            await client.ping()
    assert {seen.method for seen in proxy.requests} == {"CONNECT"}
    assert not [name for seen in proxy.requests for name in seen.headers if "auth" in name]


@pytest.mark.slow
@pytest.mark.fault("A-09")
@pytest.mark.parametrize("silent", [False, True])
async def test_a_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch, silent: bool) -> None:
    """A name that does not resolve, or a resolver without an answer, ends the attempt within its timeout."""
    done = threading.Event()

    def lookup(*_: object, **__: object) -> list[object]:
        if silent:
            done.wait(30)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    values = {"http.connect_timeout": 0.2, "retry.max_attempts": 2}
    async with client_for("https://api.example", **values) as client:
        with pytest.raises((ConnectionFailed, TimedOut), match=r"api\.example"):
            await client.ping()
        done.set()
