"""What every package's way to the disk needs of the manager."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

if TYPE_CHECKING:
    from .._aio.threads import Threads
    from ..events import Event
    from ..settings import Timing
    from .disk.disk import Disk
    from .limits.bandwidth import Pace
    from .limits.connections import Lines
    from .limits.free_space import Room
    from .limits.stall import Watchdog
    from .record import Record

__all__ = ["Sight", "Tools"]


@frozen
class Tools:
    """Shared by all items of one manager.

    Attributes:
        now: seconds since 1970.
        tell: takes what happens, for whoever listens.
    """

    record: Record
    disk: Disk
    threads: Threads
    watchdog: Watchdog
    room: Room
    lines: Lines
    pace: Pace
    timing: Timing
    now: Callable[[], float]
    tell: Callable[[Event], None]


class Sight(Protocol):
    """What a plan is read from; a manager's tools have all of it."""

    @property
    def record(self) -> Record: ...

    @property
    def disk(self) -> Disk: ...

    @property
    def threads(self) -> Threads: ...
