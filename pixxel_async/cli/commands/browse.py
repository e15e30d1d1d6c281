"""`pixxel workflows` and `pixxel jobs`: list workflows and jobs."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from .. import options
from ..choose.filter import unknown_status_warning
from ..choose.listing import project_workflows, resolve_workflows
from ..errors import CommandError
from ..running import run
from ..session import Session
from ..show.rows import OutputFormat, OutputRow, create_writer
from ..text import printable

if TYPE_CHECKING:
    from ...client import PixxelClient

WORKFLOW_COLUMNS = ("workflow_id", "name", "project_id", "created_at", "updated_at")
JOB_COLUMNS = ("workflow_id", "job_id", "status", "progress", "created_at", "finished_at", "time_taken", "cost")
JOB_TABLE_COLUMNS = ("workflow", "job_id", "status", "progress", "finished_at", "time_taken", "cost")


@click.command()
@click.option("--project", metavar="P", help="Only workflows of this project, id or name.")
@options.sandbox
@options.output
@click.pass_obj
def workflows(session: Session, project: str | None, sandbox: bool, form: OutputFormat) -> int:
    """List the workflows visible to the key."""

    async def main() -> int:
        async with session.client(sandbox=sandbox) as client:
            listed = client.workflows.list() if project is None else project_workflows(client, project)
            await _write(form, WORKFLOW_COLUMNS, listed, _workflow, "the key sees no workflows")
        return 0

    return run(main)


@click.command()
@click.option(
    "--workflow", "workflows", metavar="W", multiple=True, help="Only jobs of this workflow, id or name; repeatable."
)
@click.option("--project", metavar="P", help="Only jobs of this project's workflows, id or name.")
@click.option("--status", metavar="WORD", help="Only jobs with this status, in the API's spelling.")
@options.sandbox
@options.output
@click.pass_obj
def jobs(
    session: Session,
    workflows: tuple[str, ...],
    project: str | None,
    status: str | None,
    sandbox: bool,
    form: OutputFormat,
) -> int:
    """List jobs.

    The jobs of all workflows visible to the key, of some, or of a project. Except for the table, the output is a
    manifest for `pixxel export`.
    """
    if workflows and project is not None:
        raise CommandError("--workflow and --project exclude each other; pass one of them")
    if any(not text.strip() for text in (*workflows, *([] if project is None else [project]))):
        raise CommandError("--workflow or --project is empty; `pixxel workflows` lists ids")

    if status is not None and (warning := unknown_status_warning(status)):
        _note(warning)

    async def main() -> int:
        async with session.client(sandbox=sandbox) as client:
            no_jobs = (
                "there are no jobs" if status is None else f"there are no jobs with the status {printable(status)}"
            )
            columns = JOB_TABLE_COLUMNS if form == "table" else JOB_COLUMNS
            await _write(form, columns, _list_jobs(client, workflows, project, status), lambda row: row, no_jobs)
        return 0

    return run(main)


async def _list_jobs(
    client: PixxelClient, workflows: tuple[str, ...], project: str | None, status: str | None
) -> AsyncIterator[OutputRow]:
    """Yield the jobs of workflows as rows, one workflow after another."""

    async def select() -> AsyncIterator[tuple[str, str]]:
        if workflows:
            async for pair in resolve_workflows(client, workflows, _note, named=True):
                yield pair
        else:
            listed = client.workflows.list() if project is None else project_workflows(client, project)
            async for workflow in listed:
                yield workflow.id or "", workflow.name or ""

    async for workflow_id, name in select():
        async for job in client.jobs.list(workflow_id, status=status):
            own = {"workflow": name or workflow_id, "workflow_id": job.workflow_id or workflow_id, "job_id": job.id}
            yield own | {column: getattr(job, column) for column in JOB_COLUMNS[2:]}


def _note(text: str) -> None:
    click.echo(printable(text), err=True)


async def _write(
    form: OutputFormat,
    columns: Sequence[str],
    listed: AsyncIterable[Any],
    row: Callable[[Any], OutputRow],
    if_empty: str,
) -> None:
    out = create_writer(form, columns, sys.stdout)
    async for each in listed:
        out.add(row(each))
    out.end()
    if out.blank:
        click.echo(if_empty, err=True)


def _workflow(workflow: Any) -> OutputRow:
    return {"workflow_id": workflow.id} | {name: getattr(workflow, name) for name in WORKFLOW_COLUMNS[1:]}
