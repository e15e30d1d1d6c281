"""`pixxel status`, `list`, `verify` and `retry`: what is in a folder, and what is not yet."""

from __future__ import annotations

import shlex
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio.to_thread
import click

from ...downloads import Record, Row, Verified, verify_folder, verify_sums
from ...downloads.disk.checksums import SUMS
from ...downloads.disk.destination import Destination
from ...downloads.disk.locations import LocationSpec, open_store
from ...packages import SignedLink, Wanted, parse_package
from .. import options
from ..choose.request import RunOptions, check_run
from ..errors import Exit
from ..open_record import open_record
from ..run_export import Fetching
from ..running import run
from ..session import Session
from ..show.outlines import outline
from ..show.rows import OutputForm, writer
from ..text import many, printable
from ..text import size as text_of

STATUS_COLUMNS = ("state", "packages", "bytes")
COUNT_COLUMNS = ("state", "packages", "size")
TABLE_COLUMNS = ("state", "size", "package", "error")
LIST_COLUMNS = ("package", "state", "path", "size", "sha256", "proof", "finished_at", "error")
VERIFY_COLUMNS = ("path", "ok", "reason")
DAMAGED_COLUMNS = ("path", "reason")

_NONE = "no package was asked for yet"
_ANEW = "pixxel export --redo-missing …"
_STATES = ("done", "publishing", "streaming", "waiting", "failed", "given_up")


@click.command()
@options.folder
@options.record
@options.output
def status(folder: LocationSpec, record: Path | None, form: OutputForm) -> int:
    """Count a folder's packages by state.

    What was given up because it failed for good in too many runs is listed on stderr, with the reason, and so is what
    is here but could not be unpacked.
    """
    return run(lambda: _status(folder, record, form))


async def _status(folder: LocationSpec, record: Path | None, form: OutputForm) -> int:
    counts, packed = {state: [0, 0] for state in _STATES}, False
    async with open_record(folder, record) as opened:
        async for row in opened.rows(folder.folder):
            counts[row.state][0] += 1
            counts[row.state][1] += row.size or 0
            packed = packed or _stayed_packed(row)
            if row.state == "given_up" or _stayed_packed(row):
                what = "not unpacked" if row.state == "done" else f"given up after {many(row.runs, 'run')}"
                click.echo(f"{what}: {row.identity}: {printable(row.error or '')}", err=True)
    out = writer(form, COUNT_COLUMNS if form == "table" else STATUS_COLUMNS, sys.stdout)
    for state, (packages, size) in counts.items():
        if packages:
            out.add({"state": state, "packages": packages, "bytes": size, "size": text_of(size)})
    out.end()
    if out.blank:
        click.echo(_NONE, err=True)
    again = [option for option, any in (("--given-up", counts["given_up"][0]), ("--extract", packed)) if any]
    if again:
        click.echo(f"to try those again: pixxel retry {' '.join(again)} {shlex.quote(str(folder))}", err=True)
    return Exit.DONE


@click.command("list")
@options.folder
@options.record
@options.output_on_earth
def list_(folder: LocationSpec, record: Path | None, form: OutputForm) -> int:
    """List a folder's packages.

    As CSV or NDJSON the list is a manifest for `pixxel export`; as GeoJSON it is a map of what there is, drawn from the
    outlines inside the packages.
    """
    return run(lambda: _list(folder, record, form))


async def _list(folder: LocationSpec, record: Path | None, form: OutputForm) -> int:
    out = writer(form, TABLE_COLUMNS if form == "table" else LIST_COLUMNS, sys.stdout)
    async with open_record(folder, record) as opened:
        async for row in opened.rows(folder.folder):
            out.add(_told(row) if form == "table" else await _drawn(_listed(row, folder), folder, form))
    out.end()
    if out.blank:
        click.echo(_NONE, err=True)
    return Exit.DONE


@click.command()
@options.folder_or_sums
@options.record
@click.option("--quiet", "-q", is_flag=True, help="Say nothing unless a file is damaged.")
@options.output
def verify(folder: LocationSpec, record: Path | None, quiet: bool, form: OutputForm) -> int:
    """Read every fetched file and compare.

    Each file is compared with what the record says of it, or with a SHA256SUMS alone, which needs no record; the exit
    code is 7 if one is damaged or missing. The table has those alone, the other forms have every file.
    """
    return run(lambda: _verify(folder, record, quiet, form))


