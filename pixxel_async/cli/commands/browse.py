"""`pixxel workflows` and `pixxel jobs`: list workflows and jobs."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterable, Callable, Sequence
from typing import Any

import click

from .. import options
from ..choose.listing import project_workflows
from ..running import run
from ..session import Session
from ..show.rows import OutputFormat, OutputRow, writer
from ..text import printable

WORKFLOW_COLUMNS = ("workflow_id", "name", "project_id", "created_at", "updated_at")
JOB_COLUMNS = ("workflow_id", "job_id", "status", "progress", "created_at", "finished_at", "time_taken", "cost")


@click.command()
@click.option("--project", metavar="P", help="Only those of this project.")
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
@click.option("--workflow", metavar="W", required=True, help="The workflow whose jobs to list.")
@click.option("--status", metavar="WORD", help="Only those with this status, as the service spells it.")
@options.sandbox
@options.output
@click.pass_obj
def jobs(session: Session, workflow: str, status: str | None, sandbox: bool, form: OutputFormat) -> int:
    """List the jobs of a workflow.

    The output of any format but the table is a manifest for `pixxel export`.
    """

    async def main() -> int:
        async with session.client(sandbox=sandbox) as client:
            rows = client.jobs.list(workflow, status=status)
            none = "there are no jobs" if status is None else f"there are no jobs with the status {printable(status)}"
            await _write(form, JOB_COLUMNS, rows, lambda job: _job(job, workflow), none)
        return 0

    return run(main)


async def _write(
    form: OutputFormat, columns: Sequence[str], listed: AsyncIterable[Any], row: Callable[[Any], OutputRow], none: str
) -> None:
    out = writer(form, columns, sys.stdout)
    async for each in listed:
        out.add(row(each))
    out.end()
    if out.blank:
        click.echo(none, err=True)


def _workflow(workflow: Any) -> OutputRow:
    return {"workflow_id": workflow.id} | {name: getattr(workflow, name) for name in WORKFLOW_COLUMNS[1:]}


def _job(job: Any, workflow_id: str) -> OutputRow:
    own = {"workflow_id": job.workflow_id or workflow_id, "job_id": job.id}
    return own | {name: getattr(job, name) for name in JOB_COLUMNS[2:]}
