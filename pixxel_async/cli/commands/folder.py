"""`pixxel status`, `list` and `verify`: the contents of a folder by its record."""

from __future__ import annotations

import shlex
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import anyio.to_thread
import click

from ..._formats.geo.footprint import read_outline
from ...downloads import Row, Verified, verify_folder, verify_sums
from ...downloads.disk.checksums import SUMS
from ...downloads.disk.destination import Destination
from ...downloads.disk.locations import LocationSpec, open_store
from ...downloads.record.extracted import Extracted
from .. import options
from ..errors import Exit
from ..open_record import open_record, package_place, stayed_packed
from ..running import run
from ..show.rows import OutputFormat, create_writer
from ..show.stac import stac_item, unpacked_rasters
from ..text import format_count, printable
from ..text import format_size as text_of

STATUS_COLUMNS = ("state", "packages", "bytes")
COUNT_COLUMNS = ("state", "packages", "size")
TABLE_COLUMNS = ("state", "size", "package", "error")
LIST_COLUMNS = ("package", "state", "path", "size", "sha256", "proof", "finished_at", "error")
VERIFY_COLUMNS = ("path", "ok", "reason")
DAMAGED_COLUMNS = ("path", "reason")

_NONE = "no package was requested yet"
_UNFINISHED = frozenset({"publishing", "streaming"})
_STATES = ("done", "unfinished", "waiting", "failed", "given_up")
"""States as shown: after a crash no package is streaming, although the record may have it."""


@click.command()
@options.folder
@options.record
@options.output
def status(folder: LocationSpec, record: Path | None, form: OutputFormat) -> int:
    """Count a folder's packages by state.

    Packages given up after permanent failures in several runs, and archives that could not be unpacked, are listed on
    stderr with the reason.
    """
    return run(lambda: _show_status(folder, record, form))


async def _show_status(folder: LocationSpec, record: Path | None, form: OutputFormat) -> int:
    counts, packed = {state: [0, 0] for state in _STATES}, False
    async with open_record(folder, record) as opened:
        async for row in opened.rows(folder.folder):
            counts[_state_of(row)][0] += 1
            counts[_state_of(row)][1] += row.size or 0
            packed = packed or stayed_packed(row)
            if row.state == "given_up" or stayed_packed(row):
                label = "not unpacked" if row.state == "done" else f"given up after {format_count(row.runs, 'run')}"
                click.echo(f"{label}: {row.identity}: {printable(row.error or '')}", err=True)
    out = create_writer(form, COUNT_COLUMNS if form == "table" else STATUS_COLUMNS, sys.stdout)
    for state, (packages, size) in counts.items():
        if packages:
            out.add({"state": state, "packages": packages, "bytes": size, "size": text_of(size)})
    out.end()
    if out.blank:
        click.echo(_NONE, err=True)
    flags = [option for option, any in (("--given-up", counts["given_up"][0]), ("--extract", packed)) if any]
    if flags:
        click.echo(f"to retry them: pixxel retry {' '.join(flags)} {shlex.quote(str(folder))}", err=True)
    return Exit.DONE


@click.command("list")
@options.folder
@options.record
@options.output_with("geojson", "stac")
@click.option("--state", "states", type=click.Choice(_STATES), multiple=True, help="Only this state; repeatable.")
def list_(folder: LocationSpec, record: Path | None, form: OutputFormat, states: tuple[str, ...]) -> int:
    """List a folder's packages.

    As CSV or NDJSON the list is a manifest for `pixxel export`; as GeoJSON it is a map of the packages' footprints, as
    STAC an item collection of the fetched packages and their unpacked GeoTIFFs.
    """
    return run(lambda: _list(folder, record, form, states))


async def _list(folder: LocationSpec, record: Path | None, form: OutputFormat, states: tuple[str, ...]) -> int:
    nowhere = 0
    out = create_writer(form, TABLE_COLUMNS if form == "table" else LIST_COLUMNS, sys.stdout)
    async with open_record(folder, record) as opened:
        async for row in opened.rows(folder.folder):
            if states and _state_of(row) not in states:
                continue
            if form == "table":
                out.add(_table_row(row))
                continue
            unpacked = Extracted.read(row.extracted)
            listed = await _add_geometry(_row(row, folder), folder, form, unpacked and unpacked.folder)
            nowhere += row.state == "done" and listed.get("geometry") is None
            if form != "stac":
                out.add(listed)
            elif row.state == "done" and listed["path"] is not None:
                out.add(await anyio.to_thread.run_sync(_stac_item, listed, folder, unpacked))
    out.end()
    if form in ("geojson", "stac") and nowhere:
        click.echo(
            f"{format_count(nowhere, 'package')} have no footprint: no GeoJSON, no georeferenced raster", err=True
        )
    if out.blank:
        click.echo(f"no package is {' or '.join(states)}" if states else _NONE, err=True)
    return Exit.DONE


