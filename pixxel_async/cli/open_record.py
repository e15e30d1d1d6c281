"""Open the record of a folder for a command that only reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click

from ..downloads import Record
from ..downloads.disk.locations import LocationSpec
from .errors import Refusal
from .text import printable


@asynccontextmanager
async def open_record(folder: LocationSpec, record: Path | None) -> AsyncIterator[Record]:
    """A folder's record, to be looked at; raises `Refusal` when there is none."""
    path = record or folder.record
    if not path.exists():
        raise Refusal(f"there is no record at {printable(str(path))}: nothing was exported there")
    check_record(path)
    async with await Record.open(path, origin=None) as opened:
        for note in opened.notes:
            click.echo(printable(note), err=True)
        yield opened


def _begins(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)


def check_record(path: Path) -> None:
    """Raise `Refusal` for a file that is there and holds something else: opening it would set it aside as damaged."""
    if path.is_file() and _begins(path) not in (b"", b"SQLite format 3\0"):
        what = printable(str(path))
        raise Refusal(f"{what} is no record, or a damaged one; the next `pixxel export` sets that aside and goes on")
