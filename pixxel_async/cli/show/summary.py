"""Summarise a run: counts, a row per outcome, the exit code and the closing messages."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import define, field

from ...downloads.disk.locations import LocationSpec, locate
from ...errors import PixxelError
from ...events import Downloaded, Failed, Outcome, Skipped
from ..errors import Exit, exit_code_of, format_error
from ..text import format_count, format_seconds, format_size, printable
from .rows import OutputRow

COLUMNS = ("package", "outcome", "path", "size", "sha256", "proof", "reason")
"""Columns of an outcome in JSON, NDJSON and CSV."""
TABLE_COLUMNS = ("size", "proof", "path")
"""Columns of a fetched package in a table; other outcomes are reported on stderr."""

SUMMARY_COLUMNS = ("workflow", "fetched", "there_already", "skipped", "failed", "size")
"""Columns of a batch's table: one row per workflow."""

_PRECEDENCE = (Exit.KEY, Exit.DISK, Exit.USAGE, Exit.FAILED, Exit.UNFINISHED)
"""Exit codes from most to least severe."""


@define
class Tally:
    """Counts of a run.

    Attributes:
        fetched, present, left, failed: packages fetched now, present already, skipped, and failed.
        given_up: skipped packages that have failed in too many runs.
        size: bytes of the packages fetched now.
        resumed: those of them that an earlier run had fetched.
        codes: exit codes of all errors.
        retryable: an error was transient, so that running again may help.
        late: the run's deadline ended it.
        running: jobs skipped because they are still running.
        seconds: duration of the run.
    """

    fetched: int = 0
    present: int = 0
    left: int = 0
    failed: int = 0
    given_up: int = 0
    size: int = 0
    resumed: int = 0
    codes: set[Exit] = field(factory=set)
    retryable: bool = False
    late: bool = False
    running: int = 0
    seconds: float = 0.0

    def count(self, outcome: Outcome) -> None:
        """Count an outcome."""
        match outcome:
            case Failed():
                self.failed += 1
                self.count_error(outcome.error, ends_run=False)
            case Downloaded() if outcome.fetched:
                self.fetched += 1
                self.size += outcome.size
                self.resumed += outcome.resumed_from
            case Skipped() if outcome.file is None:
                self.left += 1
                self.given_up += outcome.given_up
            case _:
                self.present += 1

    def count_error(self, error: PixxelError, *, ends_run: bool = True) -> None:
        """Record an error's exit code.

        Args:
            ends_run: the error ends the run; the usage error of a single package or listing counts as `FAILED`.
        """
        code = exit_code_of(error)
        self.codes.add(Exit.FAILED if code is Exit.USAGE and not ends_run else code)
        self.retryable = self.retryable or error.retryable or code in (Exit.DISK, Exit.UNFINISHED)

    @property
    def code(self) -> Exit:
        """The exit code of the run: the most severe."""
        late = {Exit.UNFINISHED} if self.late else set()
        given_up = {Exit.FAILED} if self.given_up else set()
        return next((code for code in _PRECEDENCE if code in self.codes | late | given_up), Exit.DONE)


@define
class WorkflowTally:
    """Counts of a run's packages by workflow, for the table of a batch.

    Attributes:
        names: names of workflows by id, as far as known.
    """

    names: Mapping[str, str]
    _tallies: dict[str, Tally] = field(factory=dict)

    def count(self, outcome: Outcome) -> None:
        """Count an outcome under its workflow; under its AOI or its kind where it has none."""
        ids = outcome.package.fields()
        key = str(ids.get("workflow_id") or ids.get("aoi_id") or outcome.package.kind)
        self._tallies.setdefault(key, Tally()).count(outcome)

    def rows(self) -> Iterator[OutputRow]:
        """Yield a row of `SUMMARY_COLUMNS` per workflow; none if nothing was fetched."""
        if not any(tally.fetched for tally in self._tallies.values()):
            return
        for key, tally in self._tallies.items():
            yield {
                "workflow": self.names.get(key) or key,
                "fetched": tally.fetched,
                "there_already": tally.present,
                "skipped": tally.left,
                "failed": tally.failed,
                "size": format_size(tally.size),
            }


