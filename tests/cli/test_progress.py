"""Progress while packages are fetched, and the lines at the end of a run."""

from __future__ import annotations

import asyncio
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pixxel_async.cli.errors import Exit
from pixxel_async.cli.show.bars import Bars
from pixxel_async.cli.show.json_lines import EventLines
from pixxel_async.cli.show.lines import PlainLines, progress_line, time_left
from pixxel_async.cli.show.progress import BodyProgress, ProgressBoard
from pixxel_async.cli.show.summary import Tally, closing_messages, next_steps
from pixxel_async.cli.show.views import create_view, show_progress
from pixxel_async.cli.text import format_size
from pixxel_async.downloads import Snapshot
from pixxel_async.downloads.disk.locations import LocationSpec
from pixxel_async.errors import (
    ConfigError,
    ConnectionFailed,
    DiskFull,
    Forbidden,
    KeyRefused,
    NameTaken,
    NotFound,
    PackageTimedOut,
    PixxelError,
    ServerError,
)
from pixxel_async.events import Downloaded, Failed, Moved, Proving, Rewound, Skipped, Started, Unpacking, Waiting
from pixxel_async.packages import JobPackage

JOB = JobPackage(workflow_id="w", job_id="j")
FOLDER = LocationSpec(Path("my exports"))
HERE = LocationSpec(Path("x"))
HOW = "check the files with: cd 'my exports' && sha256sum -c SHA256SUMS"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def snapshot(**counts: Any) -> Snapshot:
    zero = dict.fromkeys(("pending", "waiting", "streaming", "done", "skipped", "failed", "received"), 0)
    return Snapshot(**{**zero, "rate": 0.0, **counts})


def test_board() -> None:
    """ProgressBoard follows a body from its first byte to its outcome, restarts included."""
    board, item = ProgressBoard(), str(JOB)
    seen = []
    for event in (Started(item, 100, 10), Moved(item, 60, 100), Rewound(item, 0), Moved(item, 100, 100), Proving(item)):
        board(event)
        seen.append(board.bodies[item])
    board(Waiting(item, "pending", 1.0))
    assert board.bodies == {}, "it is being packed again"
    board(Moved(item, 100, 100))
    board(Downloaded(JOB, Path("x"), 100))

    assert seen == [
        BodyProgress(10, 100),
        BodyProgress(60, 100),
        BodyProgress(0, 100),
        BodyProgress(100, 100),
        BodyProgress(100, 100, proving=True),
    ]
    assert board.bodies == {}


def test_unpacking_is_shown_on_bars_lines_and_as_json() -> None:
    """Unpacking shows the number of written files as bars, plain text and JSON."""
    events = [Unpacking(str(JOB), 0, 70_000), Unpacking(str(JOB), 12_345, 70_000), Unpacking(str(JOB), 70_000, 70_000)]
    text, objects, terminal = io.StringIO(), io.StringIO(), Terminal()
    lines, structured, bars = PlainLines(text), EventLines(objects), Bars(terminal)
    for event in events[:2]:
        for each in (lines, structured, bars):
            each.take(event)
    lines.show(snapshot(streaming=1))
    bars.show(snapshot(streaming=1))
    bars.hide()
    structured.take(events[2])
    lines.take(Downloaded(JOB, Path("x"), 100))
    lines.show(snapshot(done=1))

    first, second = text.getvalue().splitlines()
    assert first.endswith(" · unpacking, 12,345 of 70,000 files") and "unpacking" not in second
    assert "12,345 of 70,000 files unpacked" in terminal.getvalue()
    assert [json.loads(line)["files"] for line in objects.getvalue().splitlines()] == [0, 70_000]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (snapshot(), "0 of 0 packages"),
        (snapshot(done=1), "1 of 1 package"),
        (snapshot(pending=3, waiting=2, streaming=1, done=4, skipped=5, failed=1, received=1_500_000, rate=250_000.0),
         "10 of 16 packages · 1 failed · 2 packing · 1 arriving · 1.5 MB · 250.0 kB/s"),
        (snapshot(done=1, to_come=9), "1 of 10 packages"),
        (snapshot(done=1, to_come=None), "1 of 1+ packages"),
    ],
)  # fmt: skip
def test_progress_line(given: Snapshot, expected: str) -> None:
    """The progress line shows the counts of a run and leaves out zeros."""
    assert progress_line(given) == expected


def test_lines_only_when_something_changed() -> None:
    """Without a terminal progress is printed as plain lines, and unchanged ones are not repeated."""
    stream = io.StringIO()
    lines = create_view(quiet=False, stream=stream)
    for done in (1, 1, 2):
        lines.show(snapshot(done=done))

    assert isinstance(lines, PlainLines)
    assert [line.rpartition(" · ")[0] for line in stream.getvalue().splitlines()] == [
        "1 of 1 package",
        "2 of 2 packages",
    ]


def test_quiet_prints_failures_only() -> None:
    """`--quiet` prints failures only, even on a terminal."""
    stream = Terminal()
    silent = create_view(quiet=True, stream=stream)
    silent.show(snapshot(done=1))
    silent.print_line("failed: job:w/j: why")

    assert stream.getvalue() == "failed: job:w/j: why\n"


