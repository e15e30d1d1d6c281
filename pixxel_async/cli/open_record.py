"""Open the record of a folder for reading."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click

from ..downloads import Record, Row
from ..downloads.disk.locations import LocationSpec
from ..downloads.record.rows import Extracted
from ..downloads.record.shared import SharedCopies
from .errors import CommandError
from .text import printable


@asynccontextmanager
async def open_record(folder: LocationSpec, record: Path | None) -> AsyncIterator[Record]:
    """Open an existing record and print its notes; raises `CommandError` when there is none."""
    path = record or folder.record
    if record is None and folder.is_shared:
        await SharedCopies(folder.folder.resolve(), path).take_in()
    if not path.exists():
        raise CommandError(f"there is no record at {printable(str(path))}: nothing was exported there")
    check_record(path)
    async with await Record.open(path, origin=None) as opened:
        for note in opened.notes:
            click.echo(printable(note), err=True)
        yield opened


def check_record(path: Path) -> None:
    """Raise `CommandError` for a file that is not SQLite: opening it would move it aside as damaged."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        header = file.read(16)
    if header not in (b"", b"SQLite format 3\0"):
        raise CommandError(
            f"{printable(str(path))} is not a record, or is damaged; the next `pixxel export` moves a damaged one aside"
        )


def package_place(row: Row) -> str | None:
    """Return where the package is below its folder: its file, or the folder of the files that replaced it."""
    unpacked = Extracted.read(row.extracted)
    return unpacked.folder if unpacked is not None and unpacked.whole and not unpacked.kept else row.name


def stayed_packed(row: Row) -> bool:
    """Return whether the archive was fetched but could not be unpacked."""
    return row.state == "done" and row.error is not None
