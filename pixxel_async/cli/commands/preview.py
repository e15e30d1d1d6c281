"""`pixxel export --dry-run`: print the plan of a run."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import anyio.to_thread
import click

from ...downloads import Planned, dry_run
from ...errors import PixxelError
from ..choose.request import RunOptions
from ..errors import Exit, format_error
from ..show.rows import OutputFormat, OutputRow, show
from ..show.summary import Tally
from ..text import format_count, format_size, printable

if TYPE_CHECKING:
    from ...client import PixxelClient
    from ..run_export import Source

COLUMNS = ("package", "step", "path", "size", "offset", "status")
"""Columns of a package in JSON, NDJSON and CSV."""
TABLE_COLUMNS = ("step", "size", "path")
"""Columns of a package in a table; with --sizes also `status`."""

_NOTICE = "requesting each package once for its size: the service starts to pack those that are not packed yet"
_WORDS = {
    "fetch": "to fetch",
    "resume": "to resume",
    "prove": "here, to be verified",
    "finish": "here, to be recorded",
    "check": "here, to be compared with the record",
    "adopt": "here, to be inspected",
    "done": "done before",
    "given_up": "given up",
    "taken": "whose name is taken by another file",
    "elsewhere": "of other machines",
}
"""Description of the packages of each step."""


class Preview:
    """Print the plan of a run.

    Args:
        run: options of the run.
    """

    def __init__(self, run: RunOptions) -> None:
        self._run = run
        self._tally = Tally()
        self._planned: Sequence[Planned] = ()

    def report_error(self, error: PixxelError, subject: str = "") -> None:
        """Print an error of a listing with the listing's name, and count it."""
        self._tally.count_error(error, ends_run=not subject)
        click.echo(f"{printable(subject)}: {format_error(error)}" if subject else format_error(error), err=True)

    def note(self, text: str) -> None:
        """Print a message, unless quiet."""
        if not self._run.quiet:
            click.echo(printable(text), err=True)

    async def show(self, client: PixxelClient, source: Source, *, sizes: bool) -> None:
        """Write the planned step of each package, in the order of the source.

        Args:
            sizes: request each package that would be fetched, for its size.
        """
        run = self._run
        if sizes:
            self.note(_NOTICE)
        settings = run.settings | ({} if run.name is None else {"name_template": run.name})
        self._planned = await dry_run(client, run.to, source, record=run.record, sizes=sizes, **settings)
        form = run.form or (None if run.quiet else "table")
        if form is not None:
            await anyio.to_thread.run_sync(self._write, form, sizes)

    def _write(self, form: OutputFormat, sizes: bool) -> None:
        to, folder = self._run.to, self._run.to.folder.resolve()
        columns = (*TABLE_COLUMNS, *(["status"] * sizes)) if form == "table" else COLUMNS
        names = [planned.path.relative_to(folder) for planned in self._planned]
        if to.url is not None:
            paths = [f"{to.url}/{name.as_posix()}" for name in names]
        else:
            paths = [str((to.folder if form == "table" else folder) / name) for name in names]
        convert = _table_row if form == "table" else _row
        show(
            form,
            columns,
            [convert(planned, path) for planned, path in zip(self._planned, paths, strict=True)],
            sys.stdout,
        )

    def close(self, *, running: int) -> Exit:
        """Print the summary; return the exit code.

        Args:
            running: jobs skipped because they are still running.
        """
        if not self._run.quiet:
            for line in summary(self._planned, running):
                click.echo(line, err=True)
        return self._tally.code


def summary(planned: Sequence[Planned], running: int = 0) -> Iterator[str]:
    """Yield the number of packages of each step and their known bytes."""
    counts = Counter(each.step for each in planned)
    for step, words in _WORDS.items():
        of_step = [each for each in planned if each.step == step]
        total = sum(each.size for each in of_step if each.size is not None)
        if of_step:
            yield f"{format_count(len(of_step), 'package')} {words}" + (
                f", {format_size(total)} as far as is known" if total else ""
            )
    if running:
        yield f"{format_count(running, 'job')} still running, not counted"
    yield "nothing was fetched" if counts else "nothing to fetch"


def _row(planned: Planned, path: str) -> OutputRow:
    return {
        "package": str(planned.package),
        "step": planned.step,
        "path": path,
        "size": planned.size,
        "offset": planned.offset,
        "status": planned.status or None,
    }


def _table_row(planned: Planned, path: str) -> OutputRow:
    return {
        "step": planned.step,
        "size": None if planned.size is None else format_size(planned.size),
        "path": path,
        "status": planned.status or None,
    }