@pytest.mark.slow
def test_bars() -> None:
    """On a terminal each body has a bar with its numbers; closing clears them and restores the cursor."""
    stream = Terminal()
    bars = create_view(quiet=False, stream=stream)
    bars.take(Started("job:w/\x1b[31mj", 2_000_000, 500_000))
    for number in range(10):
        bars.take(Started(f"job:w/{number}", None, 0))
    bars.show(snapshot(streaming=11))
    bars.print_line("failed: [bold]job[/bold]")
    bars.hide()
    text = stream.getvalue()

    assert "500.0 kB of 2.0 MB" in text
    assert "and 3 more" in text
    assert "failed: [bold]job[/bold]" in text
    assert r"\x1b[31mj" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


@pytest.mark.slow
async def test_showing_ends_with_the_block() -> None:
    """The redraw task ends with the block of show_progress(), which clears the progress line."""
    stream = Terminal()
    bars = create_view(quiet=False, stream=stream)
    with show_progress(bars, lambda: snapshot(done=3)):
        await asyncio.sleep(3 * bars.period)

    assert "3 of 3 packages" in stream.getvalue()
    assert stream.getvalue().endswith("\x1b[2K")


@pytest.mark.parametrize(
    ("errors", "late", "expected"),
    [
        ([], False, Exit.DONE),
        ([], True, Exit.UNFINISHED),
        ([NameTaken()], False, Exit.FAILED),
        ([PackageTimedOut()], False, Exit.UNFINISHED),
        ([PackageTimedOut(), NameTaken()], True, Exit.FAILED),
        ([NameTaken(), DiskFull()], False, Exit.DISK),
        ([DiskFull(), KeyRefused()], False, Exit.KEY),
        ([Forbidden()], False, Exit.KEY),
        ([ConfigError()], False, Exit.FAILED),
        ([ServerError()], False, Exit.UNFINISHED),
    ],
)
def test_exit_code(errors: list[PixxelError], late: bool, expected: Exit) -> None:
    """The most severe outcome decides the exit code, and one that a later run may mend counts as unfinished."""
    tally = Tally(late=late)
    for error in errors:
        tally.count(Failed(JOB, error))

    assert tally.code is expected


def test_a_given_up_package_is_a_failure() -> None:
    """A given-up package makes the run fail; a package of another machine's share does not."""
    tally = Tally()
    tally.count(Skipped(JOB, "another machine's share"))
    assert tally.code is Exit.DONE

    tally.count(Skipped(JOB, "failed in 3 runs: why", given_up=True))

    assert tally.code is Exit.FAILED


@pytest.mark.parametrize(
    ("tally", "expected"),
    [
        (Tally(), ["nothing to fetch"]),
        (Tally(present=2), ["2 packages there already; nothing new", HOW]),
        (Tally(failed=1, codes={Exit.FAILED}), ["1 package failed"]),
        (Tally(running=1), ["1 job still running; --wait waits for them", "nothing to fetch"]),
        (Tally(late=True), ["stopped at the deadline; the rest is not done yet"]),
        (Tally(fetched=1, size=1000, seconds=2.5), ["1 package fetched into 'my exports', 1.0 kB in 2.5 s", HOW]),
    ],
)  # fmt: skip
def test_closing(tally: Tally, expected: list[str]) -> None:
    """The closing lines say how many packages are where, and omit counts of zero."""
    assert list(closing_messages(tally, FOLDER, complete=True)) == expected


def test_interrupted_run_claims_nothing() -> None:
    """An interrupted run does not claim that there was nothing to fetch."""
    assert list(closing_messages(Tally(), FOLDER, complete=False)) == []
    assert format_size(0) == "0 B"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (snapshot(done=4, waiting=6), 15.0),
        (snapshot(done=4, waiting=2, pending=2, to_come=2), 15.0),
        (snapshot(done=2, waiting=6), None),
        (snapshot(done=4, skipped=90, waiting=4), 10.0),
        (snapshot(done=4, to_come=None), None),
        (snapshot(done=4), None),
        (snapshot(done=4, waiting=100), None),
    ],
)
def test_time_left(given: Snapshot, expected: float | None) -> None:
    """The remaining time is estimated from packages that ended in this run, and omitted while they are too few."""
    assert time_left(given, 10.0) == expected


def test_next_steps() -> None:
    """The suggested commands match the failures, and none repeats what cannot succeed."""
    gone = Tally()
    gone.count(Skipped(JobPackage(workflow_id="w", job_id="j"), "given up", given_up=True))
    assert list(next_steps(gone, HERE, "again")) == ["retry what was given up with: pixxel retry --given-up x"]

    for error, expected in (
        (NotFound("m", status=404, method="GET", path="/x"), ["list what failed with: pixxel list --state failed x"]),
        (KeyRefused("m", status=401, method="GET", path="/x"), []),
        (ConnectionFailed("m"), ["go on with: again"]),
    ):
        tally = Tally()
        tally.count(Failed(JobPackage(workflow_id="w", job_id="j"), error))
        assert list(next_steps(tally, HERE, "again")) == expected
    assert list(next_steps(Tally(fetched=1), HERE, "again")) == []
