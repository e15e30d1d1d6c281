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
from ...packages import PackageEntry
from .. import options
from ..choose.filter import WORKFLOW_NAME, Choice, unknown_status_warning
from ..choose.last_run import note_run, read_last_run
from ..choose.listing import Listing, first_workflow, manifest_packages, parse_packages
from ..choose.request import ExportRequest, check_request
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
def export(session: Session, /, to: str | Path, spool: Path | None, **values: Any) -> int:
    """Download packages into a folder or an object store.

    Requests each package, polls until it is packed, downloads and verifies it. PACKAGE is one of job:W/J, task:W/J/T,
    insight:AOI/INSIGHT (also with /inputs=NAME,… and /outputs=NAME,…), asset:AOI/asset_ids=ID,…,
    catalog:catalog_ids=ID,… or catalog:order_item_ids=ID,…, report:tz=UTC (today's table of all orders),
    picture:AOI/VISUALIZATION/INDEX/DATE/MODE (a rendered index with its legend). Run the same command again after any
    interruption: it resumes, and fetches nothing twice.
    """
    request = ExportRequest(to=locate(to, spool), **values)
    check_request(request)
    for warning in filter(None, map(unknown_status_warning, request.statuses)):
        click.echo(warning, err=True)
    if request.dry_run:
        return run(lambda: _show_preview(session, request), deadline=request.deadline)
    export_run = ExportRun(request, summary=not request.packages, sandbox=request.sandbox)
    code: int = Exit.BUG
    try:
        code = run(lambda: _export(session, request, export_run), deadline=request.deadline)
    except Exception as error:
        code = 128 + error.signal if isinstance(error, Interrupted) else exit_code_of(error)
        raise
    finally:
        if request.on_done is not None:
            _run_hook(request.on_done, export_run.summary() | {"exit_code": int(code)})
    return code


def _run_hook(command: str, summary: dict[str, Any]) -> None:
    """Run the command of --on-done with the summary as JSON on its stdin; its output goes to stderr."""
    done = subprocess.run(command, shell=True, input=json.dumps(summary) + "\n", text=True, stdout=2, check=False)  # noqa: S602
    if done.returncode:
        click.echo(f"--on-done ended with exit code {done.returncode}", err=True)


async def _export(session: Session, request: ExportRequest, export_run: ExportRun) -> int:
    began = datetime.now(UTC)
    choice = await _make_choice(request)
    async with session.client(sandbox=request.sandbox) as client:
        await prepare(request.to.folder)
        copies = None
        if request.is_shared_shard:
            copies = SharedCopies(request.to.folder.resolve(), request.to.record, request.shard)
            await copies.begin_shard()
        listing = Listing(client, choice, export_run.report_error, export_run.note, export_run.workflow_names)
        pool = None
        if request.processes > 1:
            from ..processes.pool import WorkerPool

            pool = partial(WorkerPool, session, client, request, sandbox=request.sandbox)
        await export_run.fetch(client, await _choose_source(request, listing), pool)
    code = export_run.close(running=listing.running)
    if copies is not None and code is Exit.DONE and await copies.complete_shard():
        await _finish_shards(request, export_run)
    if code is Exit.DONE and request.listed:
        await anyio.to_thread.run_sync(note_run, request.to.folder, request.selection, began)
    return code


async def _finish_shards(request: ExportRequest, export_run: ExportRun) -> None:
    """Write the checksums of all shards: their records have been merged into that of this machine, the last one."""
    async with await Record.open(request.to.record, origin=None) as record:
        await write_sums(request.to.folder.resolve(), record)
    export_run.note(f"all {request.shard and request.shard[1]} shards are complete: records merged, SHA256SUMS written")


async def _show_preview(session: Session, request: ExportRequest) -> int:
    preview = Preview(request)
    choice = evolve(await _make_choice(request), wait=False)
    async with session.client(sandbox=request.sandbox) as client:
        listing = Listing(client, choice, preview.report_error, preview.note)
        await preview.show(client, await _choose_source(request, listing), sizes=request.sizes)
    return preview.close(running=listing.running)


async def _make_choice(request: ExportRequest) -> Choice:
    since = None if request.since == "last" else request.since
    if request.since == "last":
        since = await anyio.to_thread.run_sync(read_last_run, request.to.folder, request.selection)
    return Choice(packages=request.taken, status=request.statuses, since=since, until=request.until, wait=request.wait)


async def _choose_source(
    request: ExportRequest, listing: Listing
) -> AsyncIterable[PackageEntry] | Iterable[PackageEntry]:
    if request.packages:
        return parse_packages(request.packages)
    if request.manifest is not None:
        return InPages(manifest_packages(request.manifest, listing.note))
    if request.project is not None:
        return InPages(listing.of_project(request.project))
    if request.workflows:
        return InPages(listing.of_workflows(request.workflows, named="{" + WORKFLOW_NAME in (request.name or "")))
    return InPages(listing.of_workflow(*await first_workflow(listing.client)))
