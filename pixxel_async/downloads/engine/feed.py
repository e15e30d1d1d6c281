"""Read a source of packages, no faster than requests are sent; drop duplicates, and wait for jobs where asked to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

from ...errors import PackageFailed, PackageTimedOut, PixxelError, TimedOut, WaitFailed
from ...events import Outcome, Skipped
from ...packages import PackageEntry, as_entry
from ...settings.constants import MAX_PENDING, MAX_REQUESTS_AHEAD
from ..item import BatchContext, Item, OutcomeSink
from ..pipeline.failures import to_download_error
from .lookup import LookupResult, final_outcome, in_shard, look_up
from .source import PackageSource

if TYPE_CHECKING:
    from .engine import Engine

__all__ = ["Feed"]

LARGEST_CHUNK = 512
"""Most rows looked up at once; chosen."""
LOOK_AHEAD = 4
"""Packages read for each request that may be under way, so that several are looked up together; chosen."""


class Batch(OutcomeSink, Protocol):
    """The sink of a feed."""

    def queue(self, outcome: Outcome) -> None:
        """Queue the outcome of a row that never became an item."""
        ...


class Feed:
    """Read the source of one batch, and start its packages.

    Rows are read as requests are sent, at most `LOOK_AHEAD` for each request that may be under way. While all packages
    read are done already, each chunk is twice as large as the last.

    Attributes:
        active: packages of this batch that have not ended.
    """

    def __init__(
        self,
        source: Iterable[object] | AsyncIterable[object],
        *,
        engine: Engine,
        context: BatchContext,
        sink: Batch,
        wait_for_jobs: bool,
    ) -> None:
        self.active = 0
        self._source = PackageSource(source)
        self._engine = engine
        self._context = context
        self._sink = sink
        self._alone = (sink,)
        self._wait_for_jobs = wait_for_jobs
        self._jobs: dict[tuple[str, str], list[Item]] = {}
        self._follows: dict[tuple[str, str], Callable[[], None]] = {}
        self._job_news = asyncio.Event()
        self._read = False

    @property
    def to_come(self) -> int | None:
        """The rows still to be read; None if unknown."""
        return 0 if self._read else self._source.left

    async def run(self) -> None:
        """Read the source to its end, and wait for the jobs behind its packages."""
        size = 1
        try:
            with self._engine.schedule.register_feed(self._source.to_come) as demand:
                while chunk := await self._chunk(demand, size):
                    started = await self._start_packages(
                        [entry for row in chunk if self._is_new(entry := as_entry(row))]
                    )
                    size = 1 if started else min(2 * size, LARGEST_CHUNK)
            self._read = True
            while self._jobs:
                self._job_news.clear()
                await self._job_news.wait()
        finally:
            for leave in self._follows.values():
                leave()
            await self._source.aclose()

    async def _chunk(self, demand: asyncio.Event, size: int) -> list[object]:
        while not (use := self._use()):
            demand.clear()
            await demand.wait()
        return await self._source.take(max(size, use))

    def _use(self) -> int:
        """Return how many more packages to read: none while each request has the next package waiting."""
        fresh, requests = self._context.fresh, self._context.settings.max_concurrent_requests
        if not self._sink.open or fresh > requests:
            return 0
        room = min(MAX_REQUESTS_AHEAD - self._engine.schedule.waiting, MAX_PENDING - len(self._engine.items))
        return max(min(LOOK_AHEAD * requests - fresh, room), 0)

    def _is_new(self, entry: PackageEntry) -> bool:
        """Return whether a row has to be looked up: it is of this machine's shard, and not under way already."""
        if not in_shard(entry.package, self._context.settings.shard):
            self._deliver(Skipped(entry.package, "another machine's share"))
            return False
        return not self._join(entry)

    def _join(self, entry: PackageEntry) -> bool:
        """Join a package that is under way already: this batch gets its outcome, but does not cancel it."""
        running = self._engine.items.get(self._engine.key(entry.package, self._context)) if self._engine.items else None
        if running is None:
            return False
        if self._sink in running.sinks:
            self._sink.queue(Skipped(entry.package, "is in the list twice"))
        else:
            running.sinks += (self._sink,)
            self.active += 1
        return True

    async def _start_packages(self, entries: Sequence[PackageEntry]) -> int:
        """Start packages and return how many are in progress. One that cannot be named or looked up fails alone."""
        try:
            results = await look_up(entries, self._context, self._engine.services)
        except PixxelError as error:
            if len(entries) == 1:
                if not self._join(entries[0]):
                    self._engine.fail(self._make_item(entries[0]), error)
                return 0
            return sum([await self._start_packages([each]) for each in entries])
        return sum(map(self._begin, results))

    def _begin(self, result: LookupResult) -> bool:
        """Start a package; return False if it is over already, and so never becomes an item."""
        outcome = final_outcome(result, self._context, skip=True)
        if outcome is not None:
            self._deliver(outcome)
        elif not self._join(result.entry):
            self._engine.begin(self._make_item(result.entry), result, self._start)
            return True
        return False

    def _make_item(self, entry: PackageEntry) -> Item:
        """Make an item of this batch."""
        item = Item(entry, self._context, self._engine.services.timing.clock())
        item.sinks = self._alone
        self._engine.items[self._engine.key(entry.package, self._context)] = item
        self.active += 1
        return item

    def _deliver(self, outcome: Outcome) -> None:
        """Deliver the outcome of a row that never becomes an item."""
        self._engine.services.emit(outcome)
        self._sink.queue(outcome)

    def _start(self, item: Item) -> None:
        """Request an item, or wait for its job first."""
        ids = item.package.fields()
        if not self._wait_for_jobs or item.entry.ended or "job_id" not in ids:
            self._engine.schedule.add(item)
            return
        job = ids["workflow_id"], ids["job_id"]
        if job in self._jobs:
            self._jobs[job].append(item)
            return
        self._jobs[job] = [item]
        client, timeout = self._context.client, self._context.settings.timeout
        self._follows[job] = client.follow_job(*job, partial(self._on_job_end, job), timeout=timeout)

    def _on_job_end(self, job: tuple[str, str], error: Exception | None) -> None:
        """Start or fail the items of a job."""
        del self._follows[job]
        for item in self._jobs.pop(job):
            if error is not None:
                self._engine.fail(item, _job_error(error))
            elif item.sinks:
                self._engine.schedule.add(item)
        self._job_news.set()

    def drop(self, *, running: bool) -> list[Item]:
        """Leave all items of this batch.

        Args:
            running: whether those that are streaming are left too.
        """
        own = [
            item
            for item in self._engine.items.values()
            if self._sink in item.sinks and (running or item.running is None)
        ]
        for item in own:
            self._engine.remove_sink(item, self._sink)
        self.active -= len(own)
        return own


def _job_error(error: Exception) -> PixxelError:
    """Return the error of a package whose job's wait ended with this error."""
    match error:
        case WaitFailed():
            return PackageFailed(f"its job ended badly: {error}", stage="wait")
        case TimedOut():
            return PackageTimedOut(f"its job has not ended: {error}", stage="wait")
        case PixxelError():
            return error
        case _:
            return to_download_error(error, "wait")
