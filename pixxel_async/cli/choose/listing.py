"""Turn workflows, a project, a manifest or arguments into packages, in pages."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from attrs import define, field

from ..._formats.name_encoding import from_native
from ...errors import ConfigError, KeyRefused, PixxelError
from ...packages import JobPackage, PackageEntry, TaskPackage, as_entry, parse_package
from ..text import did_you_mean
from .filter import Choice, blank_fields, may_have_package
from .manifest import open_manifest, read_manifest
from .text_file import STDIN, can_be_read_twice

if TYPE_CHECKING:
    from ...client import PixxelClient
    from ...models import Job, JobTask, Workflow

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BATCH = 1000
"""Packages of a manifest read at once, in a thread."""


@define
class Listing:
    """Yield the packages of listed workflows page by page; an unreadable workflow or job does not end the others.

    Attributes:
        client: the opened client.
        choice: filter for jobs and tasks.
        on_error: receives the error of each workflow or job that could not be read, and its name.
        note: receives messages for people.
        names: receives the names of workflows by id, as far as they are known.
        running: jobs skipped because they are still running.
    """

    client: PixxelClient
    choice: Choice
    on_error: Callable[[PixxelError, str], None]
    note: Callable[[str], None]
    names: dict[str, str] = field(factory=dict)
    running: int = field(default=0, init=False)

    async def of_project(self, project: str) -> AsyncIterator[Iterable[PackageEntry]]:
        """Yield the packages of all workflows of a project, by id or name; raises `ConfigError` if there is none."""
        async for workflow in project_workflows(self.client, project):
            async for page in self.of_workflow(workflow.id or "", workflow.name or ""):
                yield page

    async def of_workflows(
        self, workflows: Iterable[str], *, named: bool = False
    ) -> AsyncIterator[Iterable[PackageEntry]]:
        """Yield the packages of workflows, by id or name.

        Args:
            named: look up the names of ids, too, for the name template.
        """
        async for workflow_id, name in resolve_workflows(self.client, workflows, self.note, named=named):
            async for page in self.of_workflow(workflow_id, name):
                yield page

    async def of_workflow(self, workflow_id: str, name: str = "") -> AsyncIterator[Iterable[PackageEntry]]:
        """Yield the packages of a workflow's jobs: first of those that have ended, then of those to wait for."""
        later: list[Job] = []
        if name:
            self.names[workflow_id] = name
        with self._reporting_errors(f"workflow {workflow_id}"):
            async for jobs in self.client.jobs.list(workflow_id).by_page(once=True):
                async for page in self._job_packages(self._accept(jobs, later), name):
                    yield page
        async for page in self._job_packages(later, name):
            yield page

    @contextmanager
    def _reporting_errors(self, subject: str) -> Iterator[None]:
        """Report an error of the block instead of raising it, except for a refused key."""
        try:
            yield
        except KeyRefused:
            raise
        except PixxelError as error:
            self.on_error(error, subject)

    def _accept(self, jobs: Iterable[Job], later: list[Job]) -> Iterator[Job]:
        """Yield the jobs to take now; append those to wait for to `later`, and count those that are running."""
        for job in jobs:
            take = self.choice.decide(job.status, job.finished_at)
            if take == "now":
                yield job
            elif take == "later":
                later.append(job)
            self.running += take == "running"

    async def _job_packages(self, jobs: Iterable[Job], name: str) -> AsyncIterator[Iterable[PackageEntry]]:
        """Yield the packages of jobs: their own at once, those of tasks one request per job later."""
        of_job, of_task = blank_fields(JobPackage, name), blank_fields(TaskPackage, name)
        own = ((job, item) for job in jobs if (item := self._to_entry(job, job, of_job)) is not None)
        if self.choice.packages == "job":
            yield (item for _, item in own)
            return
        for job, item in own:
            if self.choice.packages == "both":
                yield [item]
            yield await self._task_packages(job, of_task)

    def _to_entry(self, row: Job | JobTask, job: Job, blank: Mapping[str, Any]) -> PackageEntry | None:
        try:
            return as_entry(row, blank)
        except ConfigError as error:
            self.on_error(error, _job_name(job))
            return None

    async def _task_packages(self, job: Job, blank: Mapping[str, Any]) -> list[PackageEntry]:
        """Return the packages of a job's tasks; an unreadable job is reported and has none."""
        tasks: list[JobTask] = []
        with self._reporting_errors(_job_name(job)):
            tasks = (await self._with_tasks(job)).tasks or []
        ready = (task for task in tasks if may_have_package(task.status))
        return [item for task in ready if (item := self._to_entry(task, job, blank)) is not None]

    async def _with_tasks(self, job: Job) -> Job:
        """Return the job with its tasks, which listings omit; wait for it first if it is running."""
        ids = (job.workflow_id or "", job.id or "")
        if not self.choice.has_ended(job.status):
            self.note(f"waiting for {_job_name(job)} to end, for its tasks")
            job = await self.client.jobs.wait(*ids)
        return job if job.tasks else await self.client.jobs.get(*ids)


