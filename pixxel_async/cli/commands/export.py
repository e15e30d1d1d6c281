"""`pixxel export`: download packages into a folder or object store; run again to fetch new and missing ones."""

from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncIterable, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
import click
from attrs import evolve

from ...downloads import Record, write_sums
from ...downloads.disk.locations import locate
from ...downloads.engine.source import InPages
from ...downloads.record.shared import SharedCopies
from ...packages import Wanted
from .. import options
from ..choose.filter import WORKFLOW_NAME, Choice, unknown_status_warning
from ..choose.last_run import note_run, read_last_run
from ..choose.listing import Listing, first_workflow, manifest_packages, parse_packages
from ..choose.request import ExportRequest, check
from ..errors import Exit, Interrupted, exit_code_of
from ..run_export import ExportRun, prepare
from ..running import run
from ..session import Session
from .preview import Preview


@click.command()
@click.argument("packages", nargs=-1, metavar="[PACKAGE]...")
@click.option(
    "--workflow",
    "workflows",
    metavar="W",
    multiple=True,
    help="Export this workflow's jobs, id or name; repeatable.",
)
@click.option("--project", metavar="P", help="Export the jobs of this project's workflows, id or name.")
@click.option("--manifest", metavar="FILE", help="Export the packages of a CSV or NDJSON file; `-` is stdin.")
@click.option(
    "--packages", "kinds", type=click.Choice(["job", "task", "both"]), help="Packages of jobs, tasks, or both [job]."
)
@click.option(
    "--status", "statuses", metavar="WORD", multiple=True, help="Only jobs with this status; repeatable [completed]."
)
@click.option(
    "--finished-since",
    "since",
    metavar="DATE|last",
    callback=options.as_since,
    help="Only jobs finished since 2026-01-31, 2026-01-31T12:00Z or the `last` complete run.",
)
@click.option(
    "--finished-until",
    "until",
    metavar="DATE",
    callback=options.as_until,
    help="Only jobs finished before 2026-02-01 or 2026-02-01T12:00Z.",
)
@click.option("--wait", is_flag=True, help="Also wait for jobs that are still running.")
@click.option(
    "--to",
    metavar="FOLDER|URL",
    type=options.LocationType(urls=True),
    required=True,
    help="Destination: a folder, or s3://bucket/prefix, gs://…, az://….",
)
@options.spool
@click.option(
    "--name",
    metavar="TEMPLATE",
    help="File names below the folder, without suffix: {workflow_id}/{finished_at:%Y-%m}/{job_id}.",
)
@click.option(
    "--shard",
    metavar="I/N|auto",
    callback=options.as_shard,
    help="Export the share of machine I of N, the same in every run; `auto` in a Slurm, AWS Batch or Kubernetes array.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be done; request and fetch no package.")
@click.option(
    "--sizes", is_flag=True, help="With --dry-run: request each package once for its size, which starts its packing."
)
@click.option("--redo-missing", is_flag=True, help="Fetch recorded packages again whose file is gone.")
@click.option(
    "--on-done",
    metavar="CMD",
    help="Run a shell command once at the end, with a JSON summary on its stdin; it does not change the exit code.",
)
@click.option(
    "--processes",
    metavar="N",
    type=click.IntRange(1, 64),
    default=1,
    help="Worker processes that share the packages; all limits are those of all together [1].",
)
@options.record
@options.transfer
@options.sandbox
@click.pass_obj
def export(session: Session, /, to: str | Path, spool: Path | None, **given: Any) -> int:
    """Download packages into a folder or an object store.

    Requests each package, polls until it is packed, downloads and verifies it. PACKAGE is one of job:W/J, task:W/J/T,
    insight:AOI/INSIGHT (also with /inputs=NAME,… and /outputs=NAME,…), asset:AOI/asset_ids=ID,…,
    catalog:catalog_ids=ID,… or catalog:order_item_ids=ID,…, report:tz=UTC (today's table of all orders),
    picture:AOI/VISUALIZATION/INDEX/DATE/MODE (a rendered index with its legend). Run the same command again after any
    interruption: it resumes, and fetches nothing twice.
    """
    order = ExportRequest(to=locate(to, spool), **given)
    check(order)
    for warning in filter(None, map(unknown_status_warning, order.statuses)):
        click.echo(warning, err=True)
    if order.dry_run:
        return run(lambda: _show_preview(session, order), deadline=order.deadline)
    export_run = ExportRun(order, summary=not order.packages, sandbox=order.sandbox)
    code: int = Exit.BUG
    try:
        code = run(lambda: _export(session, order, export_run), deadline=order.deadline)
    except Exception as error:
        code = 128 + error.signal if isinstance(error, Interrupted) else exit_code_of(error)
        raise
    finally:
        if order.on_done is not None:
            _run_hook(order.on_done, export_run.summary() | {"exit_code": int(code)})
    return code


