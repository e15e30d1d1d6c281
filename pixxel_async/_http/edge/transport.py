"""The two aiohttp sessions: the API's, and the storage's, which never holds a key.

Imported when a client opens its connections, so that `import pixxel_async` stays fast. Outcomes are values (`Reply`,
`Response`, `TransportFailure`): no exception of aiohttp leaves this room, not even as the context of another one.
"""

from __future__ import annotations

import ssl as tls
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakSet

import aiohttp
from attrs import frozen
from yarl import URL

from ..._aio.shield import finish
from ..._redact import forget_locals, redact_url
from ...errors import TimedOut
from ...settings import HTTPSettings, Secret
from ..reply import Reply, TransportFailure
from ..rules.request import PreparedRequest
from .failures import FAILURES, MAX_LINE, to_failure
from .proxies import Proxies, Proxy
from .request_timer import RequestTimer, mark_connected
from .resolver import Resolver, Screen, limit_lookups
from .response import Response, read_whole

_LINK_BUFFER = 512 * 1024
"""Bytes of a storage body buffered before backpressure starts; aiohttp holds twice as many at most."""


@frozen(kw_only=True)
class Opened(Reply):
    """A successful response whose body is still to be read; the receiver closes it."""

    answer: Response


class Transport:
    """Both sessions, open from the start; create it inside a running event loop.

    Args:
        http: timeouts and limits.
        origin: scheme, host and port of the API.
        user_agent: of the storage session; API requests carry their own.
        screen: filters the addresses of a storage host when its name is resolved.
        connector: connector for both sessions instead of our own; the caller closes it.
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
        lookups = cache(limit_lookups)
        plain, screened = Resolver(lookups), Resolver(lookups, screen, self._proxies.hosts)
        self._api = self._session(
            connector or _Connector(limit=0, ssl=checked, resolver=plain),
            {"Accept-Encoding": "gzip, deflate"},
        )
        self._storage = self._session(
            connector or _Connector(limit=0, ssl=checked, resolver=screened),
            {"Accept-Encoding": "identity", "User-Agent": user_agent},
            read_bufsize=_LINK_BUFFER,
        )

    async def attempt(
        self, request: PreparedRequest, headers: Mapping[str, str], authorization: Secret, remaining: float
    ) -> Reply | TransportFailure:
        """Send one API request once and read the whole response, unless the caller streams it.

        Args:
            headers: headers in addition to the request's own.
            authorization: value of the Authorization header; empty for none.
            remaining: seconds until the deadline of the call.
        """
        url = Secret(self._origin + request.target)
        origin = (request.method, request.path, (authorization,) if authorization else ())
        timer = RequestTimer(self._http.connect_timeout, self._http.headers_timeout, remaining)
        try:
            async with timer:
                answer = await self._send(
                    self._api, timer, request.method, url, {**request.headers, **headers}, authorization, request.body
                )
                if isinstance(answer, TransportFailure):
                    return answer
                if request.opened and answer.status < 300:
                    return Opened(answer.status, answer.headers, b"", *origin, answer=answer)
                try:
                    body = await read_whole(answer, request.operation, self._http, request.max_bytes)
                finally:
                    answer.close()
            if isinstance(body, TransportFailure):
                return body
            return Reply(answer.status, answer.headers, body, *origin)
        except TimeoutError as error:
            failure = self._failure(error, timer, self._api, url)
        if timer.call_over:
            text = f"{request.operation} was not completed in time (http.call_timeout)"
            return TransportFailure(timer.stage, TimedOut(text), timed_out=True)
        return failure

    async def follow(
        self, method: str, url: Secret, headers: Mapping[str, str], buffer: int | None
    ) -> Response | TransportFailure:
        """Send one request to a storage, its URL unchanged; redirects are returned, not followed."""
        timer = RequestTimer(self._http.connect_timeout, self._http.headers_timeout)
        try:
            async with timer:
                return await self._send(self._storage, timer, method, url, headers, Secret(""), None, buffer)
        except TimeoutError as error:
            failure = self._failure(error, timer, self._storage, url)
        return failure

    async def close(self) -> None:
        """Close both sessions and their connections, and wake readers of open bodies, which aiohttp does not do."""
        for body in list(self._bodies):
            body.close()
        try:
            await self._api.close()
        finally:  # a cancellation of the first does not leave the second open
            await finish(self._storage.close())

    def abandon(self) -> None:
        """Drop all connections without a running loop: the first step of closing a connector closes its sockets."""
        for session in (self._api, self._storage):
            connector = session.connector
            session.detach()
            if self._own and connector is not None:
                with suppress(StopIteration, RuntimeError):
                    connector.close().__await__().send(None)

    def _session(
        self, connector: aiohttp.BaseConnector, headers: Mapping[str, str], **options: Any
    ) -> aiohttp.ClientSession:
        traces: list[aiohttp.TraceConfig] = []
        if not self._own:  # our own connectors do without, since tracing costs a sixth of a small call
            trace = aiohttp.TraceConfig()
            trace.on_connection_create_end.append(_on_connected)
            trace.on_connection_reuseconn.append(_on_connected)
            traces.append(trace)
        return aiohttp.ClientSession(
            connector=connector,
            connector_owner=self._own,
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=self._http.connect_timeout),
            trace_configs=traces,
            middlewares=[_no_resend],
            auto_decompress=False,  # `Response` decodes those of the API
            max_line_size=MAX_LINE,
            max_field_size=MAX_LINE,
            **options,
        )

    def _forget_address(self, session: aiohttp.ClientSession, url: Secret) -> None:
        """Resolve the name again at the next attempt: after a refused connection it may have another address."""
        parts = urlsplit(url.reveal())
        if self._own and isinstance(session.connector, aiohttp.TCPConnector) and parts.hostname:
            session.connector.clear_dns_cache(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))

    async def _send(
        self,
        session: aiohttp.ClientSession,
        timer: RequestTimer,
        method: str,
        url: Secret,
        headers: Mapping[str, str],
        authorization: Secret,
        body: bytes | None,
        buffer: int | None = None,
    ) -> Response | TransportFailure:
        proxy = self._proxies.for_url(url.reveal())
        try:
            response = await session.request(
                method,
                URL(url.reveal(), encoded=True),
                headers=_all_headers(headers, authorization, proxy, url),
                data=body,
                allow_redirects=False,
                proxy=proxy.url if proxy else None,
                proxy_headers=proxy.headers if proxy else None,
                read_bufsize=buffer,
            )
            latency = timer.mark_headers()
            answer = Response(
                response, self._http.read_timeout, url, buffer, decode=session is self._api, latency=latency
            )
            self._bodies.add(answer)
            return answer
        except FAILURES as error:
            failure = self._failure(error, timer, session, url)
        except BaseException as error:  # a cancellation, or what aiohttp should not raise
            forget_locals(error)  # its frames hold headers and URL
            raise
        return failure

    def _failure(
        self, error: BaseException, timer: RequestTimer, session: aiohttp.ClientSession, url: Secret
    ) -> TransportFailure:
        late = f"no headers within {self._http.headers_timeout:g} s"
        if timer.stage == "connect":
            late = f"no connection within {self._http.connect_timeout:g} s"
            self._forget_address(session, url)
        return to_failure(error, timer.stage, redact_url(url.reveal()), late, self._proxies.describe(url.reveal()))


def _all_headers(headers: Mapping[str, str], key: Secret, proxy: Proxy | None, url: Secret) -> Mapping[str, str]:
    """Return the headers with the key's and, over plain http, the proxy's credentials."""
    if key:
        headers = {**headers, "Authorization": key.reveal()}
    return headers if proxy is None else proxy.add_headers(headers, url.reveal())


class _Connector(aiohttp.TCPConnector):
    """Connector that marks the request's timer when it has a connection, new or pooled."""

    async def connect(self, *arguments: Any, **options: Any) -> Any:
        """Return a connection for a request."""
        connection = await super().connect(*arguments, **options)
        mark_connected()
        return connection


async def _on_connected(session: aiohttp.ClientSession, context: SimpleNamespace, params: Any) -> None:
    mark_connected()


async def _no_resend(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from resending a request.

    It repeats idempotent methods when the connection was lost before the response. Raised as another class, the loss
    reaches `rules.retry`, which decides.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        pass
    raise aiohttp.ClientConnectionError("connection lost")
