"""A worker process of `pixxel export --processes N`: fetches the packages that come by stdin, reports on stdout."""

from __future__ import annotations

import asyncio
import os
import queue
import sys
import threading
from collections.abc import AsyncIterator
from concurrent.futures import CancelledError
from contextlib import suppress
from io import RawIOBase
from typing import Any

from attrs import evolve

from ...client import PixxelClient
from ...downloads import DownloadManager, Outcomes
from ...downloads.engine.source import InPages
from ...errors import PixxelError
from ...events import Downloaded, Event, Outcome, Paused
from ...packages import PackageEntry
from ...settings import Settings
from ..errors import Exit, Interrupted
from ..malloc import collect_seldom, keep_memory
from ..running import run
from .frames import EndedPackages, Share, WorkerEnd, WorkerJob, WorkerState, encode, from_row, read_frame, write_frame

PERIOD = 0.5
"""Seconds between two reports of counts and events; chosen."""
_QUEUED = 64
"""Messages that wait for the export to read them, before outcomes wait."""


class Worker:
    """Fetch the shares of one export.

    Args:
        job: the worker's job.
        shares: the pipe from the export.
        reports: the pipe to it.
    """

    def __init__(self, job: WorkerJob, shares: RawIOBase, reports: RawIOBase) -> None:
        self._job = job
        self._in = shares
        self._out = reports
        self._shares: asyncio.Queue[Share] = asyncio.Queue(1)
        self._reports: queue.Queue[bytes | None] = queue.Queue(_QUEUED)
        self._events: list[Event] = []
        self._gone = False
        self._loop: asyncio.AbstractEventLoop
        self._task: asyncio.Task[Any] | None = None

    async def work(self) -> int:
        """Fetch everything that comes, and report how it ended."""
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        threading.Thread(target=self._receive, daemon=True).start()
        writing = threading.Thread(target=self._send, daemon=True)
        writing.start()
        error: PixxelError | None = None
        try:
            await self._fetch()
        except PixxelError as caught:
            error = caught
        await self._report(encode(WorkerEnd(error)))
        await self._report(None)
        while writing.is_alive():  # noqa: ASYNC110 - a thread sets no event of the loop's
            await asyncio.sleep(0.01)
        return Exit.DONE

    async def _fetch(self) -> None:
        job, settings = self._job, self._settings()
        async with (
            PixxelClient(settings=settings) as client,
            WorkerManager(
                client, job.to.url or job.to.folder, spool=job.to.folder if job.to.url else None,
                settings=evolve(settings.download, shard=job.shard), record=job.record, name_template=job.name,
                on_event=self._take,
            ) as manager,
        ):  # fmt: skip
            reporting = asyncio.create_task(self._report_state(manager))
            try:
                batch = manager.fetch_all(InPages(self._pages()), wait_for_jobs=job.wait, **job.options)
                async with batch as outcomes:
                    await self._report_outcomes(outcomes)
            finally:
                reporting.cancel()
                await self._report(encode(self._state(manager)))

    async def _report_outcomes(self, outcomes: Outcomes) -> None:
        outcomes_at_hand: list[Outcome] = []
        async for outcome in outcomes:
            # The members of an archive are read again where the export wants them.
            outcomes_at_hand.append(evolve(outcome, members=None) if isinstance(outcome, Downloaded) else outcome)
            if not outcomes.at_hand:
                await self._report(encode(EndedPackages(tuple(outcomes_at_hand))))
                outcomes_at_hand = []

    def _settings(self) -> Settings:
        if self._job.alone:
            return Settings(api_key=os.environ.get("PIXXEL_API_KEY", "")).with_values(**self._job.settings)
        return Settings.load(profile=self._job.profile, **self._job.settings)

    async def _pages(self) -> AsyncIterator[list[PackageEntry]]:
        while (share := await self._shares.get()).rows:
            yield [from_row(row) for row in share.rows]

    def _take(self, event: Event) -> None:
        if self._job.events or isinstance(event, Paused):
            self._events.append(event)

    def _state(self, manager: DownloadManager) -> WorkerState:
        events, self._events = tuple(self._events), []
        return WorkerState(manager.snapshot(), events)

    async def _report_state(self, manager: DownloadManager) -> None:
        while True:
            await asyncio.sleep(PERIOD)
            await self._report(encode(self._state(manager)))

    async def _report(self, frame: bytes | None) -> None:
        while not self._gone:
            try:
                self._reports.put_nowait(frame)
                return
            except queue.Full:
                await asyncio.sleep(0.01)

    def _receive(self) -> None:
        """Read shares in a thread, one ahead; a pipe that ends before an empty share means that the export died."""
        share = None
        try:
            while share is None or share.rows:
                share = read_frame(self._in)
                asyncio.run_coroutine_threadsafe(self._shares.put(share), self._loop).result()
        except (EOFError, OSError):
            self._lose_export()
        except (RuntimeError, CancelledError):  # the loop has ended
            return

    def _send(self) -> None:
        """Write reports in a thread, since the export may be slow to read them."""
        try:
            while (frame := self._reports.get()) is not None:
                write_frame(self._out, frame)
        except OSError:
            self._lose_export()

    def _lose_export(self) -> None:
        """End the work: the export is gone, and the packages stay in the record for the next run."""
        self._gone = True
        with suppress(RuntimeError):  # the loop is closed
            if self._task is not None:
                self._loop.call_soon_threadsafe(self._task.cancel)


class WorkerManager(DownloadManager):
    """A manager whose record the export has bound to the key's organization already."""

    looks_at_organization = False


def main() -> int:
    """Run a worker on this process's stdin and stdout; output of libraries goes to stderr."""
    keep_memory()
    collect_seldom()
    # Unbuffered: a thread that still reads when the interpreter ends must hold no lock of a stream.
    shares, reports = os.fdopen(os.dup(0), "rb", 0), os.fdopen(os.dup(1), "wb", 0)
    os.dup2(2, 1)
    try:
        job: WorkerJob = read_frame(shares)
        return run(lambda: Worker(job, shares, reports).work())
    except Interrupted as interrupted:
        return 128 + interrupted.signal
    except (EOFError, asyncio.CancelledError):  # the export is gone
        return Exit.UNFINISHED


if __name__ == "__main__":
    sys.exit(main())
