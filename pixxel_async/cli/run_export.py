"""Run the download manager for `export` and `retry`: progress on stderr, rows on stdout, summary and exit code."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from attrs import evolve

from ..downloads import DownloadManager, Outcomes, write_sums
from ..downloads.disk.disk import Disk
from ..errors import ConfigError, PixxelError
from ..events import Event, Failed, Outcome, Paused, Skipped
from .choose.request import RunOptions
from .errors import CommandError, Exit, format_error
from .malloc import keep_memory
from .running import rerun_command
from .show.lines import Silent
from .show.rows import OutputFormat, OutputRow, create_writer
from .show.summary import (
    COLUMNS,
    SUMMARY_COLUMNS,
    TABLE_COLUMNS,
    Tally,
    WorkflowTally,
    closing_messages,
    next_steps,
    outcome_row,
    sandbox_hint,
    table_row,
)
from .show.views import create_view, show_progress
from .text import format_seconds, printable

if TYPE_CHECKING:
    from ..client import PixxelClient
    from ..packages import PackageEntry
    from .processes.pool import WorkerPool

    Source = AsyncIterable[PackageEntry] | Iterable[PackageEntry]


async def prepare(folder: Path) -> None:
    """Create the folder if missing; raises `CommandError` when it is not writable."""
    try:
        await anyio.to_thread.run_sync(Disk().prepare, folder)
    except ConfigError as error:
        raise CommandError(f"{error}; choose another folder with --to", Exit.DISK) from None


class ExportRun:
    """Download the packages of a source; write progress to stderr, a row per outcome to stdout, and a summary.

    Args:
        run: options of the download and of its output.
        sandbox: the packages are simulated, which is explained at the end.
        summary: write a table by workflow instead of the packages, unless `run.form` asks for one.

    Attributes:
        workflow_names: names of workflows by id, for that table; filled by the listing.
    """

    def __init__(self, run: RunOptions, *, summary: bool = False, sandbox: bool = False) -> None:
        self._sandbox = sandbox
        self._run = run
        self._began = time.monotonic()
        self._tally = Tally()
        self._screen = create_view(quiet=run.quiet, stream=sys.stderr, progress=run.progress)
        self._form: OutputFormat | None = run.form or (None if run.quiet else "table")
        self.workflow_names: dict[str, str] = {}
        self._by_workflow = WorkflowTally(self.workflow_names) if summary and run.form is None else None
        self._shared = sys.stdout.isatty()
        self._rows: deque[OutputRow] = deque()
        self._out = create_writer(
            self._form or "table",
            self._columns(),
            sys.stdout,
            before=self._screen.hide if self._shared else None,
        )

    def _columns(self) -> tuple[str, ...]:
        if self._form != "table":
            return COLUMNS
        return SUMMARY_COLUMNS if self._by_workflow is not None else TABLE_COLUMNS

    def report_error(self, error: PixxelError, subject: str = "") -> None:
        """Print an error that does not belong to a package, and count it.

        Args:
            subject: name of the unreadable listing; empty if the error ends the run.
        """
        self._tally.count_error(error, ends_run=not subject)
        self._screen.print_line(f"{printable(subject)}: {format_error(error)}" if subject else format_error(error))

    def note(self, text: str) -> None:
        """Print a message, unless quiet."""
        if not self._run.quiet:
            self._screen.print_line(printable(text))

    async def fetch(self, client: PixxelClient, source: Source, pool: Callable[..., WorkerPool] | None = None) -> None:
        """Download everything until done or the run's deadline has passed.

        Args:
            pool: makes the worker processes; None to download in this one.
        """
        keep_memory()
        try:
            # Not anyio's: its scopes cancel again in every turn of the loop, while the manager needs seconds to close.
            async with asyncio.timeout(self._run.deadline):
                await self._download(client, source, pool)
        except PixxelError as error:
            self.report_error(error)
        except TimeoutError:
            self._tally.late = True
        except asyncio.CancelledError:
            self._print_summary(complete=False)
            raise

    async def _download(self, client: PixxelClient, source: Source, pool: Callable[..., WorkerPool] | None) -> None:
        run = self._run
        async with DownloadManager(
            client, run.to.url or run.to.folder, spool=run.to.folder if run.to.url else None,
            settings=evolve(client.settings.download, shard=run.shard),
            record=run.record, name_template=run.name, on_event=self._take_event,
        ) as manager:  # fmt: skip
            for note in manager.record.notes:
                self._screen.print_line(printable(note))
            batch: Outcomes | WorkerPool
            snapshot = manager.snapshot
            if pool is None:
                batch = manager.fetch_all(source, wait_for_jobs=run.wait, **run.settings)
            else:
                wants_events = type(self._screen).take is not Silent.take
                batch = pool(manager=manager, source=source, take=self._take_event, events=wants_events)
                snapshot = batch.snapshot
            with show_progress(self._screen, snapshot):
                try:
                    async with batch as outcomes:
                        async for outcome in outcomes:
                            self._report_outcome(outcome, manager.folder)
                            if not outcomes.at_hand:
                                await self._write_queued()
                finally:
                    if not run.is_shared_shard:  # machines would write one file: the last one does
                        await write_sums(manager.folder, manager.record, manager.destination)

    def _take_event(self, event: Event) -> None:
        """Show an event; a pause requested by the service is a line of its own."""
        if isinstance(event, Paused) and not self._run.quiet:
            requested = "" if event.retry_after is None else f"of {format_seconds(event.retry_after)} "
            self._screen.print_line(
                f"the service asks for a pause {requested}(429): going on in {format_seconds(event.seconds)}"
            )
        self._screen.take(event)

    def _report_outcome(self, outcome: Outcome, folder: Path) -> None:
        """Count an outcome, print a failure, and queue its row for `_write_queued`."""
        self._tally.count(outcome)
        if isinstance(outcome, Failed):
            self._screen.print_line(f"failed: {outcome.package}: {format_error(outcome.error)}")
        elif isinstance(outcome, Skipped) and outcome.given_up:
            self._screen.print_line(f"given up: {outcome.package}: {printable(outcome.reason)}")
        if self._by_workflow is not None:
            self._by_workflow.count(outcome)
        elif self._form is not None:
            new = table_row(outcome, folder, self._run.to) if self._form == "table" else outcome_row(outcome)
            self._rows += [] if new is None else [new]

    async def _write_queued(self) -> None:
        """Write the queued rows to stdout; in a thread unless it is a terminal, since a pipe's reader may block."""
        if self._shared:
            self._write_rows()
        elif self._rows:
            await anyio.to_thread.run_sync(self._write_rows, abandon_on_cancel=True)

    def _write_rows(self) -> None:
        with suppress(IndexError):  # an abandoned thread may pop the last row
            while True:
                self._out.add(self._rows.popleft())

    def close(self, *, running: int = 0) -> Exit:
        """Print the summary, and the command that resumes if something is missing; return the exit code.

        Args:
            running: jobs skipped because they are still running.
        """
        self._tally.running = running
        self._print_summary(complete=True)
        for line in next_steps(self._tally, self._run.to, rerun_command()):
            self._screen.print_line(line)
        return self._tally.code

    def summary(self) -> dict[str, Any]:
        """Return the counts of the run as JSON members, sizes in bytes and times in seconds."""
        tally = self._tally
        return {
            "to": str(self._run.to),
            "fetched": tally.fetched,
            "there_already": tally.present,
            "skipped": tally.left,
            "given_up": tally.given_up,
            "failed": tally.failed,
            "running": tally.running,
            "bytes": tally.size,
            "bytes_of_earlier_runs": tally.resumed,
            "seconds": round(time.monotonic() - self._began, 3),
            "deadline_exceeded": tally.late,
        }

    def _print_summary(self, *, complete: bool) -> None:
        self._tally.seconds = time.monotonic() - self._began
        if self._form is not None:
            if self._by_workflow is not None:
                self._rows.extend(self._by_workflow.rows())
            self._write_rows()
            self._out.end()
        if not self._run.quiet:
            for line in closing_messages(self._tally, self._run.to, complete=complete):
                self._screen.print_line(line)
            for line in sandbox_hint(self._tally, self._run.to) if self._sandbox and complete else ():
                self._screen.print_line(line)
