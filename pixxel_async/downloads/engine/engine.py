"""The workers of a manager, and its packages under way; `manager.py` is their public side."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from ...errors import DiskError, DownloadError, PackageTimedOut, PixxelError, RateLimited
from ...events import Dropped, Failed, Outcome, Waiting
from ..item import Item, ItemKey, OutcomeSink, WorkerHold
from ..pipeline.claim import LeaseHeld
from ..pipeline.failures import note_failure, to_download_error
from ..pipeline.pipeline import NotReady, Pipeline
from ..schedule.schedule import Schedule
from .asker import Asker
from .lookup import LookupResult

if TYPE_CHECKING:
    from ..._aio.active_clock import ActiveClock
    from ...packages import Package
    from ...settings import DownloadSettings, Settings
    from ..disk.locations import Location
    from ..item import BatchContext
    from ..services import Services
    from .organization import OrganizationGuard

__all__ = ["Engine"]

T = TypeVar("T")

RECLAIM_AFTER = 1.0
"""Seconds between two attempts to claim a package that another process holds; chosen."""


class Engine:
    """Fixed workers between two queues; an item is a row in a table and never a task.

    Args:
        organization: binds the record to the organization of the key.
        location: the manager's own folder.
        settings: of the manager's client.
        clock: the clock of `services`, which subtracts the time in which the process was suspended.

    Attributes:
        items: every package that has not ended, by its `key`.
        streaming: bodies under way.
        organization: as given.
    """

    def __init__(
        self,
        services: Services,
        organization: OrganizationGuard,
        location: Location,
        settings: Settings,
        clock: ActiveClock,
    ) -> None:
        self.services = services
        self.clock = clock
        self.items: dict[ItemKey, Item] = {}
        self.location = location
        self.organization = organization
        self.streaming = 0
        self._streams = 0
        self._workers: dict[str, list[asyncio.Task[None]]] = {"ask": [], "stream": []}
        self.schedule = Schedule(
            services.timing,
            settings.poll.initial_interval,
            settings.http.calls_per_second,
            lambda: services.connections.far,
        )
        self._asker = Asker(services, self.schedule, organization, fail=self.fail, refused=self._stop_client)
        self._changed = asyncio.Event()
        self._notes: set[asyncio.Task[None]] = set()
        self._requeues: set[asyncio.Task[None]] = set()

    def begin(self, item: Item, result: LookupResult, ask: Callable[[Item], object]) -> None:
        """Queue a new item: for a worker that looks at its file again under lease, or to be requested.

        Args:
            ask: queues an item that is to be requested.
        """
        item.download_id = (result.row.download_id if result.row is not None else None) or ""
        if result.decision.step in ("done", "finish", "check", "adopt", "prove", "taken"):
            # The lookup had no lease: another process may have published the file since.
            self.schedule.stream(item)
        else:
            ask(item)

    def start_workers(self, settings: DownloadSettings) -> None:
        """Start as many workers as these settings ask for."""
        for kind, count, work in (
            ("ask", settings.max_concurrent_requests, self._ask),
            ("stream", settings.max_concurrent_downloads, self._stream),
        ):
            crew = self._workers[kind]
            crew[:] = [worker for worker in crew if not worker.done()]
            while len(crew) < count:
                crew.append(asyncio.create_task(self._run_worker(work), name=f"pixxel {kind} {len(crew) + 1}"))
        self._streams = max(self._streams, settings.max_concurrent_downloads)
        self.schedule.set_streams(streams=self._streams)

    def _start_ahead(self) -> None:
        """Start the workers that send requests while others stream, once the schedule has use for them."""
        crew = self._workers["stream"]
        while len(crew) < self.schedule.ahead * self._streams:
            crew.append(asyncio.create_task(self._run_worker(self._stream), name=f"pixxel stream {len(crew) + 1}"))

    async def _run_worker(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Work until cancelled; an error between two packages is a bug and ends all, so that no caller hangs."""
        try:
            while True:
                await work()
        except Exception as error:
            self.stop(to_download_error(error, "wait"), lambda item: True)

    async def _ask(self) -> None:
        """Request the next package, with the contextvars of its caller."""
        item = await self.schedule.next_ask()
        try:
            if item.sinks:
                await self._in_context(item, self._asker.ask)
        except Exception as error:
            self.fail(item, to_download_error(error, "ask", item))
        finally:
            self.schedule.record_request(item)

    async def _stream(self) -> None:
        """Stream the next ready package, with the contextvars of its caller."""
        item = await self.schedule.next_ready()
        item.began += self.services.timing.clock() - item.queued_at
        item.context.streaming += 1
        self.streaming += 1
        size = 0
        try:
            if item.sinks:
                size = await self._in_context(item, self._run_pipeline)
        finally:
            item.context.streaming -= 1
            self.streaming -= 1
            item.running = item.link = None
            self.schedule.record_streamed(item, size)
            self._start_ahead()

    def _in_context(self, item: Item, work: Callable[[Item], Awaitable[T]]) -> asyncio.Task[T]:
        """Run work for an item with a copy of its caller's contextvars, inside its observers' spans.

        Packages of one call run concurrently: contextvars set by the work for one, such as its span, the others must
        not see.
        """

        async def observed() -> T:
            item.text = item.identity
            try:
                with item.client.span("package", item.text):
                    return await work(item)
            finally:
                item.text = ""

        return asyncio.create_task(observed(), context=item.context.variables.copy())

    async def _run_pipeline(self, item: Item) -> int:
        """Run the pipeline of one package, and return the bytes that it streamed; 0 if unknown."""
        deadline = item.settings.timeout
        remaining = item.began + deadline - self.services.timing.clock()
        suspended = self.clock.suspended
        try:
            async with asyncio.timeout(max(remaining, 0.0)) as limit:
                item.running = WorkerHold(limit)
                try:
                    done = await Pipeline(item, self.services).run()
                    self.finish(item, done)
                finally:
                    item.running = None  # a hold whose timeout has ended cannot be cancelled any more
                return done.size if done.fetched else 0
        except NotReady:
            self._asker.poll_later(item)
        except LeaseHeld:
            self.services.emit(
                Waiting(item.identity, "another process is fetching it", self.services.timing.clock() - item.began)
            )
            self._requeue_later(item)
        except RateLimited as error:
            await self._asker.handle_failure(item, error)
        except PixxelError as error:
            await self._handle_failure(item, error)
        except TimeoutError:
            self.services.timing.clock()  # notices a suspension that has just ended
            if item.sinks and self.clock.suspended > suspended:
                self.schedule.stream(item)
                return 0
            await self._handle_failure(
                item, PackageTimedOut(f"not here after {deadline:g} s (deadline)", stage="stream")
            )
        except Exception as error:
            await self._handle_failure(item, to_download_error(error, "stream", item))
        return 0

    def _requeue_later(self, item: Item) -> None:
        hold = asyncio.create_task(self._requeue_after_pause(item))
        self._requeues.add(hold)
        hold.add_done_callback(self._requeues.discard)

    async def _requeue_after_pause(self, item: Item) -> None:
        await self.services.timing.sleep(RECLAIM_AFTER)
        self.schedule.stream(item)

    async def _handle_failure(self, item: Item, error: PixxelError) -> None:
        if item.sinks:
            await self._asker.handle_failure(item, error)

    def finish(self, item: Item, outcome: Outcome) -> None:
        """Deliver an item's outcome to all its sinks."""
        sinks, item.sinks = item.sinks, ()
        self._forget(item)
        self.services.emit(outcome)
        for sink in sinks:
            sink.deliver(outcome)
        self._changed.set()
        self.schedule.wake()

    def key(self, package: Package, context: BatchContext) -> ItemKey:
        """Return the key of an item; usually the package itself, to save memory.

        Another client's item is another item: a package refused to one key may be granted to the next.
        """
        in_own_folder = context.folder is self.location.folder or context.folder == self.location.folder
        return (
            package
            if in_own_folder and context.client is self.organization.client
            else (package, context.folder, context.client)
        )

    def _forget(self, item: Item) -> None:
        key = self.key(item.package, item.context)
        if self.items.get(key) is item:
            del self.items[key]

    def fail(self, item: Item, error: PixxelError, *, about_package: bool = True) -> None:
        """Fail an item, and record why.

        Args:
            about_package: whether the error may count towards giving this package up.
        """
        if not item.sinks:
            return
        if isinstance(error, DownloadError):
            error.package = error.package or item.identity
        self._keep_task(note_failure(item, error, self.services, about_package=about_package))
        sinks = item.sinks
        self.finish(item, Failed(item.package, error, getattr(error, "stage", "ask")))
        if isinstance(error, DiskError):  # every further package would fail like this one
            for sink in sinks:
                sink.stop(error)
            self.stop(error, lambda other: True)

    def _keep_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    def remove_sink(self, item: Item, sink: OutcomeSink) -> None:
        """Remove a sink from an item; drop the item when none is left."""
        item.sinks = tuple(other for other in item.sinks if other is not sink)
        if item.sinks:
            return
        self._forget(item)
        if item.running is not None:
            item.running.cancel()
        self.services.emit(Dropped(item.identity))
        self._changed.set()
        self.schedule.wake()

    def _stop_client(self, item: Item, error: PixxelError) -> None:
        self.stop(error, lambda other: other.context.client is item.client)

    def stop(self, error: PixxelError, concerned: Callable[[Item], bool]) -> None:
        """Stop the sinks of these items with an error; only bodies under way still deliver outcomes."""
        sinks = {sink for item in list(self.items.values()) if concerned(item) for sink in item.sinks}
        for sink in sinks:
            sink.stop(error)

    async def wait_for_room(self, most: int) -> None:
        """Wait until fewer than `most` packages are under way."""
        while len(self.items) >= most:
            self._changed.clear()
            await self._changed.wait()

    async def wait_until_idle(self) -> None:
        """Wait until no package is under way."""
        await self.wait_for_room(1)

    async def close(self) -> None:
        """Cancel the workers and wait until they have released everything."""
        workers = [worker for crew in self._workers.values() for worker in crew]
        for task in (*workers, *self._requeues):
            task.cancel()
        while pending := [task for task in (*workers, *self._requeues, *self._notes) if not task.done()]:
            await asyncio.wait(pending)
