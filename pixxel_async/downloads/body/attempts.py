"""The retry budget of one body: its backoff, and the errors that end it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from ..._protocol.backoff import backoff
from ..._protocol.storage_answers import RetryCounters
from ...errors import DownloadError, LinkExpired, PixxelError, Stalled, TooLarge
from ...settings.constants import MAX_BUSY_TIME, MAX_LINK_RENEWALS, PROGRESS_STEP
from ..limits.stall import StallDetected

if TYPE_CHECKING:
    from ..item import Item
    from ..services import Services

__all__ = ["RetryBudget"]

MAX_STALLS = 3
"""Stalls without progress between them after which a body fails."""


@define(eq=False, kw_only=True)
class RetryBudget:
    """The retry budget of one body: each method returns while something is left of it, and raises when it is spent.

    Args:
        high: bytes that were on the disk at the start; only bytes beyond them refill the budget.
    """

    item: Item
    services: Services
    high: int
    _counters: RetryCounters = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._counters = RetryCounters(PROGRESS_STEP, high=self.high)

    def record_progress(self, size: int) -> None:
        """Refill the budget if `size` bytes are enough progress."""
        self._counters.record_progress(size)

    async def record_break(self, error: Exception) -> None:
        """Count a broken or stalled connection, and back off."""
        if isinstance(error, StallDetected):
            self._counters.stalls += 1
            if self._counters.stalls >= MAX_STALLS:
                window = self.item.stall_timeout
                raise self.error(Stalled, f"too few bytes in {window:g} s, {MAX_STALLS} times")
        if isinstance(error, PixxelError) and not error.retryable:
            raise self.error(DownloadError, str(error), retryable=False)
        await self.back_off(str(error) or "the body stalled")

    async def back_off(self, reason: str) -> None:
        """Count an attempt without progress, and sleep before the next."""
        retry = self.item.client.settings.retry
        self._counters.attempts += 1
        attempts = self._counters.attempts
        if attempts >= retry.max_attempts:
            raise self.error(DownloadError, f"{attempts} attempts without progress; the last: {reason}")
        timing = self.services.timing
        await timing.sleep(backoff(attempts, timing.random(), base=retry.initial_delay, cap=retry.max_delay))

    def count_renewal(self, reason: str) -> None:
        """Count a link that was refused."""
        self._counters.renewals += 1
        if self._counters.renewals > MAX_LINK_RENEWALS:
            raise self.error(LinkExpired, f"the storage refuses the link, and fresh ones too: {reason}")

    def count_busy(self, reason: str) -> None:
        """Count a rate limit of the storage; the host limiter makes the next request wait."""
        longest = MAX_BUSY_TIME
        if self._counters.record_busy(self.services.timing.clock()) > longest:
            raise self.error(DownloadError, f"the storage was busy for {longest:g} s: {reason}")

    def error(self, kind: type[DownloadError], message: str, *, retryable: bool = True) -> DownloadError:
        """Create an error of this package, in the stage `stream`."""
        error = kind(message, package=self.item.identity, stage="stream")
        error.retryable = retryable and kind is not TooLarge
        return error
