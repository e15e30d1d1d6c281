"""Airflow 3: a connection type, a deferrable operator that exports packages, and a sensor for ended jobs.

Waiting costs no worker slot: it is done in the triggerer, where all waits of one key share a client, and with it one
request a tick for all jobs of a workflow.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook, BaseOperator, BaseSensorOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from airflow.triggers.base import BaseTrigger, TriggerEvent

from ..client import PixxelClient
from ..downloads import DownloadManager
from ..errors import ConfigError, Forbidden, KeyRefused, PixxelError, WaitFailed
from ..events import Downloaded, Failed
from ..packages import JobPackage, parse_package
from ..settings import Settings
from ..waiting import verdict

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PixxelExportOperator", "PixxelHook", "PixxelJobSensor", "PixxelJobsTrigger"]

DEFAULT = "pixxel_default"
"""The connection that is used when none is named."""


class PixxelHook(BaseHook):  # type: ignore[misc]  # Airflow's types count as unknown
    """Settings from an Airflow connection: the password is the API key, the host another origin, if any.

    The connection's extra may hold settings by dotted name, such as `{"http.calls_per_second": 5}`.
    """

    conn_name_attr = "pixxel_conn_id"
    default_conn_name = DEFAULT
    conn_type = "pixxel"
    hook_name = "Pixxel"

    def __init__(self, pixxel_conn_id: str = DEFAULT) -> None:
        super().__init__()
        self.pixxel_conn_id = pixxel_conn_id

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the fields of the connection's form."""
        return {
            "hidden_fields": ["login", "port", "schema"],
            "relabeling": {"password": "API key", "host": "Base URL"},
            "placeholders": {"host": "https://api.pixxel.space"},
        }

    def settings(self) -> Settings:
        """Return the connection's settings; raises `ConfigError` if it holds no key."""
        return _settings(self.get_connection(self.pixxel_conn_id))

    async def aget_settings(self) -> Settings:
        """Return the connection's settings, read without blocking the event loop."""
        return _settings(await self.aget_connection(self.pixxel_conn_id))


def _settings(connection: Any) -> Settings:
    if not connection.password:
        raise ConfigError("the Airflow connection holds no API key: put it into the field password")
    values = dict(connection.extra_dejson)
    if connection.host:
        values["base_url"] = connection.host
    return Settings(api_key=connection.password).with_values(**values)


_CLIENTS: dict[tuple[int, Settings], tuple[PixxelClient, int]] = {}
"""Open clients of this process with the number of their users, by event loop and settings, the key included."""


@asynccontextmanager
async def _shared_client(conn_id: str) -> AsyncIterator[PixxelClient]:
    """Open a client, or join the one that is open; the last user closes it."""
    settings = await PixxelHook(conn_id).aget_settings()
    key = id(asyncio.get_running_loop()), settings
    client, users = _CLIENTS.get(key) or (PixxelClient(settings=settings), 0)
    _CLIENTS[key] = client, users + 1
    try:
        await client.open()
        yield client
    finally:
        client, users = _CLIENTS.pop(key)
        if users > 1:
            _CLIENTS[key] = client, users - 1
        else:
            await client.aclose()


class PixxelJobsTrigger(BaseTrigger):  # type: ignore[misc]
    """Wait in the triggerer until jobs have ended.

    Args:
        jobs: texts `WORKFLOW/JOB`.
        timeout: seconds for each wait; None for the settings' `poll.timeout`.
    """

    def __init__(self, jobs: Sequence[str], pixxel_conn_id: str = DEFAULT, timeout: float | None = None) -> None:
        super().__init__()
        self.jobs = list(jobs)
        self.pixxel_conn_id = pixxel_conn_id
        self.timeout = timeout

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return class path and arguments; no key is among them."""
        arguments = {"jobs": self.jobs, "pixxel_conn_id": self.pixxel_conn_id, "timeout": self.timeout}
        return f"{__name__}.{type(self).__name__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event with the words for each job: `ended`, or why it will not."""
        async with _shared_client(self.pixxel_conn_id) as client:
            words = await asyncio.gather(*(self._wait(client, job) for job in self.jobs))
        yield TriggerEvent(dict(zip(self.jobs, words, strict=True)))

    async def _wait(self, client: PixxelClient, job: str) -> str:
        workflow_id, _, job_id = job.partition("/")
        try:
            await client.jobs.wait(workflow_id, job_id, timeout=self.timeout)
        except PixxelError as error:
            return str(error)
        return "ended"


