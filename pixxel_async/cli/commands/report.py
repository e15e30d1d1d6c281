"""`pixxel report FOLDER`: summarise a record by month or day."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import anyio.to_thread
import click
from attrs import define, field

from ..._formats.geo.footprint import read_outline
from ...downloads import Row as Recorded
from ...downloads.disk.locations import LocationSpec
from .. import options
from ..errors import Exit
from ..open_record import open_record, package_place
from ..output_file import write_output
from ..report.charts import outer_rings
from ..report.figures import Figures
from ..report.page import Report, render_page
from ..running import run
from ..show.rows import OutputFormat, OutputRow, show
from ..show.summary import quote_location
from ..text import format_count, format_size, printable

Span = Literal["month", "day"]

COLUMNS = ("period", "fetched", "bytes", "failed", "given_up", "unfinished", "reasons")
TABLE_COLUMNS = ("period", "fetched", "size", "failed", "given_up", "unfinished", "reasons")

_MOST_FOOTPRINTS = 500
"""Packages whose footprints are read; of more, evenly spread ones."""
_LENGTHS: dict[Span, int] = {"month": 7, "day": 10}
"""Characters of the period's ISO 8601 prefix."""


@define
class Period:
    """Counts of a month or day, in UTC.

    Attributes:
        fetched, size: packages fetched in it, and their bytes.
        failed, given_up, unfinished: missing packages whose last attempt was in it.
        reasons: number of missing packages by kind of error.
    """

    fetched: int = 0
    size: int = 0
    failed: int = 0
    given_up: int = 0
    unfinished: int = 0
    reasons: dict[str, int] = field(factory=dict)

    @property
    def missing(self) -> int:
        """The number of missing packages."""
        return self.failed + self.given_up + self.unfinished

    def count(self, row: Recorded) -> None:
        """Count a package."""
        match row.state:
            case "done":
                self.fetched += 1
                self.size += row.size or 0
                return
            case "failed":
                self.failed += 1
            case "given_up":
                self.given_up += 1
            case _:
                self.unfinished += 1
        if row.error_kind:
            self.reasons[row.error_kind] = self.reasons.get(row.error_kind, 0) + 1


@click.command()
@options.folder
@options.record
@click.option("--by", type=click.Choice(["month", "day"]), default="month", show_default=True, help="Period of a row.")
@click.option(
    "--html",
    metavar="FILE",
    type=options.LocationType(dir_okay=False),
    help="Write a page for a browser instead: timeline, rates, sizes, failures and footprints; `-` is stdout.",
)
@options.output
def report(folder: LocationSpec, record: Path | None, by: Span, html: Path | None, form: OutputFormat) -> int:
    """Summarise a folder by month or day.

    A row is a month or day, in UTC: the packages fetched in it and their bytes, and the missing packages whose last
    attempt was in it, with the kinds of their errors. With --html, one file that needs no network.
    """
    if html is not None:
        return run(lambda: _write_html(folder, record, html))
    return run(lambda: _show_report(folder, record, by, form))


async def _write_html(folder: LocationSpec, record: Path | None, file: Path) -> int:
    """Write the page; footprints are read from packages evenly spread over the folder."""
    figures, places = Figures(), list[str]()
    async with open_record(folder, record) as opened:
        async for row in opened.rows(folder.folder):
            figures.count(row)
            if row.state == "done" and folder.url is None and (place := package_place(row)) is not None:
                places.append(place)
    chosen = places[:: -(-len(places) // _MOST_FOOTPRINTS) or 1]
    shapes = await anyio.to_thread.run_sync(
        lambda: [ring for place in chosen for ring in outer_rings(read_outline(folder.folder / place))]
    )
    document = Report(str(folder), quote_location(folder), figures, shapes, len(chosen), datetime.now(UTC))
    await anyio.to_thread.run_sync(lambda: write_output(file, render_page(document).encode()))
    if file != Path("-"):
        click.echo(f"{printable(str(file))} written; open it in a browser", err=True)
    return Exit.DONE


async def _show_report(folder: LocationSpec, record: Path | None, by: Span, form: OutputFormat) -> int:
    periods: dict[str, Period] = {}
    async with open_record(folder, record) as opened:
        async for row in opened.rows(folder.folder):
            periods.setdefault(period_of(row, by), Period()).count(row)
    rows = [_row(name, periods[name], table=form == "table") for name in sorted(periods)]
    show(form, TABLE_COLUMNS if form == "table" else COLUMNS, rows, sys.stdout)
    click.echo(format_total(periods.values()), err=True)
    return Exit.DONE


def period_of(row: Recorded, by: Span) -> str:
    """Return the month or day in which the package was fetched, or last attempted."""
    moment = datetime.fromtimestamp(row.finished_at or row.updated_at, UTC)
    return moment.isoformat()[: _LENGTHS[by]]


def format_total(periods: Iterable[Period]) -> str:
    """Format the total of all periods."""
    rows = list(periods)
    fetched, missing = sum(each.fetched for each in rows), sum(each.missing for each in rows)
    text = f"{format_count(fetched, 'package')}, {format_size(sum(each.size for each in rows))}"
    return text + (f"; {missing:,} missing" if missing else "")


def _row(name: str, period: Period, *, table: bool) -> OutputRow:
    row: dict[str, object] = {each: getattr(period, each) for each in ("fetched", "failed", "given_up", "unfinished")}
    if not table:
        return {"period": name, "bytes": period.size, "reasons": period.reasons, **row}
    reasons = ", ".join(f"{count:,} {kind}" for kind, count in sorted(period.reasons.items()))
    return {"period": name, "size": format_size(period.size), "reasons": printable(reasons), **row}
