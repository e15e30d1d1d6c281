"""What every package's way to the disk needs of the manager."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from ..events import Event
    from ..settings import Timing
    from .disk import Disk
    from .lines import Lines
    from .pace import Pace
    from .record import Record
    from .room import Room
    from .threads import Threads
    from .watchdog import Watchdog

__all__ = ["Tools"]


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
