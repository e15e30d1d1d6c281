"""Requests to signed URLs: sent unchanged, checked at every redirect, and never with an API key."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .._redact import redact_url
from ..errors import UnsafeLink
from ..settings import Secret
from .hooks import STORAGE, Attempt, Hooks, next_call
from .host_limiter import HostLimiter
from .reply import Reply, TransportFailure
from .rules.body_limits import ERROR_BODY_TIMEOUT
from .rules.link_safety import forbidden_reason, next_hop, unsafe_reason

if TYPE_CHECKING:
    from .edge.response import Response
    from .edge.transport import Transport

HOPS = 3
"""Redirects followed at most."""
_SHOWN = frozenset(
    {"content-length", "content-type", "content-range", "date", "etag", "retry-after", "server", "x-amz-request-id"}
)
"""Headers of an answer that hooks see."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class LinkReply:
    """Status and headers of a response, with the body still to be read.

    Args:
        headers: headers to show instead of the response's own.
    """

    def __init__(self, answer: Response, headers: Mapping[str, str] | None = None) -> None:
        self.status = answer.status
        self.headers = answer.headers if headers is None else headers
        self.latency = answer.latency
        self._answer = answer

    async def read(self, *, watched: bool = False) -> bytes:
        """Return the next bytes of the body, undecoded; b"" at its end.

        Args:
            watched: the caller ends a body without progress itself: no timer is set for this read.

        Raises:
            ConnectionFailed: the body was cut.
            TimedOut: no byte came within the read timeout.
        """
        chunk = await self._answer.read(watched=watched)
        if isinstance(chunk, TransportFailure):
            raise chunk.error
        return chunk

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it arrives, undecoded; raises as `read` does."""
        while chunk := await self.read():
            yield chunk

    async def peek(self, limit: int = 65536, *, within: float = ERROR_BODY_TIMEOUT) -> bytes:
        """Return up to `limit` bytes of an error's body: those that arrive within `within` seconds."""
        return await self._answer.start(limit, within)


class LinkStorage:
    """Open signed URLs.

    Args:
        connections: returns the sessions, opened at first use.
        hosts: limits the requests in flight per host.
        hooks: called around each request, without its URL.
        loopback: whether the API is on loopback, so that its storage may be, too.
        block_private: whether addresses of private networks are refused.
    """

    def __init__(
        self,
        connections: Callable[[], Transport],
        hosts: HostLimiter,
        hooks: Hooks,
        *,
        loopback: bool,
        block_private: bool,
    ) -> None:
        self._connections = connections
        self._hosts = hosts
        self._hooks = hooks
        self._loopback = loopback
        self._block_private = block_private

    @asynccontextmanager
    async def get(
        self,
        url: str | Secret,
        *,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        buffer: int | None = None,
    ) -> AsyncIterator[LinkReply]:
        """Open a signed URL; every status is returned, except redirects, which are followed at most three times.

        Waits while the host is paused (429, 503, Retry-After) or at its concurrency limit.

        Args:
            url: sent exactly as given; masked if it is a `Secret`.
            headers: such as Range and If-Range.
            buffer: bytes buffered before backpressure (twice as many at most), and most bytes per read; None for the
                default, which suits a few large bodies.

        Raises:
            UnsafeLink: the URL, or the target of a redirect, is not allowed.
            ConnectionFailed, TimedOut: there was no response.
        """
        url = url if isinstance(url, Secret) else Secret(url)
        async with self._hosts.acquire(url) as slot:
            sent_at = self._hosts.now()
            answer = await self._follow(method, url, headers or {}, buffer)
            try:
                self._hosts.observe(slot, answer, sent_at)
                yield LinkReply(answer)
            finally:
                answer.close()

    def screen(self, host: str, addresses: list[str]) -> list[str]:
        """Filter the addresses of a host to those that may be connected to; raises `UnsafeLink` if none is left."""
        allowed = [
            address
            for address in addresses
            if not forbidden_reason(
                ipaddress.ip_address(address.partition("%")[0]),
                loopback=self._loopback,
                block_private=self._block_private,
            )
        ]
        if not allowed:
            raise UnsafeLink(f"{host} is not opened: it resolves to forbidden addresses only")
        return allowed

    async def _send(
        self, transport: Transport, method: str, url: Secret, headers: Mapping[str, str], buffer: int | None
    ) -> Response | TransportFailure:
        """Send one request, between the hooks."""
        hooks = self._hooks
        if not hooks.active:
            return await transport.follow(method, url, headers, buffer)
        host = urlsplit(url.reveal()).netloc.rpartition("@")[2]
        attempt = Attempt(STORAGE, method, "", 1, call=next_call(), host=host)
        hooks.before(attempt)
        sent_at = self._hosts.now()
        answer = await transport.follow(method, url, headers, buffer)
        hooks.after(attempt, _hide_links(answer, method), self._hosts.now() - sent_at)
        return answer

    async def _follow(self, method: str, url: Secret, headers: Mapping[str, str], buffer: int | None) -> Response:
        transport = self._connections()
        for _ in range(HOPS + 1):
            if reason := unsafe_reason(url.reveal(), loopback=self._loopback, block_private=self._block_private):
                raise UnsafeLink(f"{redact_url(url.reveal())} is not opened: {reason}")
            answer = await self._send(transport, method, url, headers, buffer)
            if isinstance(answer, TransportFailure):
                raise answer.error
            if answer.status not in _REDIRECTS or not answer.headers.get("location"):
                return answer
            answer.close()
            url = _next_hop(url, answer)
        raise UnsafeLink(f"{redact_url(url.reveal())}: more than {HOPS} redirects")


def _hide_links(answer: Response | TransportFailure, method: str) -> Reply | TransportFailure:
    """Return the outcome as hooks see it: no body yet, and no header that may hold a link."""
    if isinstance(answer, TransportFailure):
        return answer
    headers = {name: value for name, value in answer.headers.items() if name in _SHOWN}
    return Reply(answer.status, headers, b"", method)


def _next_hop(url: Secret, answer: Response) -> Secret:
    target = Secret(next_hop(url.reveal(), answer.headers["location"]) or "")
    if not target:
        raise UnsafeLink(f"{redact_url(url.reveal())} redirects to an invalid link")
    return target
