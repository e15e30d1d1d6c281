"""What all keys of one client share: the connections, and the pace towards the API."""

from __future__ import annotations

import asyncio
import os
import ssl as tls
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from .._protocol.headers import retry_after
from ..settings import Settings, Timing
from ..settings.constants import SUCCESS_GAIN
from .hooks import Hooks
from .host_limiter import HostLimiter
from .reply import Reply, TransportFailure
from .rules import throttle
from .rules.link_safety import host_of, is_loopback
from .storage import LinkStorage

if TYPE_CHECKING:
    from .edge.transport import Transport


class Channel:
    """The way to one API: opened at first use, used by every key of a client, closed once.

    Args:
        settings: of the client.
        timing: clock, sleep and random numbers.
        user_agent: what we call ourselves.
        connector: an aiohttp connector of the caller's for both sessions; it judges addresses itself.
        ssl: TLS context for our own connectors.
        hooks: told of each attempt.
    """

    def __init__(
        self,
        settings: Settings,
        timing: Timing,
        user_agent: str,
        *,
        connector: Any = None,
        ssl: tls.SSLContext | None = None,
        hooks: Hooks | None = None,
    ) -> None:
        self.settings = settings
        self.timing = timing
        self.user_agent = user_agent
        self.hooks = hooks or Hooks()
        self.quota = settings.retry.quota
        self.storage = LinkStorage(
            self.open,
            HostLimiter(settings, timing),
            loopback=is_loopback(host_of(settings.base_url)),
            block_private=settings.http.block_private_hosts,
        )
        self._connector = connector
        self._ssl = ssl
        self._transport: Transport | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = os.getpid()
        self._closed = False
        self._brake = throttle.Throttle()
        self._slots = asyncio.Semaphore(settings.http.max_concurrent_calls)
        self._gate = asyncio.Lock()

    @property
    def is_open(self) -> bool:
        """Whether there are connections to be closed."""
        return self._transport is not None and self._pid == os.getpid()

    def open(self) -> Transport:
        """The sessions, made at first use.

        Raises:
            RuntimeError: when closed, or in another event loop or process than the one it was first used in.
        """
        if self._closed:
            raise RuntimeError("this client is closed; make a new one")
        if self._pid != os.getpid():
            raise RuntimeError("this client was made before a fork; make one in each process")
        loop = asyncio.get_running_loop()
        if self._transport is None:
            self._transport, self._loop = self._connect(), loop
        if self._loop is not loop:
            raise RuntimeError("this client belongs to another event loop; make one in each loop")
        return self._transport

    async def aclose(self) -> None:
        """Close what is open; once is enough, twice is harmless."""
        self._closed = True
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.close()

    def abandon(self) -> None:
        """Drop the connections of a client that nobody closed."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abandon()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """One of the calls in flight, begun no sooner than the pace allows; waiters go in their order."""
        async with self._slots:
            async with self._gate:
                while (wait := throttle.wait_before(self._brake, self.timing.clock())) > 0:
                    await self.timing.sleep(wait)
                self._brake = throttle.started(self._brake, self.timing.clock(), self.settings.http.calls_per_second)
            yield

    def learn(self, got: Reply | TransportFailure, sent_at: float, wall: float) -> None:
        """Let brake and quota take in how an attempt ended.

        Args:
            sent_at: when it was sent, by the client's clock.
            wall: seconds since 1970.
        """
        if isinstance(got, TransportFailure):
            return
        retry = self.settings.retry
        if got.status < 300:
            self.quota = min(retry.quota, self.quota + SUCCESS_GAIN)
            self._brake = throttle.answered(self._brake)
        elif got.status in (429, 503):
            pause = min(retry_after(got.headers, wall) or 0.0, retry.max_retry_after)
            self._brake = throttle.refused(self._brake, sent_at, self.timing.clock(), pause)

    def _connect(self) -> Transport:
        from .edge.transport import Transport

        return Transport(
            self.settings.http,
            self.settings.base_url,
            self.user_agent,
            self.storage.screen,
            connector=self._connector,
            ssl=self._ssl,
        )
