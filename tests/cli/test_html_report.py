"""`pixxel report FOLDER --html FILE` writes figures and charts into one page."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pixxel_async.cli.report.charts import draw_areas, draw_footprints, outer_rings
from pixxel_async.cli.report.figures import PAUSE, Figures, Life, last_run_lives, make_timeline
from pixxel_async.cli.report.page import Report, next_steps, render_page
from pixxel_async.downloads import Row
from pixxel_async.sandbox import Sandbox
from tests.cli.conftest import Command
from tests.support.browser import browser

SQUARE = {"type": "Polygon", "coordinates": [[[10, 50], [11, 50], [11, 51], [10, 51], [10, 50]]]}
HOSTILE = "<script>alert(1)</script>\x1b[2J"


def row(number: int, **changes: Any) -> Row:
    """Return the row of a fetched package."""
    start = 1_770_000_000.0 + 10 * number
    done = Row(f"job:w/{number}", ".", "done", name=f"w/{number}.zip", size=1_000_000, asked_at=start, updated_at=start)
    return done._replace(started_at=start + 5, finished_at=start + 7)._replace(**changes)


def figures(*rows: Row) -> Figures:
    """Count these rows."""
    counted = Figures()
    for each in rows:
        counted.count(each)
    return counted


def report(counted: Figures) -> str:
    """Render the page of a folder whose name has to be escaped."""
    shapes = list(outer_rings(SQUARE))
    return render_page(Report(HOSTILE, "'a b'", counted, shapes, 1, datetime(2026, 2, 3, tzinfo=UTC)))


def test_the_last_run() -> None:
    """A gap of an hour without activity ends a run; packages that overlap in time belong to the same run."""
    first, long, second = Life(0, 1, 2, 1), Life(1, 2, 4 * PAUSE, 1), Life(4.5 * PAUSE, 4.6 * PAUSE, 4.7 * PAUSE, 1)
    short, apart = Life(1, 1, 1, 1), Life(6 * PAUSE, 6 * PAUSE, 6 * PAUSE, 1)
    assert last_run_lives([second, first, long, short]) == [first, long, short, second]
    assert last_run_lives([apart, second, first, long]) == [apart]


def test_a_timeline_counts_packages_in_each_bin() -> None:
    """Each bin counts the packages that wait and that stream at its middle, and the rates add up to all bytes."""
    lives = [Life(0, 4, 8, 400), Life(2, 4, 5, 100), Life(0, 8, 8, 50)]
    drawn = make_timeline(lives, bins=8)
    assert drawn is not None
    assert list(drawn.waiting) == [2, 2, 3, 3, 1, 1, 1, 1]
    assert list(drawn.streaming) == [0, 0, 0, 0, 2, 1, 1, 1]
    assert sum(drawn.rates) == pytest.approx(550)
    assert list(drawn.rates) == pytest.approx([0, 0, 0, 0, 200, 100, 100, 150], abs=0.1)
    assert make_timeline([]) is None


def test_many_packages_make_no_longer_page() -> None:
    """The page's size does not grow with the number of packages."""
    small, large = (report(figures(*map(row, range(count)))) for count in (500, 5000))
    assert len(large) < 1.2 * len(small) < 100_000


def test_texts_of_a_server_are_escaped() -> None:
    """Names and errors are escaped; the page loads no resource and contains no script."""
    failed = row(1, identity=f"job:w/{HOSTILE}", state="failed", error=HOSTILE, error_kind="ServerError")
    text = report(figures(row(0), failed))
    assert "<script" not in text and "&lt;script&gt;" in text and "\x1b" not in text
    assert re.findall(r"(?:src|href|url)\s*[=(]", text) == []
    assert "default-src 'none'" in text


def test_the_next_steps() -> None:
    """Each kind of missing package has a command that helps; if none is missing, `verify` is suggested."""
    states = ("failed", "given_up", "streaming", "done")
    rows = [row(number, state=state, error="why") for number, state in enumerate(states)]
    assert [command for _, command in next_steps(figures(*rows), "F")] == [
        "pixxel retry F",
        "pixxel retry --given-up F",
        "pixxel retry F",
        "pixxel retry --extract F",
        "pixxel verify F",
    ]
    assert [command for _, command in next_steps(figures(row(0)), "F")] == ["pixxel verify F"]
    assert [words for words, _ in next_steps(Figures(), "F")] == ["Nothing was fetched yet."]


