"""One submitted package, to be awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..errors import PixxelError
from ..events import Downloaded, Failed, Outcome

if TYPE_CHECKING:
    from ..packages import Package

__all__ = ["Progress", "Transfer"]


@frozen
class Progress:
    """The progress of a transfer.

    Attributes:
        received: bytes on disk.
        status: the service's last status, `streaming`, `downloaded`, `failed` or `cancelled`.
    """

    received: int
    status: str


class Transfer:
    """A submitted package. Await it for the `Downloaded`; its error is raised.

    Cancelling an awaiting task leaves it running; `cancel()` ends it, unless another caller waits for the same package.
    """

    def __init__(self, package: Package, progress: Callable[[], Progress], leave: Callable[[Transfer], None]) -> None:
        self.package = package
        self._progress = progress
        self._leave = leave
        self._outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    @property
    def open(self) -> bool:
        """True: there is always room for its one outcome."""
        return True

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._outcome.done()

    @property
    def progress(self) -> Progress:
        """Its progress."""
        if not self._outcome.done():
            return self._progress()
        if self._outcome.cancelled():
            return Progress(0, "cancelled")
        outcome = self._outcome.result()
        return Progress(outcome.size, "downloaded") if isinstance(outcome, Downloaded) else Progress(0, "failed")

    def __repr__(self) -> str:
        stand = self.progress
        return f"Transfer({self.package}, {stand.status}, {stand.received:,} bytes)"

    def deliver(self, outcome: Outcome) -> None:
        """Take the package's outcome."""
        if not self._outcome.done():
            self._outcome.set_result(outcome)

    def stop(self, error: BaseException) -> None:
        """End it with the manager's error."""
        if isinstance(error, PixxelError):
            self.deliver(Failed(self.package, error))
        self._leave(self)

    def cancel(self) -> None:
        """Cancel it; tasks that await it get a `CancelledError`."""
        self._outcome.cancel()
        self._leave(self)

    def __await__(self) -> Generator[Any, None, Downloaded]:
        outcome = yield from asyncio.shield(self._outcome).__await__()
        if isinstance(outcome, Failed):
            raise outcome.error
        assert isinstance(outcome, Downloaded)  # noqa: S101 - a transfer skips nothing
        return outcome
