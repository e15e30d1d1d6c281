"""Signed links: opened exactly as given, checked at every hop, and never with a key."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from .._redact import place
from ..errors import UnsafeLink
from .host_limiter import HostLimiter
from .reply import TransportFailure
from .rules.body_limits import TELLING
from .rules.link_safety import check_link, next_hop, off_limits

if TYPE_CHECKING:
    from .edge.response import Response
    from .edge.transport import Transport

HOPS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class LinkReply:
    """The head of an answer, and its body to be read on.

    Args:
        headers: to show instead of its own.
    """

    def __init__(self, answer: Response, headers: Mapping[str, str] | None = None) -> None:
        self.status = answer.status
        self.headers = answer.headers if headers is None else headers
        self._answer = answer

    async def read(self) -> bytes:
        """The next bytes of the body, undecoded; nothing at its end. Raises as `chunks` does."""
        chunk = await self._answer.read()
        if isinstance(chunk, TransportFailure):
            raise chunk.error
        return chunk

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it arrives, undecoded; raises `ConnectionFailed` when it is cut, `TimedOut` without progress."""
        while chunk := await self.read():
            yield chunk

    async def peek(self, limit: int = 65536, *, within: float = TELLING) -> bytes:
        """Up to so many bytes of an error's body; what came, when it is cut or takes longer than `within` seconds."""
        return await self._answer.start(limit, within)


class LinkStorage:
    """Opens signed links.

    Args:
        connections: returns the sessions, opening them if need be.
        hosts: whose turn it is at each host.
        loopback: whether the API is on loopback, so that its storage may be too.
        block_private: whether private networks are off limits.
    """

    def __init__(
        self, connections: Callable[[], Transport], hosts: HostLimiter, *, loopback: bool, block_private: bool
    ) -> None:
        self._connections = connections
        self._hosts = hosts
        self._loopback = loopback
        self._block_private = block_private

    @asynccontextmanager
    async def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, method: str = "GET", buffer: int | None = None
    ) -> AsyncIterator[LinkReply]:
        """Open a signed link; every status is an answer, but redirects, which are followed at most three times.

        It waits for its turn while the host is paused by 429, 503 or Retry-After, or has as many requests as it bears.

        Args:
            url: the link, sent exactly as given.
            headers: such as Range and If-Range.
            buffer: bytes that wait for their reader before the peer is slowed down, twice as many at most, and bytes
                that are read at once; None for what suits few large bodies.

        Raises:
            UnsafeLink: the link, or where it redirects to, is off limits.
            ConnectionFailed, TimedOut: there was no answer.
        """
        async with self._hosts.turn(url) as door:
            sent_at = self._hosts.now()
            answer = await self._followed(method, url, headers or {}, buffer)
            try:
                self._hosts.learn(door, answer, sent_at)
                yield LinkReply(answer)
            finally:
                answer.close()

    def screen(self, host: str, addresses: list[str]) -> list[str]:
        """Of the addresses that a host's name stands for those that may be connected to."""
        allowed = [
            address
            for address in addresses
            if not off_limits(
                ipaddress.ip_address(address.partition("%")[0]),
                loopback=self._loopback,
                block_private=self._block_private,
            )
        ]
        if not allowed:
            raise UnsafeLink(f"{host} is not opened: its name leads to addresses that are off limits")
        return allowed

    async def _followed(self, method: str, url: str, headers: Mapping[str, str], buffer: int | None) -> Response:
        transport = self._connections()
        for _ in range(HOPS + 1):
            check_link(url, loopback=self._loopback, block_private=self._block_private)
            answer = await transport.follow(method, url, headers, buffer)
            if isinstance(answer, TransportFailure):
                raise answer.error
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not location:
                return answer
            answer.close()
            url = next_hop(url, location)
        raise UnsafeLink(f"{place(url)}: more than {HOPS} redirects")
