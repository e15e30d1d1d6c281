"""`pixxel status`, `list` and `verify`: the contents of a folder by its record."""

from __future__ import annotations

import shlex
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio.to_thread
import click

from ..._formats.geo.footprint import read_outline
from ...downloads import Row, Verified, verify_folder, verify_sums
from ...downloads.disk.checksums import SUMS
from ...downloads.disk.destination import Destination
from ...downloads.disk.locations import LocationSpec, open_store
from ...downloads.record.rows import Extracted
from .. import options
from ..errors import Exit
from ..open_record import open_record, package_place, stayed_packed
from ..running import run
from ..show.rows import OutputFormat, create_writer
from ..show.stac_folder import CatalogFolder
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
@click.option(
    "--to",
    metavar="FOLDER",
    type=options.LocationType(),
    help="With --output stac: folder of the catalog [FOLDER/stac].",
)
def list_(
    folder: LocationSpec, record: Path | None, form: OutputFormat, states: tuple[str, ...], to: Path | None
) -> int:
    """List a folder's packages.

    As CSV or NDJSON the list is a manifest for `pixxel export`; as GeoJSON it is a map of the packages' footprints.

    As STAC it is a catalog of the fetched packages and their unpacked files, with a collection for each workflow and
    AOI. It is written into a folder, and stdout gets the path of its catalog.json; the same command brings it up to
    date.
    """
    if form != "stac":
        if to is not None:
            raise click.UsageError("--to is for --output stac; redirect the other formats to a file: > packages.csv")
        return run(lambda: _list(folder, record, form, states))
    if set(states) - {"done"}:
        raise click.UsageError("a STAC catalog has fetched packages only: leave --state out")
    if to is None and folder.url is not None:
        raise click.UsageError("a STAC catalog is written into a local folder: choose one by --to FOLDER")
    return run(lambda: _write_catalog(folder, record, to or folder.folder / "stac"))


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
            listed = _row(row, folder)
            if form == "geojson" and folder.url is None and listed["path"] is not None:
                listed["geometry"] = await anyio.to_thread.run_sync(_outline, listed, _unpacked(row, folder))
            nowhere += row.state == "done" and listed.get("geometry") is None
            out.add(listed)
    out.end()
    if form == "geojson":
        _print_nowhere(nowhere)
    if out.blank:
        click.echo(f"no package is {' or '.join(states)}" if states else _NONE, err=True)
    return Exit.DONE


async def _write_catalog(folder: LocationSpec, record: Path | None, to: Path) -> int:
    """Write a STAC catalog of what is done, and print its path."""
    catalog, nowhere, missing = CatalogFolder(to, folder.url or str(folder.folder.absolute())), 0, 0
    catalog.check()

    def add(row: Row) -> None:
        nonlocal nowhere, missing
        listed, unpacked = _row(row, folder), _unpacked(row, folder)
        if folder.url is None and not Path(str(listed["path"])).exists():
            missing += 1
            return
        geometry = _outline(listed, unpacked) if folder.url is None else None
        nowhere += geometry is None
        catalog.add(listed, row.fields, unpacked, geometry)

    async with open_record(folder, record) as opened:
        async for row in opened.rows(folder.folder):
            if row.state == "done" and package_place(row) is not None:
                await anyio.to_thread.run_sync(add, row)
    path = await anyio.to_thread.run_sync(catalog.finish)
    click.echo(path)
    click.echo(f"{format_count(catalog.items, 'package')} in the catalog", err=True)
    if missing:
        click.echo(f"{format_count(missing, 'package')} left out: not in the folder any more", err=True)
    _print_nowhere(nowhere)
    return Exit.DONE


def _print_nowhere(nowhere: int) -> None:
    if nowhere:
        counted = f"{format_count(nowhere, 'package')} {'has' if nowhere == 1 else 'have'}"
        click.echo(f"{counted} no footprint: no GeoJSON, no georeferenced raster", err=True)


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


def _outline(listed: dict[str, object], unpacked: Path | None) -> dict[str, Any] | None:
    """Read a package's footprint from its file, else from its unpacked files."""
    return read_outline(Path(str(listed["path"]))) or (read_outline(unpacked) if unpacked is not None else None)


def _unpacked(row: Row, folder: LocationSpec) -> Path | None:
    """Return the folder of a package's unpacked files; None while there is none, or it is not complete."""
    extracted = Extracted.read(row.extracted)
    complete = extracted is not None and extracted.whole and folder.url is None
    return folder.folder / extracted.folder if extracted is not None and complete else None


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
