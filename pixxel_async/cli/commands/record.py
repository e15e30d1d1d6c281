"""`pixxel record merge`: one record of what several machines have done."""

from __future__ import annotations

from pathlib import Path

import anyio.to_thread
import click

from ...downloads import Merged, Record, merge, write_sums
from .. import options
from ..errors import Exit
from ..open_record import check_record
from ..running import run
from ..text import many, printable


@click.group()
def record() -> None:
    """Look after records of what is done."""


@record.command("merge")
@click.argument("into", metavar="INTO", type=options.LocationType())
@click.argument("sources", metavar="FROM...", nargs=-1, required=True, type=options.LocationType())
def merge_(into: Path, sources: tuple[Path, ...]) -> int:
    """Take into one record what others know.

    INTO and FROM are folders of exports, or files of records. Bring the files together first, for example with
    `rsync -a`; merging the same again changes nothing. INTO's SHA256SUMS is written anew when it is a folder.
    """
    folder = into if into.is_dir() else None
    records = [_file(place) for place in (into, *sources)]
    for record in records:
        check_record(record)
    return run(lambda: _merge(records[0], records[1:], folder))


async def _merge(into: Path, sources: list[Path], folder: Path | None) -> int:
    begun = "" if await anyio.to_thread.run_sync(into.exists) else f"; {printable(str(into))} is a new record"
    merged: Merged = await merge(into, sources)
    if folder is not None:
        async with await Record.open(into, origin=None) as opened:
            await write_sums(folder, opened)
    for clash in merged.clashes:
        click.echo(f"left out: {printable(clash)}", err=True)
    click.echo(f"{many(merged.taken, 'package')} taken, {merged.kept:,} known already{begun}", err=True)
    return Exit.FAILED if merged.clashes else Exit.DONE


def _file(place: Path) -> Path:
    return place / ".pixxel" / "record.sqlite" if place.is_dir() else place
