"""The services of a manager that every package's pipeline uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

if TYPE_CHECKING:
    from .._aio.threads import Threads
    from ..events import Event
    from ..settings import Timing
    from .disk.disk import Disk
    from .disk.publisher import Publisher
    from .limits.bandwidth import BandwidthLimiter
    from .limits.connections import ConnectionBudget
    from .limits.free_space import DiskSpace
    from .limits.stall import Watchdog
    from .record import Record

__all__ = ["ReadServices", "Services"]


@frozen
class Services:
    """Services shared by all items of one manager.

    Attributes:
        now: seconds since 1970.
        emit: publishes an event.
    """

    record: Record
    disk: Disk
    threads: Threads
    publisher: Publisher
    watchdog: Watchdog
    disk_space: DiskSpace
    connections: ConnectionBudget
    bandwidth: BandwidthLimiter
    timing: Timing
    now: Callable[[], float]
    emit: Callable[[Event], None]


class ReadServices(Protocol):
    """The services that a plan reads from; `Services` includes them."""

    @property
    def record(self) -> Record: ...

    @property
    def disk(self) -> Disk: ...

    @property
    def threads(self) -> Threads: ...