async def _verify(folder: LocationSpec, record: Path | None, quiet: bool, form: OutputForm) -> int:
    good = bad = 0
    out = writer(form, DAMAGED_COLUMNS if form == "table" else VERIFY_COLUMNS, sys.stdout)
    async for found in _read_again(folder, record):
        good, bad = good + found.ok, bad + (not found.ok)
        if not found.ok or not (quiet or form == "table"):
            out.add({"path": found.url or _path(found.path, form), "ok": found.ok, "reason": found.reason})
    if bad or not quiet:
        out.end()
        click.echo(f"{many(good, 'file')} sound" + (f", {bad:,} damaged or missing" if bad else ""), err=True)
    if bad:
        click.echo(f"to fetch them anew, delete them and export with: {_ANEW}", err=True)
    return Exit.DAMAGED if bad else Exit.DONE


@click.command()
@options.folder
@options.record
@options.transfer
@options.sandbox
@click.option("--given-up", is_flag=True, help="Also what had been given up after too many failures.")
@click.pass_obj
def retry(session: Session, /, folder: LocationSpec, sandbox: bool, given_up: bool, **given: Any) -> int:
    """Fetch again what failed or is unfinished.

    With --extract, unpack again what could not be unpacked, too. Nothing new is looked for: `pixxel export` does that.
    """
    wanted = RunOptions(to=folder, **given)
    check_run(wanted)
    return run(lambda: _retry(session, sandbox, wanted, given_up))


async def _retry(session: Session, sandbox: bool, wanted: RunOptions, given_up: bool) -> int:
    fetching = Fetching(wanted)
    async with open_record(wanted.to, wanted.record) as opened, session.client(sandbox=sandbox) as client:
        await fetching.fetch(client, _unfinished(opened, wanted, given_up, fetching.note))
    return fetching.close()


async def _unfinished(
    opened: Record, run: RunOptions, given_up: bool, note: Callable[[str], None]
) -> AsyncIterator[Wanted]:
    """What is not done; given-up packages are told as left alone unless they are wanted, too."""
    packed = 0
    async for row in opened.rows(run.to.folder):
        if row.state == "given_up" and given_up:
            await opened.save(row.identity, run.to.folder, state="failed", runs=0)
        if row.state == "done" and not (run.extract and _stayed_packed(row)):
            packed += _stayed_packed(row)
        elif row.identity.startswith(f"{SignedLink.kind}:"):
            note(f"{printable(row.identity)} was fetched by a signed link, which is kept nowhere: give the link again")
        else:
            yield Wanted(parse_package(row.identity), row.fields)
    if packed:
        note(f"{many(packed, 'archive')} could not be unpacked: --extract tries again")


def _stayed_packed(row: Row) -> bool:
    """Whether it is here, and unpacking it failed."""
    return row.state == "done" and row.error is not None


def _read_again(place: LocationSpec, record: Path | None) -> AsyncIterator[Verified]:
    """Every file of a folder with a record, or of a list of sums, also where that is all that a folder has."""
    sums = place.folder / SUMS if place.folder.is_dir() else place.folder
    if place.url is None and record is None and sums.is_file() and not place.record.exists():
        return verify_sums(sums)
    return _recorded(place, record)


async def _recorded(place: LocationSpec, record: Path | None) -> AsyncIterator[Verified]:
    async with open_record(place, record) as opened:
        async for found in verify_folder(place.folder, opened, await _store(place)):
            yield found


async def _drawn(listed: dict[str, object], folder: LocationSpec, form: OutputForm) -> dict[str, object]:
    """The row with where it lies on earth, if the form can show that."""
    if form == "geojson" and folder.url is None and listed["path"] is not None:
        listed["geometry"] = await anyio.to_thread.run_sync(outline, Path(str(listed["path"])))
    return listed


def _path(path: Path, form: OutputForm) -> str:
    """As the user would type it, or for programs as it is found from anywhere."""
    return str(path if form == "table" else path.absolute())


def _located(name: str, folder: LocationSpec) -> str:
    """Where a file is, as it is found from anywhere."""
    return str((folder.folder / name).absolute()) if folder.url is None else f"{folder.url}/{name}"


async def _store(folder: LocationSpec) -> Destination | None:
    """The object store, ready to be read; None for a folder."""
    if folder.url is None:
        return None
    store = await anyio.to_thread.run_sync(open_store, folder.url)
    await store.open()
    return store


def _told(row: Row) -> dict[str, object]:
    """What people get of a package."""
    return {
        "state": row.state,
        "size": None if row.size is None else text_of(row.size),
        "package": row.identity,
        "error": row.error,
    }


def _listed(row: Row, folder: LocationSpec) -> dict[str, object]:
    ended = None if row.finished_at is None else datetime.fromtimestamp(row.finished_at, UTC)
    return {
        "package": row.identity,
        "state": row.state,
        "path": None if row.name is None else _located(row.name, folder),
        "size": row.size,
        "sha256": row.sha256,
        "proof": row.proof,
        "finished_at": ended,
        "error": row.error,
    }
