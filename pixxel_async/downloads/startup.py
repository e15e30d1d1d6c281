"""Start, drain and close the parts of a manager."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from .._aio.active_clock import ActiveClock
from .._aio.shield import finish
from .._aio.threads import Threads
from .disk.disk import Disk
from .disk.locations import Locations, Target
from .disk.publisher import Publisher
from .engine.engine import Engine
from .engine.organization import OrganizationGuard
from .limits.bandwidth import BandwidthLimiter
from .limits.connections import ConnectionBudget
from .limits.free_space import DiskSpace
from .limits.stall import Watchdog
from .record import Record
from .services import Services

if TYPE_CHECKING:
    from ..client import PixxelClient
    from ..errors import DownloadError
    from ..events import Event
    from .events_hub import EventHub

NICENESS = 10
"""By how much disk threads are nicer than the event loop's thread; measured: timers are late by a quarter as much."""

__all__ = ["drain_out", "shut", "start"]


async def start(
    client: PixxelClient,
    place: Target,
    spool: str | Path | None,
    record: Path | None,
    shard: tuple[int, int] | None,
    emit: Callable[[Event], None],
) -> tuple[Engine, Locations]:
    """Open the record at a location and make an engine for it; arguments as of `DownloadManager`.

    Args:
        shard: of the manager's settings.
        emit: publishes an event.

    Raises:
        ConfigError: the location or the record cannot be used.
    """
    threads, disk = Threads(max(2, min(4, os.cpu_count() or 1)), niceness=NICENESS), Disk()
    locations, opened = Locations(disk, threads, record, shard), None
    try:
        location = await locations.at(place, spool)
        path, note = await locations.record_of(location)
        opened = await Record.open(path, origin=client.origin)
        if note or (opened.is_new and await location.destination.has_sums()):  # a dead machine published no rows
            await opened.note_lost()
        if not note and (opened.notes or (opened.is_new and record is None)):  # the record is lost, or there was none
            await threads.run(disk.sweep, location.folder)
        opened.notes += (note,) if note else ()
    except BaseException:
        await finish(locations.close())
        threads.close()
        if opened is not None:
            await opened.aclose()
        raise
    clock = ActiveClock(client.timing.clock)
    room = DiskSpace(disk, threads, clock)
    timing = evolve(client.timing, clock=clock)
    services = Services(
        opened, disk, threads, Publisher(opened, disk, threads), Watchdog(), room, ConnectionBudget(timing),
        BandwidthLimiter(timing), timing, timing.now, emit,
    )  # fmt: skip
    clock.start()
    return Engine(services, OrganizationGuard(opened, client), location, client.settings, clock), locations


async def drain_out(engine: Engine, drain: float | None) -> None:
    """Wait until no package is under way.

    Args:
        drain: seconds at most; None for no limit.
    """
    if drain is None:
        await engine.wait_until_idle()
    elif drain > 0:
        import anyio  # its event loop is loaded for this alone

        with anyio.move_on_after(drain):
            await engine.wait_until_idle()


async def shut(engine: Engine, locations: Locations, hub: EventHub, error: DownloadError) -> None:
    """Cancel all packages under way and close everything; the folders are unlocked last.

    Args:
        error: raised in callers that still wait for a package.
    """
    try:
        await engine.close()
        engine.clock.stop()
        engine.stop(error, lambda item: True)
    finally:
        hub.close()
        engine.services.watchdog.close()
        await engine.services.record.aclose()
        await locations.close()
        engine.services.threads.close()
