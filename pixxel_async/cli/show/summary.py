"""What became of a run: its counts, its row for each outcome, its exit code and the words at its end."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from attrs import define, field

from ...downloads.disk.locations import LocationSpec, where
from ...errors import PixxelError
from ...events import Downloaded, Failed, Outcome, Skipped
from ..errors import Exit, code_of, one_line
from ..text import many, printable, seconds, size
from .rows import OutputRow

COLUMNS = ("package", "outcome", "path", "size", "sha256", "proof", "reason")
"""What programs get of an outcome."""
TABLE_COLUMNS = ("size", "proof", "path")
"""What people get of a package that was fetched; the rest they see on stderr."""

_WORST = (Exit.KEY, Exit.DISK, Exit.USAGE, Exit.FAILED, Exit.UNFINISHED)
"""Which exit code wins when several things went wrong."""


@define
class Tally:
    """The counts of one run.

    Attributes:
        fetched, there, left, failed: packages that arrived now, that were there, that were left alone, that failed.
        given_up: of those left alone the ones that failed too often.
        size: bytes of those that arrived now.
        codes: the exit codes of everything that went wrong.
        late: whether the run's own deadline ended it.
        running: jobs left out because they still run.
        seconds: how long the run took.
    """

    fetched: int = 0
    there: int = 0
    left: int = 0
    failed: int = 0
    given_up: int = 0
    size: int = 0
    codes: set[Exit] = field(factory=set)
    late: bool = False
    running: int = 0
    seconds: float = 0.0

    def count(self, outcome: Outcome) -> None:
        """Take in one outcome."""
        match outcome:
            case Failed():
                self.failed += 1
                self.wrong(outcome.error, ends=False)
            case Downloaded() if outcome.fetched:
                self.fetched += 1
                self.size += outcome.size
            case Skipped() if outcome.file is None:
                self.left += 1
                self.given_up += outcome.given_up
            case _:
                self.there += 1

    def wrong(self, error: PixxelError, *, ends: bool = True) -> None:
        """Take in an error.

        Args:
            ends: whether it ends the run; one of a package or of a listing does not, and is no wrong usage.
        """
        code = code_of(error)
        self.codes.add(Exit.FAILED if code is Exit.USAGE and not ends else code)

    @property
    def code(self) -> Exit:
        """The exit code of the run."""
        late = {Exit.UNFINISHED} if self.late else set()
        lost = {Exit.FAILED} if self.given_up else set()
        return next((code for code in _WORST if code in self.codes | late | lost), Exit.DONE)


def row(outcome: Outcome) -> OutputRow:
    """The outcome as a row of data."""
    base: dict[str, object] = {"package": str(outcome.package)}
    match outcome:
        case Failed():
            return base | {"outcome": "failed", "reason": one_line(outcome.error)}
        case Skipped():
            return base | {"outcome": "skipped", "path": _path(outcome), "reason": outcome.reason}
    return base | {
        "outcome": "fetched" if outcome.fetched else "skipped",
        "path": _path(outcome),
        "size": outcome.size,
        "sha256": outcome.sha256,
        "proof": outcome.proof,
    }


def table_row(outcome: Outcome, folder: Path, given: LocationSpec) -> OutputRow | None:
    """The row of a package that was fetched now, its path as the user would type it; None for other outcomes.

    Args:
        folder: the folder as the manager knows it.
        given: the folder or store as the user gave it.
    """
    if not isinstance(outcome, Downloaded) or not outcome.fetched:
        return None
    inside = outcome.url is None and outcome.path.is_relative_to(folder)
    path = str(given.folder / outcome.path.relative_to(folder)) if inside else _path(outcome)
    return {"size": size(outcome.size), "proof": outcome.proof, "path": path}


def closing(tally: Tally, to: LocationSpec, *, whole: bool) -> Iterator[str]:
    """The words at the end of a run: what is where.

    Args:
        to: the folder or store as the user gave it.
        whole: whether the run came to its end.
    """
    target = shlex.quote(printable(str(to)))
    if tally.fetched:
        yield f"{many(tally.fetched, 'package')} fetched into {target}, {size(tally.size)} in {seconds(tally.seconds)}"
    if tally.there:
        yield f"{many(tally.there, 'package')} there already" + ("" if tally.fetched or not whole else "; nothing new")
    if tally.left:
        yield f"{many(tally.left, 'package')} left alone" + (f", {tally.given_up:,} given up" if tally.given_up else "")
    if tally.failed:
        yield f"{many(tally.failed, 'package')} failed"
    if tally.late:
        yield "stopped at the deadline; the rest is not done yet"
    if tally.running:
        yield f"{many(tally.running, 'job')} still running; --wait waits for them"
    if tally.fetched or tally.there:
        yield f"check the files with: {_check(to, target)}"
    elif whole and not (tally.left or tally.codes or tally.late):
        yield "nothing to fetch"


def _check(to: LocationSpec, target: str) -> str:
    if to.url is None:
        return f"cd {target} && sha256sum -c SHA256SUMS"
    spool = "" if to == where(to.url) else f" --spool {shlex.quote(printable(str(to.folder)))}"
    return f"pixxel verify {target}{spool}"


def _path(outcome: Downloaded | Skipped) -> str | None:
    return outcome.url or (outcome.file if isinstance(outcome, Skipped) else str(outcome.path))
