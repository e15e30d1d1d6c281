"""`pixxel export --dry-run`: what a run would do, told without doing it."""

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
from ..errors import Exit, one_line
from ..show.rows import OutputForm, OutputRow, show
from ..show.summary import Tally
from ..text import many, printable, size

if TYPE_CHECKING:
    from ...client import PixxelClient
    from ..run_export import Source

COLUMNS = ("package", "step", "path", "size", "offset", "status")
"""What programs get of a package."""
TABLE_COLUMNS = ("step", "size", "path")
"""What people get; `status` beside it where the service was asked."""

_NOTICE = "asking once for each package, for its size: the service begins to pack those that it has not packed yet"
_WORDS = {
    "fetch": "to fetch",
    "resume": "to go on with",
    "prove": "here, to be proved",
    "finish": "here, to be recorded",
    "check": "here, to be compared",
    "adopt": "here, to be looked at",
    "done": "done before",
    "given_up": "given up",
    "taken": "whose name is taken by another file",
    "elsewhere": "of other machines",
}
"""What is said of the packages of each step."""


class Preview:
    """Shows what a run would do.

    Args:
        run: the run, as if it were to be.
    """

    def __init__(self, run: RunOptions) -> None:
        self._run = run
        self._tally = Tally()
        self._planned: Sequence[Planned] = ()

    def wrong(self, error: PixxelError, what: str = "") -> None:
        """Tell an error of the listing, and what could not be read."""
        self._tally.wrong(error, ends=not what)
        _say(f"{printable(what)}: {one_line(error)}" if what else one_line(error))

    def note(self, text: str) -> None:
        """Tell people what is going on, unless they want quiet."""
        if not self._run.quiet:
            _say(printable(text))

    async def show(self, client: PixxelClient, source: Source, *, sizes: bool) -> None:
        """Write what would be done with each package, in the order of the source.

        Args:
            sizes: whether the service is asked for each package that would be fetched.
        """
        run = self._run
        if sizes:
            self.note(_NOTICE)
        named = {} if run.name is None else {"name": run.name}
        self._planned = await dry_run(client, run.to, source, record=run.record, sizes=sizes, **run.settings, **named)
        form = run.form or (None if run.quiet else "table")
        if form is not None:
            await anyio.to_thread.run_sync(self._write, form, sizes)

    def _write(self, form: OutputForm, sizes: bool) -> None:
        to, folder = self._run.to, self._run.to.folder.resolve()
        columns = (*TABLE_COLUMNS, *(["status"] * sizes)) if form == "table" else COLUMNS
        names = [one.path.relative_to(folder) for one in self._planned]
        if to.url is not None:
            paths = [f"{to.url}/{name.as_posix()}" for name in names]
        else:
            paths = [str((to.folder if form == "table" else folder) / name) for name in names]
        told = _for_people if form == "table" else _row
        show(form, columns, [told(one, path) for one, path in zip(self._planned, paths, strict=True)], sys.stdout)

    def close(self, *, running: int) -> Exit:
        """Sum up.

        Args:
            running: jobs that have not ended, and were left out.
        """
        if not self._run.quiet:
            for line in summary(self._planned, running):
                _say(line)
        return self._tally.code


def summary(planned: Sequence[Planned], running: int = 0) -> Iterator[str]:
    """The packages of each step, those to be fetched first, and the bytes that are known of."""
    counts = Counter(one.step for one in planned)
    for step, words in _WORDS.items():
        some = [one for one in planned if one.step == step]
        known = sum(one.size for one in some if one.size is not None)
        if some:
            yield f"{many(len(some), 'package')} {words}" + (f", {size(known)} as far as is known" if known else "")
    if running:
        yield f"{many(running, 'job')} still running, whose packages are not counted"
    yield "nothing was fetched" if counts else "nothing to fetch"


def _row(one: Planned, path: str) -> OutputRow:
    return {
        "package": str(one.package),
        "step": one.step,
        "path": path,
        "size": one.size,
        "offset": one.offset,
        "status": one.status or None,
    }


def _for_people(one: Planned, path: str) -> OutputRow:
    return {
        "step": one.step,
        "size": None if one.size is None else size(one.size),
        "path": path,
        "status": one.status or None,
    }


def _say(text: str) -> None:
    click.echo(text, err=True)
