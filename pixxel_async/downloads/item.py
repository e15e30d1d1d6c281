"""A submitted package that has not ended; kept small, since there may be a hundred thousand of them."""

from __future__ import annotations

import os
from asyncio import Semaphore, Timeout
from contextvars import Context, copy_context
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from attrs import define, field

from ..packages import PackageEntry

if TYPE_CHECKING:
    from ..client import PixxelClient
    from ..events import Outcome
    from ..packages import Link, Package
    from ..settings import DownloadSettings
    from ..settings.constants import Constants
    from .disk.destination import Destination

__all__ = ["BatchContext", "Item", "ItemKey", "OutcomeSink", "WorkerHold"]

ItemKey: TypeAlias = "Package | tuple[Package, Path, PixxelClient]"
"""Key of a package under way: with folder and client where they are not the manager's."""

NEVER = (0.0, 0.0)


class OutcomeSink(Protocol):
    """A receiver of the outcome of an item: a batch or a transfer."""

    @property
    def open(self) -> bool:
        """Whether there is room for outcomes; new work for a full sink waits."""
        ...

    def deliver(self, outcome: Outcome) -> None:
        """Take the outcome of an item."""
        ...

    def stop(self, error: BaseException) -> None:
        """End without further outcomes: the key is refused, the disk is away, or the manager was closed."""
        ...


@define(eq=False)
class BatchContext:
    """The values shared by all items of one call.

    Attributes:
        client: its key is used for requests.
        folder: folder of the part files, and unless an object store is used of the final files.
        destination: destination of the final files.
        settings: of the downloads.
        below: the folder as text with a separator at its end, for very many names.
        fresh: number of these items that have not been requested yet.
        streaming: number of their bodies that are streaming now.
        bodies: places for those that read a body; of packages ahead of them, the responses wait here.
        variables: contextvars of the call; the work for its items, their hooks and events run with them.
    """

    client: PixxelClient
    folder: Path
    destination: Destination
    settings: DownloadSettings
    fresh: int = 0
    streaming: int = 0
    bodies: Semaphore = field(init=False, repr=False)
    variables: Context = field(factory=copy_context, init=False, repr=False)
    below: str = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.below = os.path.join(self.folder, "")
        self.bodies = Semaphore(self.settings.max_concurrent_downloads)


@define(eq=False)
class WorkerHold:
    """A worker's hold on one item.

    Attributes:
        limit: the time-out around it, which can be brought forward.
        size: bytes of it that are here.
    """

    limit: Timeout
    size: int = 0

    def cancel(self) -> None:
        """Cancel the worker's work on the item."""
        if not self.limit.expired():
            self.limit.reschedule(0.0)


class Item:
    """One package under way.

    Attributes:
        original: the package, with name and fields where the source gave some.
        context: shared with the others of its call.
        sinks: receivers of the outcome.
        began: when it was submitted, then when it was first asked for, and later by as long as it waited for a stream;
            seconds of the client's clock.
        asked_at, sent_at, pending_at, gap, asks: state of its polling; see `schedule/rules`.
        queued_at: when it began to wait for a stream.
        since: the throughput meter's reading when its stream began.
        lost_answers: number of POSTs whose answer was lost.
        download_id: the service's id of a package requested by POST; "" before.
        status: the service's last status word.
        link: an unused signed link.
        running: hold of the worker that has it; None without one.
        text: the package in its text form while a worker has it, else "", to save memory.
    """

    __slots__ = (
        "asked_at",
        "asks",
        "began",
        "context",
        "download_id",
        "gap",
        "link",
        "lost_answers",
        "original",
        "pending_at",
        "queued_at",
        "running",
        "sent_at",
        "since",
        "sinks",
        "status",
        "text",
    )  # fmt: skip

    def __init__(self, entry: PackageEntry, context: BatchContext, began: float) -> None:
        bare = entry.name is None and entry.ended is None and not entry.fields
        self.original: Package | PackageEntry = entry.package if bare else entry
        self.context = context
        self.sinks: tuple[OutcomeSink, ...] = ()
        self.began = began
        self.asked_at = self.sent_at = self.pending_at = self.queued_at = began
        self.gap = 0.0
        self.asks = 0
        self.since = NEVER
        self.lost_answers = 0
        self.download_id = ""
        self.status = ""
        self.link: Link | None = None
        self.running: WorkerHold | None = None
        self.text = ""

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
        return self.original.package if isinstance(self.original, PackageEntry) else self.original

    @property
    def entry(self) -> PackageEntry:
        """The package with the fields that its name may use."""
        return self.original if isinstance(self.original, PackageEntry) else PackageEntry(self.original)

    @property
    def identity(self) -> str:
        """The package in its text form."""
        return self.text or str(self.package)

    @property
    def restarts(self) -> bool:
        """Whether another request may restart its packing."""
        return self.package.restarts

    @property
    def until(self) -> float:
        """Its deadline, in seconds of the client's clock."""
        return self.began + self.settings.timeout

    @property
    def open(self) -> bool:
        """Whether one of its sinks has room for its outcome."""
        return any(sink.open for sink in self.sinks)
