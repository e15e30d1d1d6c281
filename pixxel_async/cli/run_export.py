"""One run of the download manager, shown on stderr and written to stdout: what `export` and `retry` have in common."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import AsyncIterable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread

from ..downloads import DownloadManager, write_sums
from ..downloads.disk.disk import Disk
from ..errors import ConfigError, PixxelError
from ..events import Failed, Outcome
from .choose.request import RunOptions
from .errors import Exit, Refusal, one_line
from .malloc import keep_memory
from .running import same_line
from .show.rows import OutputForm, OutputRow, writer
from .show.summary import COLUMNS, TABLE_COLUMNS, Tally, closing, row, table_row
from .show.views import showing, view
from .text import printable

if TYPE_CHECKING:
    from ..client import PixxelClient
    from ..packages import Wanted

    Source = AsyncIterable[Wanted] | Iterable[Wanted]


async def prepare(folder: Path) -> None:
    """Make the folder if need be; raises `Refusal` when it cannot be written to."""
    try:
        await anyio.to_thread.run_sync(Disk().prepare, folder)
    except ConfigError as error:
        raise Refusal(f"{error}; choose another one with --to", Exit.DISK) from None


class Fetching:
    """Fetches what a source brings, tells people on stderr and programs on stdout, and sums up.

    Args:
        run: how to download, and how to show it.
    """

    def __init__(self, run: RunOptions) -> None:
        self._run = run
        self._began = time.monotonic()
        self._tally = Tally()
        self._screen = view(quiet=run.quiet, stream=sys.stderr, progress=run.progress)
        self._form: OutputForm | None = run.form or (None if run.quiet else "table")
        self._shared = sys.stdout.isatty()
        self._rows: deque[OutputRow] = deque()
        self._out = writer(
            self._form or "table",
            TABLE_COLUMNS if self._form == "table" else COLUMNS,
            sys.stdout,
            before=self._screen.hide if self._shared else None,
        )

    def wrong(self, error: PixxelError, what: str = "") -> None:
        """Tell an error that is not a package's.

        Args:
            what: what could not be read, if it does not end the run.
        """
        self._tally.wrong(error, ends=not what)
        self._screen.say(f"{printable(what)}: {one_line(error)}" if what else one_line(error))

    def note(self, text: str) -> None:
        """Tell people what is going on, unless they want quiet."""
        if not self._run.quiet:
            self._screen.say(printable(text))

    async def fetch(self, client: PixxelClient, source: Source) -> None:
        """Fetch everything, until it is done or the run's deadline has passed."""
        keep_memory()
        try:
            async with asyncio.timeout(self._run.deadline):
                await self._all(client, source)
        except PixxelError as error:
            self.wrong(error)
        except TimeoutError:
            self._tally.late = True
        except asyncio.CancelledError:
            self._sum_up(whole=False)
            raise

    async def _all(self, client: PixxelClient, source: Source) -> None:
        run = self._run
        async with DownloadManager(
            client, run.to.url or run.to.folder, spool=run.to.folder if run.to.url else None,
            record=run.record, name=run.name, on_event=self._screen.take,
        ) as manager:  # fmt: skip
            for note in manager.record.notes:
                self._screen.say(printable(note))
            with showing(self._screen, manager.snapshot):
                try:
                    async with manager.fetch_all(source, wait_for_jobs=run.wait, **run.settings) as outcomes:
                        async for outcome in outcomes:
                            self._tell(outcome, manager.folder)
                            if not outcomes.at_hand:
                                await self._write()
                finally:
                    await write_sums(manager.folder, manager.record, manager.destination)

    def _tell(self, outcome: Outcome, folder: Path) -> None:
        """Count an outcome, and put it where `_write` takes it."""
        self._tally.count(outcome)
        if isinstance(outcome, Failed):
            self._screen.say(f"failed: {outcome.package}: {one_line(outcome.error)}")
        if self._form is not None:
            told = table_row(outcome, folder, self._run.to) if self._form == "table" else row(outcome)
            self._rows += [] if told is None else [told]

    async def _write(self) -> None:
        """Write what there is for stdout; in a thread where it is no terminal, for who reads it may be slow."""
        if self._shared:
            self._put()
        elif self._rows:
            await anyio.to_thread.run_sync(self._put, abandon_on_cancel=True)

    def _put(self) -> None:
        with suppress(IndexError):  # a thread that was left alone may take the last one
            while True:
                self._out.add(self._rows.popleft())

    def close(self, *, running: int = 0) -> Exit:
        """Say what is where, and how to go on if something is missing.

        Args:
            running: jobs that were left out because they still run.
        """
        self._tally.running = running
        self._sum_up(whole=True)
        if self._tally.code not in (Exit.DONE, Exit.USAGE):
            self._screen.say(f"go on with: {same_line()}")
        return self._tally.code

    def _sum_up(self, *, whole: bool) -> None:
        self._tally.seconds = time.monotonic() - self._began
        if self._form is not None:
            self._put()
            self._out.end()
        if not self._run.quiet:
            for line in closing(self._tally, self._run.to, whole=whole):
                self._screen.say(line)
