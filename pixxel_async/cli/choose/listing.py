"""What to export: from workflows, a project, a manifest or the command's arguments to packages, in pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from attrs import define, field

from ...errors import ConfigError, KeyRefused, PixxelError
from ...packages import JobPackage, TaskPackage, Wanted, parse_package, wanted
from .filter import Choice, blank_fields, task_counts
from .manifest import open_manifest, read_manifest

if TYPE_CHECKING:
    from ...client import PixxelClient
    from ...models import Job, JobTask, Workflow

_BATCH = 1000
"""Manifest lines that are read at once, in a thread."""


@define
class Listing:
    """Reads workflows and yields the packages of their jobs, page by page; what cannot be read stops nothing else.

    Attributes:
        client: the opened client.
        choice: which jobs and tasks to take.
        tell: gets the error of each workflow, or job, that could not be read, and which it was.
        note: gets what people should know meanwhile.
        running: jobs that were left out because they are still running.
    """

    client: PixxelClient
    choice: Choice
    tell: Callable[[PixxelError, str], None]
    note: Callable[[str], None]
    running: int = field(default=0, init=False)

    async def project(self, project_id: str) -> AsyncIterator[Iterable[Wanted]]:
        """The packages of all workflows of a project; raises `ConfigError` when there is no such project."""
        async for workflow in project_workflows(self.client, project_id):
            async for page in self.workflow(workflow.id or "", workflow.name or ""):
                yield page

    async def workflows(self, workflow_ids: Iterable[str], *, named: bool = False) -> AsyncIterator[Iterable[Wanted]]:
        """The packages of these workflows; with `named` their names are looked up for the name template."""
        for workflow_id in dict.fromkeys(workflow_ids):
            name = await self._name(workflow_id) if named else ""
            async for page in self.workflow(workflow_id, name):
                yield page

    async def _name(self, workflow_id: str) -> str:
        rows = await self.client.workflows.list(id=workflow_id)
        return next((row.name for row in rows if row.id == workflow_id and row.name), "")

    async def workflow(self, workflow_id: str, name: str = "") -> AsyncIterator[Iterable[Wanted]]:
        """The packages of one workflow's jobs: of those that have ended first, then of those that are waited for."""
        later: list[Job] = []
        with self._telling(f"workflow {workflow_id}"):
            async for jobs in self.client.jobs.list(workflow_id).by_page(once=True):
                async for page in self._packages(self._chosen(jobs, later), name):
                    yield page
        async for page in self._packages(later, name):
            yield page

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """What goes wrong in the block is told, and ends nothing but the block."""
        try:
            yield
        except KeyRefused:
            raise
        except PixxelError as error:
            self.tell(error, what)

    def _chosen(self, jobs: Iterable[Job], later: list[Job]) -> Iterator[Job]:
        """The jobs to take now; those that are waited for go to `later`."""
        for job in jobs:
            take = self.choice.take(job.status, job.finished_at)
            if take == "now":
                yield job
            elif take == "later":
                later.append(job)
            self.running += take == "running"

    async def _packages(self, jobs: Iterable[Job], name: str) -> AsyncIterator[Iterable[Wanted]]:
        """What is wanted of some jobs; their own packages in one go, those of its tasks when it was asked for them."""
        of_job, of_task = blank_fields(JobPackage, name), blank_fields(TaskPackage, name)
        own = ((job, item) for job in jobs if (item := self._wanted(job, _what(job), of_job)) is not None)
        if self.choice.packages == "job":
            yield (item for _, item in own)
            return
        for job, item in own:
            if self.choice.packages == "both":
                yield [item]
            yield await self._tasks(job, of_task)

    def _wanted(self, row: Job | JobTask, what: str, blank: Mapping[str, Any]) -> Wanted | None:
        try:
            return wanted(row, blank)
        except ConfigError as error:
            self.tell(error, what)
            return None

    async def _tasks(self, job: Job, blank: Mapping[str, Any]) -> list[Wanted]:
        """The packages of a job's tasks; none, and that is told, if the job cannot be read."""
        tasks: list[JobTask] = []
        with self._telling(_what(job)):
            tasks = (await self._whole(job)).tasks or []
        ended = (task for task in tasks if task_counts(task.status))
        return [item for task in ended if (item := self._wanted(task, _what(job), blank)) is not None]

    async def _whole(self, job: Job) -> Job:
        """The job with its tasks, which a listing does not bring; one that still runs is waited for first."""
        ids = (job.workflow_id or "", job.id or "")
        if not self.choice.ended(job.status):
            self.note(f"waiting for {_what(job)} to end, for its tasks")
            job = await self.client.jobs.wait(*ids)
        return job if job.tasks else await self.client.jobs.get(*ids)


def _what(job: Job) -> str:
    return f"job {job.id} of workflow {job.workflow_id}"


async def project_workflows(client: PixxelClient, project_id: str) -> AsyncIterator[Workflow]:
    """The workflows of a project; raises `ConfigError` when there is no such project, for the service says nothing."""
    found = False
    async for workflow in client.workflows.list(project_id=project_id):
        found = True
        yield workflow
    if not found and project_id not in [project.id async for project in client.projects.list()]:
        raise ConfigError(f"the key sees no project {project_id}; `pixxel check` lists those that it sees")


async def first_workflow(client: PixxelClient) -> str:
    """The first workflow that has a job; raises `ConfigError` when there is none."""
    async for workflow in client.workflows.list():
        async for _ in client.jobs.list(workflow.id or ""):
            return workflow.id or ""
    raise ConfigError("there is no workflow with jobs")


def packages(texts: Sequence[str]) -> list[Wanted]:
    """The packages of a command's arguments, each once; raises `ConfigError` for the first that is none."""
    return [wanted(package) for package in dict.fromkeys(map(parse_package, texts))]


async def manifest(path: str) -> AsyncIterator[Iterable[Wanted]]:
    """The packages of a manifest, read in a thread some lines at a time; `-` is stdin.

    A file is read twice, first to the end, so that a bad line shows before anything is asked for.
    """
    if path != "-":
        await anyio.to_thread.run_sync(_proofread, path, abandon_on_cancel=True)
    with open_manifest(path) as lines:
        items = read_manifest(lines)
        while batch := await anyio.to_thread.run_sync(_some, items, abandon_on_cancel=True):
            yield batch


def _proofread(path: str) -> None:
    with open_manifest(path) as lines:
        for _ in read_manifest(lines):
            pass


def _some(items: Iterator[Wanted]) -> list[Wanted]:
    return list(islice(items, _BATCH))