def _run_hook(command: str, summary: dict[str, Any]) -> None:
    """Run the command of --on-done with the summary as JSON on its stdin; its output goes to stderr."""
    done = subprocess.run(command, shell=True, input=json.dumps(summary) + "\n", text=True, stdout=2, check=False)  # noqa: S602
    if done.returncode:
        click.echo(f"--on-done ended with exit code {done.returncode}", err=True)


async def _export(session: Session, order: ExportRequest, export_run: ExportRun) -> int:
    began = datetime.now(UTC)
    choice = await _make_choice(order)
    async with session.client(sandbox=order.sandbox) as client:
        await prepare(order.to.folder)
        copies = None
        if order.is_shared_shard:
            copies = SharedCopies(order.to.folder.resolve(), order.to.record, order.shard)
            await copies.begin_shard()
        listing = Listing(client, choice, export_run.report_error, export_run.note, export_run.workflow_names)
        pool = None
        if order.processes > 1:
            from ..processes.pool import WorkerPool

            pool = partial(WorkerPool, session, client, order, sandbox=order.sandbox)
        await export_run.fetch(client, await _choose_source(order, listing), pool)
    code = export_run.close(running=listing.running)
    if copies is not None and code is Exit.DONE and await copies.complete_shard():
        await _finish_shards(order, export_run)
    if code is Exit.DONE and order.listed:
        await anyio.to_thread.run_sync(note_run, order.to.folder, order.selection, began)
    return code


async def _finish_shards(order: ExportRequest, export_run: ExportRun) -> None:
    """Write the checksums of all shards: their records have been merged into that of this machine, the last one."""
    async with await Record.open(order.to.record, origin=None) as record:
        await write_sums(order.to.folder.resolve(), record)
    export_run.note(f"all {order.shard and order.shard[1]} shards are complete: records merged, SHA256SUMS written")


async def _show_preview(session: Session, order: ExportRequest) -> int:
    preview = Preview(order)
    choice = evolve(await _make_choice(order), wait=False)
    async with session.client(sandbox=order.sandbox) as client:
        listing = Listing(client, choice, preview.report_error, preview.note)
        await preview.show(client, await _choose_source(order, listing), sizes=order.sizes)
    return preview.close(running=listing.running)


async def _make_choice(order: ExportRequest) -> Choice:
    since = None if order.since == "last" else order.since
    if order.since == "last":
        since = await anyio.to_thread.run_sync(read_last_run, order.to.folder, order.selection)
    return Choice(packages=order.taken, status=order.statuses, since=since, until=order.until, wait=order.wait)


async def _choose_source(order: ExportRequest, listing: Listing) -> AsyncIterable[Wanted] | Iterable[Wanted]:
    if order.packages:
        return parse_packages(order.packages)
    if order.manifest is not None:
        return InPages(manifest_packages(order.manifest, listing.note))
    if order.project is not None:
        return InPages(listing.of_project(order.project))
    if order.workflows:
        return InPages(listing.of_workflows(order.workflows, named="{" + WORKFLOW_NAME in (order.name or "")))
    return InPages(listing.of_workflow(*await first_workflow(listing.client)))
