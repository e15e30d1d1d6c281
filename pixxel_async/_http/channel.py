"""State shared by all keys of one client: connections, concurrency limit, throttle and retry quota of the API."""

from __future__ import annotations

import asyncio
import os
import ssl as tls
import sys
from collections.abc import Awaitable, Callable
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .._aio.event_loop import running_loop
from .._aio.threads import Threads
from .._protocol.headers import retry_after
from .._protocol.hosts import host_of, is_loopback
from ..errors import ClientClosed
from ..settings import Settings, Timing
from ..settings.constants import SUCCESS_GAIN
from .hooks import Hooks
from .reply import Reply, TransportFailure
from .rules import throttle

if TYPE_CHECKING:
    from .edge.transport import Transport
    from .storage import LinkStorage

_TRANSPORT = f"{__package__}.edge.transport"
"""Module of the connections; it imports aiohttp."""


class Channel:
    """Connections to one API: opened at first use, shared by every key of a client, closed once.

    Args:
        settings: the client's settings.
        timing: clock, sleep and random numbers.
        user_agent: value of the User-Agent header.
        connector: the caller's aiohttp connector for both sessions; addresses are then not filtered by us.
        ssl: TLS context of our own connectors.
        hooks: called around each attempt.

    Attributes:
        permit: awaited before each attempt, after the throttle: a rate limit that processes share. None for none.
    """

    permit: Callable[[], Awaitable[None]] | None = None

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
        self.quota = settings.constants.retry_quota
        self.host = urlsplit(settings.base_url).netloc
        self._connector = connector
        self._ssl = ssl
        self._transport: Transport | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = os.getpid()
        self._closed = False
        self._throttle = throttle.Throttle()
        self._slots = asyncio.Semaphore(settings.http.max_concurrent_calls)
        self._gate = asyncio.Lock()

    @cached_property
    def storage(self) -> LinkStorage:
        """The session for signed URLs; its modules are loaded when it is first used."""
        from .host_limiter import HostLimiter
        from .storage import LinkStorage

        return LinkStorage(
            self.open,
            HostLimiter(self.settings, self.timing),
            self.hooks,
            loopback=is_loopback(host_of(self.settings.base_url)),
            block_private=self.settings.http.block_private_hosts,
        )

    @property
    def is_open(self) -> bool:
        """Whether there are connections to close."""
        return self._transport is not None and self._pid == os.getpid()

    def open(self) -> Transport:
        """Return the sessions, opened at first use.

        Raises:
            ClientClosed: the client was closed, or belongs to another event loop or process.
        """
        if self._closed:
            raise ClientClosed("this client is closed; create a new one, or make the call inside its `async with`")
        if self._pid != os.getpid():
            raise ClientClosed("this client was created before a fork; create one in each process")
        loop = running_loop()
        if self._transport is None:
            self._transport, self._loop = self._connect(), loop
        if self._loop is not loop:
            raise ClientClosed(
                "this client belongs to another event loop: each asyncio.run() starts a new one. Create the client "
                "inside the coroutine that asyncio.run() runs"
            )
        return self._transport

    async def aclose(self) -> None:
        """Close the connections; harmless if already closed."""
        self._closed = True
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.close()

    def abandon(self) -> None:
        """Drop the connections of a client that was never closed."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abandon()

    async def acquire_slot(self) -> None:
        """Take a slot of the concurrency limit once the throttle allows; waiters are served in order.

        The caller releases it. There is no context manager around it, since every call passes here.
        """
        await self._slots.acquire()
        try:
            if self._gate.locked() or throttle.wait_before(self._throttle, self.timing.clock()) > 0:
                async with self._gate:
                    while (wait := throttle.wait_before(self._throttle, self.timing.clock())) > 0:
                        await self.timing.sleep(wait)
                    self._note_start()
            else:
                self._note_start()
            if self.permit is not None:
                await self.permit()
        except BaseException:
            self._slots.release()
            raise

    def release_slot(self) -> None:
        """Give back a slot."""
        self._slots.release()

    def _note_start(self) -> None:
        limit = self.settings.http.calls_per_second
        self._throttle = throttle.after_start(self._throttle, self.timing.clock(), limit)

    def observe(self, outcome: Reply | TransportFailure, sent_at: float, wall: float) -> None:
        """Update throttle and retry quota after an attempt.

        Args:
            sent_at: time at which it was sent, by the client's clock.
            wall: seconds since 1970.
        """
        if isinstance(outcome, TransportFailure):
            return
        if outcome.status < 300:
            self.quota = min(self.settings.constants.retry_quota, self.quota + SUCCESS_GAIN)
            self._throttle = throttle.after_success(self._throttle)
        elif outcome.status in (429, 503):
            pause = min(retry_after(outcome.headers, wall) or 0.0, self.settings.retry.max_retry_after)
            self._throttle = throttle.after_refusal(self._throttle, sent_at, self.timing.clock(), pause)

    async def load(self) -> None:
        """Import the modules of connections in a thread: on the event loop that would take tenths of a second."""
        if _TRANSPORT in sys.modules:
            return
        threads = Threads(1)
        try:
            await threads.run(import_module, _TRANSPORT)
        finally:
            threads.close()

    def _connect(self) -> Transport:
        from .edge.transport import Transport

        return Transport(
            self.settings.http,
            self.settings.base_url,
            self.user_agent,
            lambda host, addresses: self.storage.screen(host, addresses),
            connector=self._connector,
            ssl=self._ssl,
        )
