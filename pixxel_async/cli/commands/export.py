"""`pixxel export`: fetch packages into a folder; the same line again fetches what is new and what is missing."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio.to_thread
import click
from attrs import evolve

from ...downloads.disk.locations import where
from ...downloads.engine.source import InPages
from ...packages import Wanted
from .. import options
from ..choose.filter import WORKFLOW_NAME, Choice
from ..choose.last_run import last_run, note_run
from ..choose.listing import Listing, first_workflow, manifest, packages
from ..choose.request import ExportRequest, check
from ..errors import Exit
from ..run_export import Fetching, prepare
from ..running import run
from ..session import Session
from .preview import Preview


@click.command()
@click.argument("packages", nargs=-1, metavar="[PACKAGE]...")
@click.option("--workflow", "workflows", metavar="W", multiple=True, help="Take the jobs of this workflow; repeatable.")
@click.option("--project", metavar="P", help="Take the jobs of all workflows of this project.")
@click.option("--manifest", metavar="FILE", help="Take the packages of a CSV or NDJSON file; `-` is stdin.")
@click.option(
    "--packages", "kinds", type=click.Choice(["job", "task", "both"]), help="Packages of jobs, tasks, or both [job]."
)
@click.option(
    "--status", "statuses", metavar="WORD", multiple=True, help="Take jobs of this status; repeatable [completed]."
)
@click.option(
    "--finished-since",
    "since",
    metavar="DATE|last",
    callback=options.as_since,
    help="Take what ended since 2026-01-31, 2026-01-31T12:00Z or the `last` whole run.",
)
@click.option("--wait", is_flag=True, help="Wait for jobs that are still running, too.")
@click.option(
    "--to",
    metavar="FOLDER|URL",
    type=options.LocationType(urls=True),
    required=True,
    help="Where the packages go: a folder, or s3://bucket/prefix, gs://…, az://….",
)
@options.spool
@click.option(
    "--name",
    metavar="TEMPLATE",
    help="Names below the folder, without suffix: {workflow_id}/{finished_at:%Y-%m}/{job_id}.",
)
@click.option(
    "--shard",
    metavar="I/N",
    callback=options.as_shard,
    help="Of N machines this is machine I: take its share, the same in every run.",
)
@click.option("--dry-run", is_flag=True, help="Ask for nothing and fetch nothing: show what would be done.")
@click.option(
    "--sizes", is_flag=True, help="With --dry-run: ask once for each package, which starts its packing, for its size."
)
@click.option("--redo-missing", is_flag=True, help="Fetch again what was fetched and is no longer in the folder.")
@options.record
@options.transfer
@options.sandbox
@click.pass_obj
def export(session: Session, /, to: str | Path, spool: Path | None, **given: Any) -> int:
    """Fetch packages into a folder or an object store.

    Asks for them, waits until they are packed, fetches, proves and keeps them. PACKAGE is a package in its text form:
    job:W/J, task:W/J/T, insight:AOI/INSIGHT (also with /inputs=NAME,… and /outputs=NAME,…), asset:AOI/asset_ids=ID,…,
    catalog:catalog_ids=ID,… or catalog:order_item_ids=ID,…; also report:tz=UTC, today's table of all orders, and
    picture:AOI/VISUALIZATION/INDEX/DATE/MODE, an index drawn with its legend. Stop it any way and type the same line
    again: it goes on, and what is there already is not fetched twice.
    """
    order = ExportRequest(to=where(to, spool), **given)
    check(order)
    return run(lambda: _preview(session, order) if order.dry_run else _export(session, order))


async def _export(session: Session, order: ExportRequest) -> int:
    began = datetime.now(UTC)
    fetching = Fetching(order)
    choice = await _choice(order)
    async with session.client(sandbox=order.sandbox) as client:
        await prepare(order.to.folder)
        listing = Listing(client, choice, fetching.wrong, fetching.note)
        await fetching.fetch(client, await _source(order, listing))
    code = fetching.close(running=listing.running)
    if code is Exit.DONE and order.listed:
        await anyio.to_thread.run_sync(note_run, order.to.folder, order.selection, began)
    return code


async def _preview(session: Session, order: ExportRequest) -> int:
    preview = Preview(order)
    choice = evolve(await _choice(order), wait=False)
    async with session.client(sandbox=order.sandbox) as client:
        listing = Listing(client, choice, preview.wrong, preview.note)
        await preview.show(client, await _source(order, listing), sizes=order.sizes)
    return preview.close(running=listing.running)


async def _choice(order: ExportRequest) -> Choice:
    since = None if order.since == "last" else order.since
    if order.since == "last":
        since = await anyio.to_thread.run_sync(last_run, order.to.folder, order.selection)
    return Choice(packages=order.taken, status=order.statuses, since=since, wait=order.wait)


async def _source(order: ExportRequest, listing: Listing) -> AsyncIterable[Wanted] | Iterable[Wanted]:
    if order.packages:
        return packages(order.packages)
    if order.manifest is not None:
        return InPages(manifest(order.manifest))
    if order.project is not None:
        return InPages(listing.project(order.project))
    workflows = order.workflows or [await first_workflow(listing.client)]
    return InPages(listing.workflows(workflows, named="{" + WORKFLOW_NAME in (order.name or "")))
