"""Worker processes of one export: share its source, merge their outcomes, progress and errors."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from attrs import evolve

from ...downloads import DownloadManager, Snapshot
from ...downloads.batch import in_all
from ...downloads.engine.source import PackageSource
from ...errors import DownloadError
from ...events import Event, Outcome, Skipped
from ...packages import PackageEntry, as_entry
from ...settings import Secret
from ..choose.request import RunOptions
from ..session import Session
from .child import Child
from .frames import EndedPackages, Share, WorkerEnd, WorkerState, encode, receive, to_row
from .job import job_of

if TYPE_CHECKING:
    from ...client import PixxelClient

_AHEAD = 32
"""Packages that are handed to a worker at once, at most."""
_SHARES = 8
"""A share is at most this part of what each worker had so far, so that small batches are shared evenly."""
_DEATHS = 3
"""Deaths of workers, for each of them, after which the export ends."""
_GRACE = 4.0
"""Seconds that workers have to clean up before they are killed."""
_QUEUED = 256
"""Outcomes that wait for the export before its workers do."""


class WorkerPool:
    """The outcomes of a source that N processes fetch: `async with WorkerPool(…) as outcomes: async for …`.

    Limits of connections, calls and bandwidth are those of all processes together. They share the folder and the record
    through its leases. A worker that dies is replaced, and its packages are given to the others and the new one.

    Args:
        session: the global options, which the workers load again.
        client: the export's client, whose key the workers get by their environment.
        run: options of the export.
        sandbox: whether the client is one of a sandbox in this process.
        manager: the export's manager, which looks at the organization for all.
        source: the packages.
        take: called with each event.
        events: whether to send all events, and not only those that the export prints.
    """

    def __init__(
        self,
        session: Session,
        client: PixxelClient,
        run: RunOptions,
        *,
        sandbox: bool,
        manager: DownloadManager,
        source: Iterable[object] | AsyncIterable[object],
        take: Callable[[Event], None],
        events: bool,
    ) -> None:
        self._count = run.processes
        self._job = job_of(session, client, run, sandbox=sandbox, events=events)
        key = client.settings.api_key
        self._environment = {**os.environ, "PIXXEL_API_KEY": key.reveal() if isinstance(key, Secret) else ""}
        self._manager = manager
        self._source = PackageSource(source)
        self._take = take
        self._rows: deque[PackageEntry] = deque()
        self._exhausted = False
        self._demand, self._changed = asyncio.Event(), asyncio.Event()
        self._sent = self._deaths = 0
        self._children: list[Child] = []
        self._past: list[Snapshot] = []
        self._outcomes: deque[Outcome] = deque()
        self._wake_reader, self._room = asyncio.Event(), asyncio.Event()
        self._error: BaseException | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._manager._bind_organization()
        self._task = asyncio.create_task(self._work())
        self._task.add_done_callback(lambda _: self._wake_reader.set())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._source.aclose()

    def __aiter__(self) -> AsyncIterator[Outcome]:
        return self

    async def __anext__(self) -> Outcome:
        while not self._outcomes:
            if self._task is None or self._task.done():
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._wake_reader.clear()
            await self._wake_reader.wait()
        self._room.set()
        return self._outcomes.popleft()

    async def _queue_outcome(self, outcome: Outcome) -> None:
        """Queue an outcome for the export; a slow one lets its workers wait."""
        while len(self._outcomes) >= _QUEUED:
            self._room.clear()
            await self._room.wait()
        self._outcomes.append(outcome)
        self._wake_reader.set()

    @property
    def at_hand(self) -> int:
        """The number of outcomes that can be taken without waiting."""
        return len(self._outcomes)

    def snapshot(self) -> Snapshot:
        """Return the counts of all workers together, those that have ended included."""
        living = [child.snapshot for child in self._children if child.snapshot is not None]
        counts = [*living, *self._past]
        return Snapshot(
            pending=sum(each.pending for each in living) + len(self._rows),
            waiting=sum(each.waiting for each in living), streaming=sum(each.streaming for each in living),
            done=sum(each.done for each in counts), skipped=sum(each.skipped for each in counts),
            failed=sum(each.failed for each in counts), received=sum(each.received for each in counts),
            rate=sum(each.rate for each in living), to_come=in_all([0 if self._exhausted else self._source.left]),
        )  # fmt: skip

    async def _work(self) -> None:
        """Run the workers until every package has ended, or one of them ends the export."""
        try:
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(self._read())
                for _ in range(self._count):
                    group.create_task(self._keep_worker())
                await reading
        except* Exception as errors:
            self._error = errors.exceptions[0]
        finally:
            await self._end_all()

    async def _read(self) -> None:
        """Read the source, no further than workers request; the task survives the end of any worker."""
        while not self._exhausted:
            await self._demand.wait()
            self._demand.clear()
            rows = await self._source.take(self._portion())
            self._exhausted = not rows
            for value in rows:
                row = as_entry(value)
                if self._is_under_way(str(row.package)):
                    await self._queue_outcome(Skipped(row.package, "is in the list twice"))
                else:
                    self._rows.append(row)
            self._changed.set()

    async def _keep_worker(self) -> None:
        """Keep one worker at work; start another one if it dies."""
        while not self._all_ended():
            child = await self._start()
            feeding = asyncio.create_task(self._feed(child))
            listening = asyncio.create_task(self._listen(child))
            try:
                await asyncio.wait({feeding, listening}, return_when=asyncio.FIRST_COMPLETED)
                if feeding.done():
                    with suppress(ConnectionError):  # it died while it was given something
                        feeding.result()
                await listening
            finally:
                for task in (feeding, listening):
                    task.cancel()
                await asyncio.wait({feeding, listening})
            code = await child.process.wait()
            self._leave(child)
            if child.over is None:
                self._deaths += 1
                if self._deaths > _DEATHS * self._count:
                    raise DownloadError(f"worker processes keep ending; the last one with code {code}")
            elif child.over.error is not None:
                raise child.over.error

    async def _start(self) -> Child:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __name__.rpartition(".")[0] + ".worker",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=self._environment,
            start_new_session=True,  # Ctrl-C reaches the export alone, which ends its workers
        )  # fmt: skip
        child = Child(process)
        child.stdin.transport.set_write_buffer_limits(0)
        child.stdin.write(encode(self._job))
        self._children.append(child)
        return child

    def _leave(self, child: Child) -> None:
        """Take back the unfinished packages of a worker, and keep its counts."""
        self._children.remove(child)
        self._rows.extend(child.unended.values())
        if child.snapshot is not None:
            self._past.append(evolve(child.snapshot, pending=0, waiting=0, streaming=0, rate=0.0))
        self._changed.set()

    async def _feed(self, child: Child) -> None:
        """Give a worker its shares, as fast as it takes them; then an empty one."""
        while rows := await self._next_rows():
            child.unended.update((str(row.package), row) for row in rows)
            child.stdin.write(encode(Share(tuple(map(to_row, rows)))))
            await child.stdin.drain()
        child.stdin.write(encode(Share(())))
        await child.stdin.drain()

    async def _next_rows(self) -> list[PackageEntry]:
        """Return the next rows for one worker, none once all packages of all workers have ended."""
        while not self._rows:
            if self._all_ended():
                return []
            self._demand.set()
            self._changed.clear()
            await self._changed.wait()
        rows = [self._rows.popleft() for _ in range(min(self._portion(), len(self._rows)))]
        self._sent += len(rows)
        return rows

    def _portion(self) -> int:
        return max(1, min(_AHEAD, self._sent // (_SHARES * self._count)))

    def _is_under_way(self, identity: str) -> bool:
        return any(identity in child.unended for child in self._children) or any(
            identity == str(row.package) for row in self._rows
        )

    def _all_ended(self) -> bool:
        waiting = self._rows or any(child.unended for child in self._children)
        return self._exhausted and not waiting

    async def _listen(self, child: Child) -> None:
        """Take a worker's messages until its pipe ends."""
        while True:
            try:
                message = await receive(child.stdout)
            except EOFError:
                return
            match message:
                case EndedPackages(outcomes):
                    for outcome in outcomes:
                        child.unended.pop(str(outcome.package), None)
                        await self._queue_outcome(outcome)
                    self._changed.set()
                case WorkerState(snapshot, events):
                    child.snapshot = snapshot
                    for event in events:
                        self._take(event)
                case WorkerEnd():
                    child.over = message

    async def _end_all(self) -> None:
        """End the workers, by force if they do not clean up in time."""
        for child in self._children:
            if child.process.returncode is None:
                child.process.terminate()
        waiting = [asyncio.ensure_future(child.process.wait()) for child in self._children]
        if waiting:
            await asyncio.wait(waiting, timeout=_GRACE)
        for child in self._children:
            if child.process.returncode is None:
                child.process.kill()
                await child.process.wait()
