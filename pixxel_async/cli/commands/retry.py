"""`pixxel retry`: retry a folder's failed and unfinished packages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import click

from ...downloads import Record
from ...downloads.disk.locations import LocationSpec
from ...packages import PackageEntry, SignedLink, parse_package
from .. import options
from ..choose.request import RunOptions, check_run
from ..open_record import open_record, stayed_packed
from ..run_export import ExportRun
from ..running import run
from ..session import Session
from ..text import format_count, printable


@click.command()
@options.folder
@options.record
@options.transfer
@options.sandbox
@click.option("--given-up", is_flag=True, help="Also packages given up after too many failures.")
@click.pass_obj
def retry(session: Session, /, folder: LocationSpec, sandbox: bool, given_up: bool, **values: Any) -> int:
    """Retry failed and unfinished packages.

    With --extract, also unpack archives again whose unpacking failed. New packages are found by `pixxel export` only.
    """
    run_options = RunOptions(to=folder, **values)
    check_run(run_options)
    return run(lambda: _retry(session, sandbox, run_options, given_up), deadline=run_options.deadline)


async def _retry(session: Session, sandbox: bool, run_options: RunOptions, given_up: bool) -> int:
    export_run = ExportRun(run_options)
    async with open_record(run_options.to, run_options.record) as opened, session.client(sandbox=sandbox) as client:
        await export_run.fetch(client, _list_unfinished(opened, run_options, given_up, export_run.note))
    return export_run.close()


async def _list_unfinished(
    opened: Record, run: RunOptions, given_up: bool, note: Callable[[str], None]
) -> AsyncIterator[PackageEntry]:
    """Yield the packages that are not done; given-up ones are skipped by the manager unless reset by `given_up`."""
    packed = 0
    async for row in opened.rows(run.to.folder):
        if row.state == "given_up" and given_up:
            await opened.save(row.identity, run.to.folder, state="failed", runs=0, counted_at=None)
        if row.state == "done" and not (run.extract and stayed_packed(row)):
            packed += stayed_packed(row)
        elif row.identity.startswith(f"{SignedLink.kind}:"):
            note(f"{printable(row.identity)} was fetched by a signed link, which is never stored: pass the link again")
        else:
            yield PackageEntry(parse_package(row.identity), row.fields)
    if packed:
        note(f"{format_count(packed, 'archive')} could not be unpacked: --extract retries")