@pytest.mark.parametrize(
    ("geometry", "count"),
    [
        (SQUARE, 1),
        ({"type": "MultiPolygon", "coordinates": [SQUARE["coordinates"]] * 2}, 2),
        ({"type": "GeometryCollection", "geometries": [SQUARE, {"type": "Point", "coordinates": [1, 2]}]}, 1),
        ({"type": "Polygon", "coordinates": [[[500_000, 5_000_000]] * 4]}, 0),
        ({"type": "Polygon", "coordinates": [[["a", None]] * 4]}, 0),
        ({"type": "Polygon", "coordinates": []}, 0),
        (None, 0),
    ],
)
def test_rings(geometry: object, count: int) -> None:
    """Polygons in degrees yield rings; any other geometry yields none and raises nothing."""
    assert len(list(outer_rings(geometry))) == count


def test_a_tiny_footprint_can_be_seen() -> None:
    """Two small footprints far apart are drawn as dots, a single one fills the map, and none draws no map."""
    near, far = ([(x, 50.0), (x + 0.1, 50.0), (x + 0.1, 50.1)] for x in (10.0, 60.0))
    assert draw_footprints([near, far]).count("<circle") == 2
    assert draw_footprints([near]).count("<circle") == 0
    assert draw_footprints([near, near]).count("<polygon") == 1
    assert draw_footprints([]) == ""


def test_charts_of_zeros() -> None:
    """A chart of zeros contains no NaN."""
    assert "nan" not in draw_areas([("rate", [0.0, 0.0])], label="none").lower()


@pytest.mark.slow
async def test_in_a_browser(tmp_path: Path) -> None:
    """The page fits windows of 400 to 1600 pixels, in light and dark mode, and loads nothing."""
    failed = [row(number, state="failed", error="x" * 300, error_kind="ServerError") for number in range(40, 60)]
    file = tmp_path / "r.html"
    file.write_text(report(figures(*map(row, range(40)), *failed)), encoding="utf-8")
    async with browser(tmp_path / "profile") as tab:
        for width in (400, 900, 1600):
            await tab.resize(width, 900)
            await tab.open(file.as_uri())
            assert await tab.value("document.documentElement.scrollWidth") <= width
        assert "What to do next" in await tab.text() and "Footprints" in await tab.text()
        assert [url for url in tab.asked if not url.startswith("file:")] == []


def test_the_command(command: Command, served: Sandbox, tmp_path: Path) -> None:
    """After an export the page shows a timeline and a map, and replaces an existing file."""
    job = served.add_job(tasks=1, seconds=0)
    assert command("export", f"job:{job.workflow_id}/{job.id}", "--to", str(tmp_path / "x")).exit_code == 0
    file = tmp_path / "r.html"
    file.write_text("before")
    done = command("report", str(tmp_path / "x"), "--html", str(file))
    text = file.read_text(encoding="utf-8")
    assert (done.exit_code, done.stdout, f"{file} written" in done.stderr) == (0, "", True)
    assert all(words in text for words in ("<b>1</b>packages fetched", "Last run", "Footprints", "<polygon"))


def test_to_stdout_and_nowhere(command: Command, tmp_path: Path) -> None:
    """`--html -` writes only the page to stdout; a missing output folder is a usage error that names it."""
    (tmp_path / ".pixxel").mkdir(mode=0o700)
    (tmp_path / ".pixxel" / "record.sqlite").touch(mode=0o600)
    shown = command("report", str(tmp_path), "--html", "-")
    assert (shown.exit_code, shown.stderr, shown.stdout.startswith("<!doctype html>")) == (0, "", True)
    nowhere = command("report", str(tmp_path), "--html", str(tmp_path / "no" / "r.html"))
    assert (nowhere.exit_code, f"there is no folder {tmp_path / 'no'}" in nowhere.stderr) == (2, True)
