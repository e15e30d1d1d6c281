"""The Airflow operator, trigger and sensor, run like a task runner and a triggerer run them."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("airflow", reason="the extra airflow is not installed")

from airflow.sdk.exceptions import AirflowException, AirflowFailException, TaskDeferred

from pixxel_async.integrations import airflow as ours
from pixxel_async.integrations.airflow_provider import get_provider_info
from pixxel_async.sandbox import Sandbox

pytestmark = pytest.mark.slow


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Serve a sandbox, with the Airflow connection to it in the environment."""
    with Sandbox(packing=0.05, package_size=30_000) as served:
        connection = {"conn_type": "pixxel", "password": served.api_key, "extra": {"base_url": served.url}}
        monkeypatch.setenv("AIRFLOW_CONN_PIXXEL_DEFAULT", json.dumps(connection))
        yield served


def packages(sandbox: Sandbox, **job: Any) -> list[str]:
    jobs = [sandbox.add_job(**job) for _ in range(3)]
    return [f"job:{each.workflow_id}/{each.id}" for each in jobs]


def operator(texts: list[str], to: Path, **options: Any) -> ours.PixxelExportOperator:
    return ours.PixxelExportOperator(task_id="export", packages=texts, to=to, **options)


def event_of(trigger: ours.PixxelJobsTrigger) -> dict[str, str]:
    """Return the first event of a trigger after a round trip through its serialized form, as in the triggerer."""
    path, arguments = trigger.serialize()
    again = getattr(ours, path.rpartition(".")[2])(**arguments)

    async def first() -> Any:
        async for event in again.run():
            return event.payload
        return None

    payload: dict[str, str] = asyncio.run(first())
    return payload


def test_jobs_are_waited_for_in_the_triggerer(sandbox: Sandbox, tmp_path: Path) -> None:
    """The operator defers without the key in the trigger, exports once the jobs have ended, and a rerun skips files."""
    texts = packages(sandbox, seconds=0.5)
    export = operator(texts, tmp_path)
    with pytest.raises(TaskDeferred) as deferred:
        export.execute({})
    assert sandbox.api_key not in repr(deferred.value.trigger.serialize())
    event = event_of(deferred.value.trigger)
    assert set(event.values()) == {"ended"}

    summary = getattr(export, deferred.value.method_name)({}, event)
    assert (summary["fetched"], summary["bytes"]) == (3, 90_000)
    assert all(Path(path).is_file() for path in summary["locations"].values())
    again = operator(texts, tmp_path, deferrable=False).execute({})
    assert (again["fetched"], again["there"], again["locations"]) == (0, 3, summary["locations"])


def test_a_failed_package_fails_the_task_after_the_others(sandbox: Sandbox, tmp_path: Path) -> None:
    """A failed package fails the task after the other packages are fetched, and the error names it."""
    texts = packages(sandbox, seconds=0.0)
    with pytest.raises(AirflowException, match="1 of 4 packages failed: job:w/j"):
        operator([*texts, "job:w/j"], tmp_path, deferrable=False).execute({})
    assert len(list(tmp_path.rglob("*.zip"))) == 3


def test_a_refused_key_is_not_retried(sandbox: Sandbox, tmp_path: Path) -> None:
    """A refused key raises AirflowFailException, so that Airflow does not retry the task."""
    texts = packages(sandbox, seconds=0.0)
    sandbox.keys.revoke(sandbox.api_key)
    with pytest.raises(AirflowFailException, match="key"):
        operator(texts, tmp_path, deferrable=False).execute({})


def test_waits_of_one_key_share_a_client(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Triggers share one client and its polls, also by another connection with the same key; none stays open."""
    monkeypatch.setenv("AIRFLOW_CONN_PIXXEL_OTHER", os.environ["AIRFLOW_CONN_PIXXEL_DEFAULT"])
    job = sandbox.add_job(seconds=0.5)
    connections = ["pixxel_default", "pixxel_other"] * 10
    triggers = [ours.PixxelJobsTrigger([f"{job.workflow_id}/{job.id}"], connection) for connection in connections]

    async def all_of_them() -> list[str]:
        async def word(trigger: ours.PixxelJobsTrigger) -> str:
            async for event in trigger.run():
                return str(next(iter(event.payload.values())))
            return ""

        return await asyncio.gather(*map(word, triggers))

    assert asyncio.run(all_of_them()) == ["ended"] * 20
    assert len(sandbox.requests) < 10
    assert not ours._CLIENTS


def test_the_sensor(sandbox: Sandbox) -> None:
    """The sensor succeeds when the job has ended, and fails if the job failed."""
    good, bad = sandbox.add_job(seconds=0.0), sandbox.add_job(tasks=2, fails_at="task-1", seconds=0.0)

    def sensor(job: Any) -> ours.PixxelJobSensor:
        return ours.PixxelJobSensor(task_id="ended", workflow_id=job.workflow_id, job_id=job.id, deferrable=False)

    assert sensor(good).poke({}) is True
    with pytest.raises(AirflowException, match="failed"):
        sensor(bad).poke({})


def test_the_connection_type_is_announced() -> None:
    """The provider info announces the connection type, and the connection form relabels its fields."""
    (known,) = get_provider_info()["connection-types"]
    assert known == {
        "connection-type": "pixxel",
        "hook-class-name": "pixxel_async.integrations.airflow.PixxelHook",
    }
    assert ours.PixxelHook.get_ui_field_behaviour()["relabeling"]["password"] == "API key"