def outcome_row(outcome: Outcome) -> OutputRow:
    """Convert an outcome to a row of `COLUMNS`."""
    base: dict[str, object] = {"package": str(outcome.package)}
    match outcome:
        case Failed():
            return base | {"outcome": "failed", "reason": format_error(outcome.error)}
        case Skipped():
            return base | {"outcome": "skipped", "path": _final_path(outcome), "reason": outcome.reason}
    return base | {
        "outcome": "fetched" if outcome.fetched else "skipped",
        "path": _final_path(outcome),
        "size": outcome.size,
        "sha256": outcome.sha256,
        "proof": outcome.proof,
    }


def table_row(outcome: Outcome, folder: Path, destination: LocationSpec) -> OutputRow | None:
    """Convert a fetched package to a row of `TABLE_COLUMNS`; None for other outcomes.

    Args:
        folder: the manager's folder, resolved.
        destination: the destination as typed; the path is shown below it.
    """
    if not isinstance(outcome, Downloaded) or not outcome.fetched:
        return None
    inside = outcome.url is None and outcome.path.is_relative_to(folder)
    path = str(destination.folder / outcome.path.relative_to(folder)) if inside else _final_path(outcome)
    return {"size": format_size(outcome.size), "proof": outcome.proof, "path": path}


def closing_messages(tally: Tally, to: LocationSpec, *, complete: bool) -> Iterator[str]:
    """Yield the closing messages of a run.

    Args:
        to: the destination as typed.
        complete: the run was not interrupted.
    """
    target = shlex.quote(printable(str(to)))
    if tally.fetched:
        resumed = f" ({format_size(tally.resumed)} of them came in an earlier run)" if tally.resumed else ""
        fetched = f"{format_count(tally.fetched, 'package')} fetched into {target}, {format_size(tally.size)}"
        yield f"{fetched}{resumed} in {format_seconds(tally.seconds)}"
    if tally.present:
        new = "" if tally.fetched or not complete else "; nothing new"
        yield f"{format_count(tally.present, 'package')} there already{new}"
    if tally.left:
        yield f"{format_count(tally.left, 'package')} skipped" + (
            f", {tally.given_up:,} given up" if tally.given_up else ""
        )
    if tally.failed:
        yield f"{format_count(tally.failed, 'package')} failed"
    if tally.late:
        yield "stopped at the deadline; the rest is not done yet"
    if tally.running:
        yield f"{format_count(tally.running, 'job')} still running; --wait waits for them"
    if tally.fetched or tally.present:
        yield f"check the files with: {_check_command(to, target)}"
    elif complete and not (tally.left or tally.codes or tally.late):
        yield "nothing to fetch"


def next_steps(tally: Tally, to: LocationSpec, command: str) -> Iterator[str]:
    """Yield commands that help with missing packages; none after success or wrong usage.

    Args:
        to: the destination as typed.
        command: this run's command line, which helps after an interruption or a transient error only.
    """
    folder = quote_location(to)
    if tally.given_up:
        yield f"retry what was given up with: pixxel retry --given-up {folder}"
    if tally.late or tally.retryable:
        yield f"go on with: {command}"
    elif tally.failed and Exit.KEY not in tally.codes:
        yield f"list what failed with: pixxel list --state failed {folder}"


def sandbox_hint(tally: Tally, to: LocationSpec) -> Iterator[str]:
    """Explain the first export from the sandbox: the packages fetched, and the next steps."""
    if tally.fetched:
        yield (
            f"{format_count(tally.fetched, 'simulated package')}: a package is the ZIP archive with the GeoTIFFs and "
            f"metadata of a job or task. See them with: pixxel list {quote_location(to)}. With an API key of your own, "
            "start with: pixxel check"
        )


def quote_location(to: LocationSpec) -> str:
    """Return a folder or object store with its `--spool`, quoted for a shell."""
    target = shlex.quote(printable(str(to)))
    spool = "" if to.url is None or to == locate(to.url) else f" --spool {shlex.quote(printable(str(to.folder)))}"
    return f"{target}{spool}"


def _check_command(to: LocationSpec, target: str) -> str:
    return f"cd {target} && sha256sum -c SHA256SUMS" if to.url is None else f"pixxel verify {quote_location(to)}"


def _final_path(outcome: Downloaded | Skipped) -> str | None:
    return outcome.url or (outcome.file if isinstance(outcome, Skipped) else str(outcome.path))
