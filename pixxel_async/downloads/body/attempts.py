"""How long one body is tried: waits between its attempts, and the errors that end it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from ..._protocol.backoff import backoff
from ..._protocol.storage_answers import RetryCounters
from ...errors import DownloadError, LinkExpired, PixxelError, Stalled, TooLarge
from ..limits.stall import StallDetected

if TYPE_CHECKING:
    from ..item import Item
    from ..services import Services

__all__ = ["RetryBudget"]

MOST_STALLS = 3


@define(eq=False, kw_only=True)
class RetryBudget:
    """One body's; each method returns while there is hope, and raises the package's end when there is none.

    Args:
        high: bytes that were on disk before.
    """

    item: Item
    tools: Services
    high: int
    _tries: RetryCounters = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._tries = RetryCounters(self.item.terms.settings.progress_step, high=self.high)

    def arrived(self, size: int) -> None:
        """So many bytes are here now; enough of them give everything back."""
        self._tries.arrived(size)

    async def broken(self, error: Exception) -> None:
        """A connection broke, or stalled."""
        if isinstance(error, StallDetected):
            self._tries.stalls += 1
            if self._tries.stalls >= MOST_STALLS:
                window = self.item.terms.settings.stall
                raise self.error(Stalled, f"too few bytes in {window:g} s, {MOST_STALLS} times")
        if isinstance(error, PixxelError) and not error.retryable:
            raise self.error(DownloadError, str(error), retryable=False)
        await self.again(str(error) or "the body stalled")

    async def again(self, why: str) -> None:
        """Wait before the next attempt, if there is one left."""
        settings, retry = self.item.terms.settings, self.item.terms.client.settings.retry
        self._tries.attempts += 1
        if self._tries.attempts >= settings.stream_attempts:
            raise self.error(DownloadError, f"{self._tries.attempts} attempts without progress; the last: {why}")
        drawn = backoff(self._tries.attempts, self.tools.timing.dice(), base=retry.base, cap=retry.cap)
        await self.tools.timing.sleep(drawn)

    def renew(self, told: str) -> None:
        """A link was refused; fresh ones are asked for so often."""
        self._tries.renewals += 1
        if self._tries.renewals > self.item.terms.settings.renewals:
            raise self.error(LinkExpired, f"the storage refuses the link, and fresh ones too: {told}")

    def busy(self, told: str) -> None:
        """The storage has too much to do; the next request waits by itself until the host is no longer paused."""
        longest = self.item.terms.settings.busy
        if self._tries.busy(self.tools.timing.clock()) > longest:
            raise self.error(DownloadError, f"the storage was busy for {longest:g} s: {told}")

    def error(self, kind: type[DownloadError], message: str, *, retryable: bool = True) -> DownloadError:
        """An error of this package's body."""
        error = kind(message, package=self.item.identity, stage="stream")
        error.retryable = retryable and kind is not TooLarge
        return error
