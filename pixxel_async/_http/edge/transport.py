"""The two aiohttp sessions: the API's, and the storage's, which never sees a key.

This module is imported when a client opens its connections; only its neighbours `answer` and `failures` know aiohttp,
too. What happens to one request is a value here, `Reply`, `Response` or `TransportFailure`: no exception of aiohttp
goes further, not even as the context of another one.
"""

from __future__ import annotations

import asyncio
import socket
import ssl as tls
from collections.abc import Callable, Mapping, Set
from contextlib import suppress
from types import SimpleNamespace
from typing import Any
from weakref import WeakSet

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from attrs import define, frozen
from yarl import URL

from ..._redact import place
from ...errors import TimedOut
from ...settings import HTTPSettings
from ..reply import Reply, Stage, TransportFailure
from ..rules.request import PreparedRequest
from .failures import FAILURES, as_broken
from .proxies import Proxies
from .response import Response, whole

_LINK_BUFFER = 512 * 1024
"""Bytes of a storage body that wait for their reader before the peer is slowed down; twice as many at most."""

Screen = Callable[[str, list[str]], list[str]]
"""Of the addresses of a host those that may be connected to; raises `UnsafeLink` when none is left."""


@define
class _Track:
    """How far one request came; the session's trace fills it."""

    deadline: asyncio.Timeout
    seconds: float
    stage: Stage = "connect"

    def connected(self) -> None:
        """From here on the server may have seen the request, and the time for its headers runs."""
        self.stage = "headers"
        self.deadline.reschedule(asyncio.get_running_loop().time() + self.seconds)


@frozen(kw_only=True)
class Opened(Reply):
    """A good answer whose body is still to be read; who gets it closes it."""

    answer: Response


