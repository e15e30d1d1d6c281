"""DNS lookups in threads of our own, and the check of each address that a signed URL's host has.

It is part of the guard against request forgery: what is checked is what is connected to.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Set
from functools import partial
from typing import TYPE_CHECKING

from aiohttp.abc import AbstractResolver, ResolveResult

if TYPE_CHECKING:
    import anyio

__all__ = ["Resolver", "Screen", "limit_lookups"]

_LOOKUPS = 8
"""DNS lookups at the same time, in threads of our own: the host's pools are not ours."""

Screen = Callable[[str, list[str]], list[str]]
"""Filter the addresses of a host to those that may be connected to; raises `UnsafeLink` if none is left."""


def limit_lookups() -> anyio.CapacityLimiter:
    """Return the limiter of concurrent lookups; made at the first one, since it loads anyio's event loop."""
    import anyio

    return anyio.CapacityLimiter(_LOOKUPS)


class Resolver(AbstractResolver):
    """DNS resolver in threads of our own, which drops the addresses that a signed link may not lead to.

    aiohttp connects to the addresses returned here, so that a name cannot change its address in between (DNS
    rebinding). Proxies may have any address, and resolve names themselves.

    Args:
        threads: returns the limiter of concurrent lookups.
        screen: filters addresses; None accepts all, as for the API itself.
        proxies: hosts that are not screened.
    """

    def __init__(
        self,
        threads: Callable[[], anyio.CapacityLimiter],
        screen: Screen | None = None,
        proxies: Set[str] = frozenset(),
    ) -> None:
        self._threads = threads
        self._screen = screen
        self._proxies = proxies

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        import anyio.to_thread

        look_up = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM)
        resolved = await anyio.to_thread.run_sync(look_up, abandon_on_cancel=True, limiter=self._threads())
        families = {str(sockaddr[0]): kind for kind, _, _, _, sockaddr in resolved}
        addresses = list(families)
        if self._screen is not None and host not in self._proxies:
            addresses = self._screen(host, addresses)
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=families[address], proto=0, flags=socket.AI_NUMERICHOST
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Do nothing: no resource is held."""
