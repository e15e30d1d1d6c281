"""`pixxel record merge`: merge the records of several machines."""

from __future__ import annotations

from pathlib import Path

import anyio.to_thread
import click

from ...downloads import Merged, Record, merge, write_sums
from ...downloads.disk.locations import LocationSpec
from .. import options
from ..errors import Exit
from ..open_record import check_record
from ..running import run
from ..text import format_count, printable


@click.group()
def record() -> None:
    """Merge the records of several machines."""


@record.command("merge")
@click.argument("into", metavar="INTO", type=options.LocationType())
@click.argument("sources", metavar="FROM...", nargs=-1, required=True, type=options.LocationType())
def merge_(into: Path, sources: tuple[Path, ...]) -> int:
    """Merge records into one.

    INTO and FROM are export folders or record files. Copy the packages into one folder first, for example with
    `rsync -a`. Merging is idempotent. If INTO is a folder, its SHA256SUMS is rewritten.
    """
    folder = into if into.is_dir() else None
    records = [LocationSpec(place).record if place.is_dir() else place for place in (into, *sources)]
    for record in records:
        check_record(record)
    return run(lambda: _merge(records[0], records[1:], folder))


async def _merge(into: Path, sources: list[Path], folder: Path | None) -> int:
    note = "" if await anyio.to_thread.run_sync(into.exists) else f"; {printable(str(into))} is a new record"
    merged: Merged = await merge(into, sources)
    if folder is not None:
        async with await Record.open(into, origin=None) as opened:
            await write_sums(folder, opened)
    for clash in merged.clashes:
        click.echo(f"not merged: {printable(clash)}", err=True)
    click.echo(f"{format_count(merged.taken, 'package')} merged, {merged.kept:,} known already{note}", err=True)
    return Exit.FAILED if merged.clashes else Exit.DONE