@click.command()
@options.folder_or_sums
@options.record
@click.option("--quiet", "-q", is_flag=True, help="Print only damaged files.")
@options.output
def verify(folder: LocationSpec, record: Path | None, quiet: bool, form: OutputFormat) -> int:
    """Verify the checksum of every fetched file.

    Files are compared with the record, or with a SHA256SUMS file, which needs no record. The exit code is 7 if a file
    is damaged or missing. The table shows only those, the other formats every file.
    """
    return run(lambda: _verify(folder, record, quiet, form))


async def _verify(folder: LocationSpec, record: Path | None, quiet: bool, form: OutputFormat) -> int:
    good = bad = 0
    out = create_writer(form, DAMAGED_COLUMNS if form == "table" else VERIFY_COLUMNS, sys.stdout)
    async for verified in _verify_files(folder, record):
        good, bad = good + verified.ok, bad + (not verified.ok)
        if not verified.ok or not (quiet or form == "table"):
            path = verified.path if form == "table" else verified.path.absolute()
            out.add({"path": verified.url or str(path), "ok": verified.ok, "reason": verified.reason})
    if bad or not quiet:
        out.end()
        click.echo(f"{format_count(good, 'file')} sound" + (f", {bad:,} damaged or missing" if bad else ""), err=True)
    if bad:
        click.echo("to fetch them again, delete them and export with: pixxel export --redo-missing …", err=True)
    return Exit.DAMAGED if bad else Exit.DONE


def _state_of(row: Row) -> str:
    """Return the state for people: `unfinished` for a package with bytes, whether a process works on it or not."""
    return "unfinished" if row.state in _UNFINISHED else row.state


def _verify_files(place: LocationSpec, record: Path | None) -> AsyncIterator[Verified]:
    """Verify the files of a record, or of a SHA256SUMS file where there is no record."""
    sums = place.folder / SUMS if place.folder.is_dir() else place.folder
    if place.url is None and record is None and sums.is_file() and not place.record.exists():
        return verify_sums(sums)
    return _verify_recorded(place, record)


async def _verify_recorded(place: LocationSpec, record: Path | None) -> AsyncIterator[Verified]:
    async with open_record(place, record) as opened:
        async for verified in verify_folder(place.folder, opened, await _open_store(place)):
            yield verified


async def _add_geometry(
    listed: dict[str, object], folder: LocationSpec, form: OutputFormat, unpacked: str | None
) -> dict[str, object]:
    """Add the package's footprint to the row, for GeoJSON and STAC.

    Args:
        unpacked: folder of the unpacked files below the export folder; None if there is none.
    """
    if form in ("geojson", "stac") and folder.url is None and listed["path"] is not None:
        listed["geometry"] = await anyio.to_thread.run_sync(read_outline, Path(str(listed["path"])))
        if listed["geometry"] is None and unpacked is not None:
            listed["geometry"] = await anyio.to_thread.run_sync(read_outline, folder.folder / unpacked)
    return listed


def _stac_item(listed: dict[str, object], folder: LocationSpec, unpacked: Extracted | None) -> dict[str, object]:
    files = folder.folder / unpacked.folder if unpacked is not None and unpacked.whole else None
    return stac_item(listed, unpacked_rasters(files) if files is not None and folder.url is None else {})


def _locate(name: str, folder: LocationSpec) -> str:
    """Return the absolute path, or the URL, of a file below the folder."""
    return str((folder.folder / name).absolute()) if folder.url is None else f"{folder.url}/{name}"


async def _open_store(folder: LocationSpec) -> Destination | None:
    """Open the object store; None for a folder."""
    if folder.url is None:
        return None
    store = await anyio.to_thread.run_sync(open_store, folder.url)
    await store.open()
    return store


def _table_row(row: Row) -> dict[str, object]:
    """Convert a recorded package to a row of `TABLE_COLUMNS`."""
    return {
        "state": _state_of(row),
        "size": None if row.size is None else text_of(row.size),
        "package": row.identity,
        "error": row.error,
    }


def _row(row: Row, folder: LocationSpec) -> dict[str, object]:
    """Convert a recorded package to a row of `LIST_COLUMNS`."""
    name = package_place(row)
    finished = None if row.finished_at is None else datetime.fromtimestamp(row.finished_at, UTC)
    return {
        "package": row.identity,
        "state": _state_of(row),
        "path": None if name is None else _locate(name, folder),
        "size": row.size,
        "sha256": row.sha256,
        "proof": row.proof,
        "finished_at": finished,
        "error": row.error,
    }