class PixxelExportOperator(BaseOperator):  # type: ignore[misc]
    """Export packages into a folder or object store; job packages are waited for in the triggerer.

    Returns (as XCom) the counts, and the location of each package.

    Args:
        packages: texts such as `job:WORKFLOW/JOB`; a template field.
        to: destination folder or URL; a template field.
        deferrable: wait in the triggerer, without a worker.
        timeout: seconds to wait for the jobs.
        options: fields of `DownloadSettings`.
    """

    template_fields = ("packages", "to")

    def __init__(
        self,
        *,
        packages: Sequence[str],
        to: str | Path,
        pixxel_conn_id: str = DEFAULT,
        deferrable: bool = True,
        timeout: float | None = None,
        options: dict[str, Any] | None = None,
        **operator: Any,
    ) -> None:
        super().__init__(**operator)
        self.packages = packages
        self.to = str(to)
        self.pixxel_conn_id = pixxel_conn_id
        self.deferrable = deferrable
        self.timeout = timeout
        self.options = options or {}

    def execute(self, context: Any) -> dict[str, Any]:
        """Defer until the jobs have ended, or export at once if there is no job to wait for."""
        parsed = [parse_package(text) for text in self.packages]
        jobs = [f"{each.workflow_id}/{each.job_id}" for each in parsed if isinstance(each, JobPackage)]
        if self.deferrable and jobs:
            trigger = PixxelJobsTrigger(jobs, self.pixxel_conn_id, self.timeout)
            self.defer(trigger=trigger, method_name="execute_complete")
        return self._run()

    def execute_complete(self, context: Any, event: dict[str, str]) -> dict[str, Any]:
        """Export; a job that failed fails its own package only, after all others are fetched."""
        return self._run()

    def _run(self) -> dict[str, Any]:
        settings = PixxelHook(self.pixxel_conn_id).settings()
        try:
            summary = asyncio.run(self._export(settings))
        except (ConfigError, Forbidden, KeyRefused) as error:  # not about one package: those are outcomes
            raise AirflowFailException(str(error)) from None
        if summary["failed"]:
            reasons = "; ".join(f"{package}: {reason}" for package, reason in list(summary["failed"].items())[:10])
            raise AirflowException(f"{len(summary['failed'])} of {len(self.packages)} packages failed: {reasons}")
        return summary

    async def _export(self, settings: Settings) -> dict[str, Any]:
        summary: dict[str, Any] = {"fetched": 0, "there": 0, "bytes": 0, "locations": {}, "failed": {}}
        async with (
            PixxelClient(settings=settings) as client,
            DownloadManager(client, self.to) as manager,
            manager.fetch_all(self.packages, **self.options) as outcomes,
        ):
            async for outcome in outcomes:
                package = str(outcome.package)
                if isinstance(outcome, Failed):
                    summary["failed"][package] = str(outcome.error)
                    continue
                new = isinstance(outcome, Downloaded) and outcome.fetched
                summary["fetched" if new else "there"] += 1
                summary["bytes"] += outcome.size if new and isinstance(outcome, Downloaded) else 0
                summary["locations"][package] = outcome.url or str(outcome.path)
        return summary


class PixxelJobSensor(BaseSensorOperator):  # type: ignore[misc]
    """Wait for the end of one job; fails if the job failed.

    Args:
        workflow_id, job_id: template fields.
        deferrable: wait in the triggerer; else one call in each poke.
    """

    template_fields = ("workflow_id", "job_id")

    def __init__(
        self,
        *,
        workflow_id: str,
        job_id: str,
        pixxel_conn_id: str = DEFAULT,
        deferrable: bool = True,
        **operator: Any,
    ) -> None:
        super().__init__(**operator)
        self.workflow_id = workflow_id
        self.job_id = job_id
        self.pixxel_conn_id = pixxel_conn_id
        self.deferrable = deferrable

    def execute(self, context: Any) -> None:
        """Defer, or poke until the job has ended."""
        if self.deferrable:
            trigger = PixxelJobsTrigger([f"{self.workflow_id}/{self.job_id}"], self.pixxel_conn_id, self.timeout)
            self.defer(trigger=trigger, method_name="execute_complete")
        super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, str]) -> None:
        """Fail with the reason that the trigger found."""
        (word,) = event.values()
        if word != "ended":
            raise AirflowException(word)

    def poke(self, context: Any) -> bool:
        """Return whether the job has ended well; raises if it ended badly."""
        return asyncio.run(self._poke(PixxelHook(self.pixxel_conn_id).settings()))

    async def _poke(self, settings: Settings) -> bool:
        async with PixxelClient(settings=settings) as client:
            job = await client.jobs.get(self.workflow_id, self.job_id)
        judged = verdict(job.status)
        if judged == "bad":
            raise AirflowException(str(WaitFailed(f"job {self.job_id} ended with status {job.status}")))
        return judged == "good"