class Transport:
    """Both sessions, open from the start; made inside a running event loop.

    Args:
        http: time-outs and limits.
        origin: where API requests go.
        user_agent: of the storage session; an API request brings its own.
        screen: judges the addresses of a storage host when it is resolved.
        connector: a connector to use for both sessions instead of our own; it stays the caller's to close.
        ssl: TLS context for our own connectors.
    """

    def __init__(
        self,
        http: HTTPSettings,
        origin: str,
        user_agent: str,
        screen: Screen,
        *,
        connector: aiohttp.BaseConnector | None = None,
        ssl: tls.SSLContext | None = None,
    ) -> None:
        self._http = http
        self._origin = origin
        self._proxies = Proxies.of(http)
        self._own = connector is None
        self._bodies: WeakSet[Response] = WeakSet()
        checked = True if ssl is None else ssl
        screened = _ScreenedResolver(screen, self._proxies.hosts)
        self._api = self._session(
            connector or aiohttp.TCPConnector(limit=0, ssl=checked), {"Accept-Encoding": "gzip, deflate"}
        )
        self._storage = self._session(
            connector or aiohttp.TCPConnector(limit=0, ssl=checked, resolver=screened),
            {"Accept-Encoding": "identity", "User-Agent": user_agent},
            auto_decompress=False,
            read_bufsize=_LINK_BUFFER,
        )

    async def attempt(
        self, request: PreparedRequest, headers: Mapping[str, str], left: float
    ) -> Reply | TransportFailure:
        """Send one API request once, and read its whole answer, unless who asked reads it.

        Args:
            headers: those to send beside the request's own, such as Authorization.
            left: seconds until the call's deadline.
        """
        reached: list[_Track] = []
        try:
            async with asyncio.timeout(None if left == float("inf") else left):
                return await self._exchange(request, headers, reached)
        except TimeoutError:
            pass
        stage: Stage = reached[-1].stage if reached else "connect"
        return TransportFailure(
            stage, TimedOut(f"{request.operation} was not done within its time (http.call)"), timed_out=True
        )

    async def follow(
        self, method: str, url: str, headers: Mapping[str, str], buffer: int | None
    ) -> Response | TransportFailure:
        """Send one request to a storage, exactly as its link is spelled; redirects are answers."""
        return await self._send(self._storage, method, url, headers, None, [], buffer)

    async def close(self) -> None:
        """Close both sessions with their connections; whoever waits for a body is told, which aiohttp does not do."""
        for body in list(self._bodies):
            body.close()
        await self._api.close()
        await self._storage.close()

    def abandon(self) -> None:
        """Let go of everything without a running loop: the first step of closing a connector drops its connections."""
        for session in (self._api, self._storage):
            connector = session.connector
            session.detach()
            if self._own and connector is not None:
                with suppress(StopIteration, RuntimeError):
                    connector.close().__await__().send(None)

    def _session(
        self, connector: aiohttp.BaseConnector, headers: Mapping[str, str], **how: Any
    ) -> aiohttp.ClientSession:
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(_on_connected)
        trace.on_connection_reuseconn.append(_on_connected)
        return aiohttp.ClientSession(
            connector=connector,
            connector_owner=self._own,
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=self._http.connect_timeout),
            trace_configs=[trace],
            middlewares=[_once],
            **how,
        )

    async def _exchange(
        self, request: PreparedRequest, headers: Mapping[str, str], reached: list[_Track]
    ) -> Reply | TransportFailure:
        url = self._origin + request.target
        answer = await self._send(self._api, request.method, url, {**request.headers, **headers}, request.body, reached)
        if isinstance(answer, TransportFailure):
            return answer
        if request.opened and answer.status < 300:
            return Opened(answer.status, answer.headers, b"", request.method, request.path, answer=answer)
        try:
            body = await whole(answer, request.operation, self._http)
        finally:
            answer.close()
        if isinstance(body, TransportFailure):
            return body
        return Reply(answer.status, answer.headers, body, request.method, request.path)

    async def _send(
        self,
        session: aiohttp.ClientSession,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        reached: list[_Track],
        buffer: int | None = None,
    ) -> Response | TransportFailure:
        http = self._http
        proxy = self._proxies.for_url(url)
        try:
            async with asyncio.timeout(http.connect_timeout + http.headers_timeout) as deadline:
                reached.append(_Track(deadline, http.headers_timeout))
                response = await session.request(
                    method,
                    URL(url, encoded=True),
                    headers=headers if proxy is None else proxy.added(headers, url),
                    data=body,
                    allow_redirects=False,
                    proxy=proxy.url if proxy else None,
                    proxy_headers=proxy.headers if proxy else None,
                    read_bufsize=buffer,
                    trace_request_ctx=lambda: reached[-1].connected(),
                )
            answer = Response(response, http.read_timeout, url, buffer)
            self._bodies.add(answer)
            return answer
        except FAILURES as error:
            stage = reached[-1].stage
            late = f"no connection within {http.connect_timeout:g} s"
            broken = as_broken(
                error,
                stage,
                place(url),
                late if stage == "connect" else f"no headers within {http.headers_timeout:g} s",
            )
        return broken


class _ScreenedResolver(AbstractResolver):
    """Name lookup that leaves out the addresses which a link may not lead to.

    The connection is made to what passed here, so a name cannot change its address in between. A proxy may stand
    anywhere, and looks names up itself.
    """

    def __init__(self, screen: Screen, proxies: Set[str]) -> None:
        self._screen = screen
        self._proxies = proxies

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        kinds = {str(where[0]): kind for kind, _, _, _, where in found}
        allowed = list(kinds) if host in self._proxies else self._screen(host, list(kinds))
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=kinds[address], proto=0, flags=socket.AI_NUMERICHOST
            )
            for address in allowed
        ]

    async def close(self) -> None:
        """Nothing is held."""


async def _on_connected(session: aiohttp.ClientSession, context: SimpleNamespace, params: Any) -> None:
    context.trace_request_ctx()


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep the session from sending a request a second time by itself.

    aiohttp repeats GET, PUT and DELETE when the connection was lost before the answer; under another name the loss
    reaches us, and our rules decide.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        pass
    raise aiohttp.ClientConnectionError("connection lost")