def _job_name(job: Job) -> str:
    return f"job {job.id} of workflow {job.workflow_id}"


async def project_workflows(client: PixxelClient, project: str) -> AsyncIterator[Workflow]:
    """Yield the workflows of a project, by id or name.

    Raises:
        ConfigError: there is no such project, for which the service returns an empty list, or the name is ambiguous.
    """
    project, any_workflow = from_native(project), False
    if _UUID.fullmatch(project):
        async for workflow in client.workflows.list(project_id=project):
            any_workflow = True
            yield workflow
        if any_workflow:
            return
    projects = [each async for each in client.projects.list()]
    if project in [each.id for each in projects]:
        if _UUID.fullmatch(project):
            return
        ids = [project]
    else:
        ids = [each.id or "" for each in projects if project in (each.name, each.title)]
    if not ids:
        close = did_you_mean(project, [each.title or each.name or "" for each in projects])
        raise ConfigError(f"no project {project} is visible to the key{close}; `pixxel check` lists the visible ones")
    if len(ids) > 1:
        raise ConfigError(f"several projects are named {project}; use one of their ids: {', '.join(ids)}")
    async for workflow in client.workflows.list(project_id=ids[0]):
        yield workflow


async def resolve_workflows(
    client: PixxelClient, workflows: Iterable[str], note: Callable[[str], None], *, named: bool = False
) -> AsyncIterator[tuple[str, str]]:
    """Yield id and name of workflows, each once.

    A text without the form of an id is looked up as a name; if no workflow has it, it counts as an id.

    Args:
        note: receives the message that a name is unknown.
        named: look up the names of ids, too; else they are empty.

    Raises:
        ConfigError: several workflows have the name.
    """
    listed: list[Workflow] | None = None
    yielded: set[str] = set()
    for text in dict.fromkeys(map(from_native, workflows)):
        workflow_id, name = text, ""
        if not _UUID.fullmatch(text):
            if listed is None:
                listed = await _list_workflows(client)
            if text not in [each.id for each in listed]:
                ids = [each.id or "" for each in listed if each.name == text]
                if len(ids) > 1:
                    raise ConfigError(f"several workflows are named {text}; use one of their ids: {', '.join(ids)}")
                if close := "" if ids else did_you_mean(text, [each.name or "" for each in listed]):
                    note(f"no workflow is named {text}{close}")
                workflow_id, name = (ids[0], text) if ids else (text, "")
        if named and not name:
            rows = listed if listed is not None else await client.workflows.list(id=workflow_id)
            name = next((row.name for row in rows if row.id == workflow_id and row.name), "")
        if workflow_id not in yielded:
            yielded.add(workflow_id)
            yield workflow_id, name


async def _list_workflows(client: PixxelClient) -> list[Workflow]:
    """List all workflows; none if they cannot be listed, since the texts may be ids."""
    try:
        return [each async for each in client.workflows.list()]
    except KeyRefused:
        raise
    except PixxelError:
        return []


async def first_workflow(client: PixxelClient) -> tuple[str, str]:
    """Return id and name of the first workflow with a job; raises `ConfigError` when there is none."""
    async for workflow in client.workflows.list():
        async for _ in client.jobs.list(workflow.id or ""):
            return workflow.id or "", workflow.name or ""
    raise ConfigError("there is no workflow with jobs")


def parse_packages(texts: Sequence[str]) -> list[PackageEntry]:
    """Parse the packages of a command's arguments, without duplicates; raises `ConfigError`."""
    return [as_entry(package) for package in dict.fromkeys(map(parse_package, texts))]


async def manifest_packages(path: str, note: Callable[[str], None]) -> AsyncIterator[Iterable[PackageEntry]]:
    """Yield the packages of a manifest in batches, read in a thread; `-` is stdin.

    A regular file is read twice, first to its end, so that a bad line is reported before anything is requested.

    Args:
        note: receives the message that the manifest is empty.
    """
    if can_be_read_twice(path):
        await anyio.to_thread.run_sync(_check_manifest, path, abandon_on_cancel=True)
    empty = True
    with open_manifest(path) as lines:
        items = read_manifest(lines)
        while batch := await anyio.to_thread.run_sync(list, islice(items, _BATCH), abandon_on_cancel=True):
            empty = False
            yield batch
    if empty:
        note(f"the manifest {'on stdin' if path == STDIN else path} is empty: it names no packages")


def _check_manifest(path: str) -> None:
    with open_manifest(path) as lines:
        for _ in read_manifest(lines):
            pass
