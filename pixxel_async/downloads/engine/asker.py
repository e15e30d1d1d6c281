"""Request a package once, and interpret the response."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ...errors import (
    ConfigError,
    Forbidden,
    KeyRefused,
    OutcomeUnknown,
    PackageFailed,
    PackageTimedOut,
    PixxelError,
    RateLimited,
)
from ...events import Paused, Waiting
from ..pipeline.ask import ask
from .key_check import KeyProbe

if TYPE_CHECKING:
    from ...packages import PackageState
    from ..item import Item
    from ..schedule.schedule import Schedule
    from ..services import Services
    from .organization import OrganizationGuard

__all__ = ["Asker", "FailItem"]

PAUSE = 10.0
"""Seconds of pause after a 429 without Retry-After; chosen."""
MAX_PAUSE = 300.0
"""Longest pause in seconds, even if Retry-After is longer; chosen."""


class FailItem(Protocol):
    """End one item with an error."""

    def __call__(self, item: Item, error: PixxelError, *, about_package: bool = True) -> object: ...


class Asker:
    """Request packages, and queue each by the response: ready, packing, or ended.

    Args:
        fail: ends one item with an error.
        organization: binds the record to the organization of the key.
        refused: ends all items of a client whose key is refused, or whose record belongs to another organization.
    """

    def __init__(
        self,
        services: Services,
        schedule: Schedule,
        organization: OrganizationGuard,
        *,
        fail: FailItem,
        refused: Callable[[Item, PixxelError], object],
    ) -> None:
        self._services = services
        self._schedule = schedule
        self._organization = organization
        self._fail = fail
        self._refused = refused
        self._key_probe = KeyProbe(services.timing)

    async def ask(self, item: Item) -> None:
        """Request one package; afterwards it is ready, waits, or has ended."""
        if self._schedule.paused and item.until <= self._services.timing.clock():
            self._fail_late(item)
            return
        if not item.asks and item.asked_at == item.sent_at:
            item.began = item.sent_at
        item.asks += 1
        deadline = item.settings.timeout
        try:
            async with asyncio.timeout(deadline):  # also for the last one, which is made when it is nearly over
                if item.package.asks_api:
                    await self._organization.ensure()
                state = await ask(item, self._services)
        except PixxelError as error:
            await self.handle_failure(item, error)
        except TimeoutError:
            self._fail(item, PackageTimedOut(f"no answer in {deadline:g} s (deadline)", package=item.identity))
        else:
            self._handle_state(item, state)

    async def handle_failure(self, item: Item, error: PixxelError) -> None:
        """Handle a failed request: a rate limit, a lost answer, a refused key, or a failed package."""
        if isinstance(error, RateLimited):
            item.asks = max(item.asks - 1, 0)
            seconds = min(PAUSE if error.retry_after is None else error.retry_after, MAX_PAUSE)
            if self._schedule.pause(seconds):
                self._services.emit(Paused(item.identity, seconds, error.retry_after))
            self._schedule.poll_soon(item)
        elif isinstance(error, OutcomeUnknown) and item.lost_answers < item.package.max_lost_answers:
            item.lost_answers += 1
            self._schedule.poll_in(item, item.client.settings.poll.initial_interval)
        elif isinstance(error, KeyRefused | Forbidden):
            verdict = await self._key_probe.probe(item.client)
            self._fail(item, error, about_package=verdict == "accepted")
            if isinstance(verdict, KeyRefused | Forbidden):
                self._refused(item, verdict)
        else:
            self._fail(item, error)
            if isinstance(error, ConfigError):
                self._refused(item, error)

    def _handle_state(self, item: Item, state: PackageState) -> None:
        if state.failed:
            self._fail(item, PackageFailed(state.message, package=item.identity))
        elif state.ready:
            item.link = state.link
            life = state.link.good_for(item.client.timing.clock()) if state.link is not None else math.inf
            self._schedule.queue_stream(item, life if life > 0 else math.inf)
        else:
            requested, usual = state.retry_after, item.client.settings.poll.initial_interval
            self.poll_later(item, requested if requested is not None and requested > usual else None)

    def poll_later(self, item: Item, retry_after: float | None = None) -> None:
        """Queue the next poll of a package that is not ready, or fail it at its deadline.

        Args:
            retry_after: seconds before which the service does not want to be asked again; None if it named none.
        """
        age = self._services.timing.clock() - item.began
        if age >= item.settings.timeout:
            self._fail_late(item)
            return
        self._services.emit(Waiting(item.identity, item.status, age))
        self._schedule.record_pending(item, retry_after)

    def _fail_late(self, item: Item) -> None:
        """Fail a package that is not ready at its deadline."""
        age = self._services.timing.clock() - item.began
        stand = f"still {item.status or 'without a status'!r} after {age:.0f} s and {item.asks} requests"
        reason = "; the service asked for a pause" if self._schedule.paused else ""
        self._fail(item, PackageTimedOut(f"{stand} (deadline){reason}", package=item.identity))
