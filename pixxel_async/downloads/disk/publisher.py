"""Group commit of final files: all packages that wait share two commits of the record and one sync of each folder.

Packages that are proved while a group is being published form the next group. A group takes
three steps; a crash between any two of them is repaired by the next run (`pipeline/rules/recovery.py`):

1. record `publishing`, durably (write-ahead);
2. rename the part files, whose bytes are on the disk, and sync each folder once;
3. record `done`, durably.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from attrs import define, field

from .final import Final

if TYPE_CHECKING:
    from ..._aio.threads import Threads
    from ..record import Record
    from ..record.rows import RowChange
    from .disk import Disk
    from .parts.part_file import PartFile

__all__ = ["Publication", "Publisher"]


@define(eq=False, kw_only=True)
class Publication:
    """One proved part file that is to get its final name.

    Attributes:
        part: the part file; closed once it was renamed.
        name: final name, relative to the folder of the part file.
        replace: whether a file of that name is replaced.
        announcement: writes the state `publishing`.
        done: returns the change that writes the state `done`.
        upload: sends the part file to an object store; None for a rename.
        announced: whether the state `publishing` is recorded.
        outcome: the change that recorded it as done.
    """

    part: PartFile
    name: str
    replace: bool
    announcement: RowChange
    done: Callable[[Final], RowChange]
    upload: Callable[[], Awaitable[Final]] | None = None
    announced: bool = field(default=False, init=False)
    outcome: asyncio.Future[RowChange] = field(factory=lambda: asyncio.get_running_loop().create_future(), init=False)

    def end(self, outcome: RowChange | BaseException) -> None:
        """End it with the change that recorded it, or with an error."""
        if self.outcome.done():
            return
        if isinstance(outcome, BaseException):
            self.outcome.set_exception(outcome)
        else:
            self.outcome.set_result(outcome)


class Publisher:
    """Publish proved files in groups, one group at a time."""

    def __init__(self, record: Record, disk: Disk, threads: Threads) -> None:
        self._record = record
        self._disk = disk
        self._threads = threads
        self._waiting: list[Publication] = []
        self._running: asyncio.Task[None] | None = None

    async def publish(self, publication: Publication) -> RowChange:
        """Publish a file with all others that wait; an upload is a group of its own, since it may take long.

        A cancellation is raised once the group has ended, since it may rename the file at any moment.

        Returns:
            the change that recorded it as done.

        Raises:
            LeaseLost: the lease was taken over.
            NameTaken: the name belongs to another package, or something else has it; the part file stays.
            DownloadError: as the disk or the store says.
        """
        if publication.upload is not None:
            await self._publish_group([publication])
        else:
            self._waiting.append(publication)
            if self._running is None:
                self._running = asyncio.create_task(self._publish_waiting(), name="pixxel publisher")
            await self._wait_for(publication)
        return publication.outcome.result()

    async def _wait_for(self, publication: Publication) -> None:
        try:
            await asyncio.wait([publication.outcome])
        except asyncio.CancelledError:
            if publication in self._waiting:
                self._waiting.remove(publication)
            else:
                await self._drain(publication)
            raise

    async def _drain(self, publication: Publication) -> None:
        """Wait until the group has ended, even if cancelled once more, and drop the outcome."""
        while not publication.outcome.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([publication.outcome])
        publication.outcome.cancelled() or publication.outcome.exception()

    async def _publish_waiting(self) -> None:
        """Publish group after group until no package waits."""
        group: list[Publication] = []
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                await self._publish_group(group)
        finally:
            self._running = None
            for publication in (*group, *self._waiting):  # only where this task was cancelled
                publication.outcome.cancel()

    async def _publish_group(self, group: list[Publication]) -> None:
        """Take the three steps; a package that fails one of them takes no further one."""
        try:
            announced = _without_failed(group, await self._record.save_all([each.announcement for each in group]))
            for publication, _ in announced:
                publication.announced = True
            named = _without_failed([each for each, _ in announced], await self._name([each for each, _ in announced]))
            changes = [publication.done(final) for publication, final in named]
            for (publication, _), change, error in zip(
                named, changes, await self._record.save_all(changes), strict=True
            ):
                publication.end(error or change)
        except Exception as error:  # a commit failed: the packages stay where the step before left them
            for publication in group:
                publication.end(error)

    async def _name(self, group: Sequence[Publication]) -> list[Final | Exception]:
        """Give files their final names; return the status of each, or its error."""
        if group and group[0].upload is not None:
            return [await group[0].upload()]
        return await self._threads.run(self._disk.publish_all, [(each.part, each.name, each.replace) for each in group])


def _without_failed(group: Sequence[Publication], results: Sequence[Any]) -> list[tuple[Publication, Any]]:
    """End the packages whose result is an error; return the others with their results."""
    pairs = list(zip(group, results, strict=True))
    for publication, result in pairs:
        if isinstance(result, Exception):
            publication.end(result)
    return [(publication, result) for publication, result in pairs if not isinstance(result, Exception)]
