"""The kinds of package. A further kind is one class here, and its name in `KINDS`."""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from .._http.call import API, Call
from ..models import Job, JobDownload, JobTask, TaskDownload
from ..resources import OPERATIONS
from .package import Package
from .state import Answer

TIMES = {"status": "status", "created_at": "created_at", "updated_at": "updated_at", "finished_at": "finished_at"}


@frozen(kw_only=True)
class JobPackage(Package):
    """The inputs and outputs of one run of a workflow."""

    kind: ClassVar = "job"
    # ASSUMPTION: the PUT that asks for a package is also the way to learn how it stands; it may start it anew.
    restarts: ClassVar = True
    row: ClassVar = Job
    row_ids: ClassVar = {"workflow_id": "workflow_id", "job_id": "id"}
    row_fields: ClassVar = TIMES

    workflow_id: str
    job_id: str

    async def ask(self, api: API) -> Answer:
        """Ask for the package, or how it stands."""
        call = Call(OPERATIONS["jobs.request_download"], self.fields())
        return Answer.of(*await api.one_and_headers(call, JobDownload))


@frozen(kw_only=True)
class TaskPackage(Package):
    """The outputs of one task, a step of a job."""

    kind: ClassVar = "task"
    restarts: ClassVar = True
    row: ClassVar = JobTask
    row_ids: ClassVar = {"workflow_id": "workflow_id", "job_id": "job_id", "task_id": "id"}
    row_fields: ClassVar = {**TIMES, "task_name": "name"}

    workflow_id: str
    job_id: str
    task_id: str

    async def ask(self, api: API) -> Answer:
        """Ask for the package, or how it stands."""
        call = Call(OPERATIONS["tasks.request_download"], self.fields())
        return Answer.of(*await api.one_and_headers(call, TaskDownload))


KINDS: dict[str, type[Package]] = {each.kind: each for each in (JobPackage, TaskPackage)}
