"""One package that was submitted and has not ended: a small value, for there may be a hundred thousand of them."""

from __future__ import annotations

import os
from asyncio import Timeout
from contextvars import Context, copy_context
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from attrs import define, field

from ..packages import Wanted

if TYPE_CHECKING:
    from ..client import PixxelClient
    from ..events import Outcome
    from ..packages import Link, Package
    from ..settings import DownloadSettings
    from ..settings.constants import Constants
    from .disk.destination import Destination

__all__ = ["BatchContext", "Item", "ItemKey", "OutcomeSink", "WorkerHold"]

ItemKey: TypeAlias = "Package | tuple[Package, Path, PixxelClient]"
"""What tells items that are under way apart."""

NEVER = (0.0, 0.0)


class OutcomeSink(Protocol):
    """A receiver of the outcome of an item: a batch or a transfer."""

    @property
    def open(self) -> bool:
        """Whether there is room for outcomes; new work for a sink that is full has to wait."""
        ...

    def deliver(self, outcome: Outcome) -> None:
        """The item has ended."""
        ...

    def stop(self, error: BaseException) -> None:
        """There will be no further outcomes: the key is refused, the disk is full, or the manager was closed."""
        ...


@define(eq=False)
class BatchContext:
    """What all items of one call share.

    Attributes:
        client: whose key asks.
        folder: where part files, and mostly the final files, are.
        destination: where the final files go.
        settings: how.
        below: the folder as text with a separator at its end, for very many names.
        fresh: of these items, how many wait to be asked for the first time.
        streaming: bodies of these items that are streaming now.
        variables: contextvars of the call; the work for its items, their hooks and events run with them.
    """

    client: PixxelClient
    folder: Path
    destination: Destination
    settings: DownloadSettings
    fresh: int = 0
    streaming: int = 0
    variables: Context = field(factory=copy_context, init=False, repr=False)
    below: str = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.below = os.path.join(self.folder, "")


@define(eq=False)
class WorkerHold:
    """A worker's hold on one item.

    Attributes:
        identity: the package in its text form.
        limit: the time-out around it, which can be brought forward.
        here: bytes of it that are here.
    """

    identity: str
    limit: Timeout
    here: int = 0

    def drop(self) -> None:
        """Nobody wants the item any more: its worker lets go of it."""
        if not self.limit.expired():
            self.limit.reschedule(0.0)


class Item:
    """One package on its way.

    Attributes:
        given: the package, or it with what its row told, where there was one.
        context: what it shares with the others of its call.
        sinks: who wants the outcome.
        began: when it was submitted, then when it was first asked for, and later by as long as it waited for a stream;
            seconds of the client's clock.
        asked, sent, seen, gap, asks: what `rules/waits.py` decides by.
        queued: when it began to wait for a stream.
        since: what the pipe said when its stream began.
        lost: how often the answer to a POST got lost.
        download_id: by which the service knows a package that is asked for by POST; "" until it was.
        status: what the service said last.
        link: a signed link that is at hand.
        running: the worker that has it, while one has.
    """

    __slots__ = (
        "asked",
        "asks",
        "began",
        "context",
        "download_id",
        "gap",
        "given",
        "link",
        "lost",
        "queued",
        "running",
        "seen",
        "sent",
        "since",
        "sinks",
        "status",
    )  # fmt: skip

    def __init__(self, wanted: Wanted, context: BatchContext, began: float) -> None:
        bare = wanted.name is None and wanted.ended is None and not wanted.fields
        self.given: Package | Wanted = wanted.package if bare else wanted
        self.context = context
        self.sinks: tuple[OutcomeSink, ...] = ()
        self.began = began
        self.asked = self.sent = self.seen = self.queued = began
        self.gap = 0.0
        self.asks = 0
        self.since = NEVER
        self.lost = 0
        self.download_id = ""
        self.status = ""
        self.link: Link | None = None
        self.running: WorkerHold | None = None

    @property
    def settings(self) -> DownloadSettings:
        """The settings of its batch."""
        return self.context.settings

    @property
    def client(self) -> PixxelClient:
        """The client whose key requests it."""
        return self.context.client

    @property
    def constants(self) -> Constants:
        """The constants of its client."""
        return self.context.client.settings.constants

    @property
    def stall_timeout(self) -> float:
        """Seconds without enough bytes after which a connection of its body is given up."""
        return self.constants.stall_timeout or self.client.settings.http.read_timeout

    @property
    def folder(self) -> Path:
        """The folder of its part file."""
        return self.context.folder

    @property
    def destination(self) -> Destination:
        """The destination of its final file."""
        return self.context.destination

    @property
    def package(self) -> Package:
        """The package."""
        return self.given.package if isinstance(self.given, Wanted) else self.given

    @property
    def wanted(self) -> Wanted:
        """The package, with the fields that its name may use."""
        return self.given if isinstance(self.given, Wanted) else Wanted(self.given)

    @property
    def identity(self) -> str:
        """The package in its text form; kept only while a worker has the item."""
        return self.running.identity if self.running is not None else str(self.package)

    @property
    def restarts(self) -> bool:
        """Whether asking again may begin its packing anew."""
        return self.package.restarts

    @property
    def until(self) -> float:
        """When its time is over."""
        return self.began + self.settings.timeout

    @property
    def open(self) -> bool:
        """Whether somebody wants it and has room for its outcome."""
        return any(sink.open for sink in self.sinks)
