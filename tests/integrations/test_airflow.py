"""The Airflow operator, trigger and sensor, run as a task runner and a triggerer run them."""

from __future__ import annotations

import asyncio
import json
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
    """A sandbox, and the connection to it in the environment, where Airflow looks first."""
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
    """What a trigger yields after a round through its serialized form, as in the triggerer."""
    path, arguments = trigger.serialize()
    again = getattr(ours, path.rpartition(".")[2])(**arguments)

    async def first() -> Any:
        async for event in again.run():
            return event.payload
        return None

    payload: dict[str, str] = asyncio.run(first())
    return payload


def test_jobs_are_waited_for_in_the_triggerer(sandbox: Sandbox, tmp_path: Path) -> None:
    """The operator defers with no key in the trigger, and exports when the jobs have ended; then all is there."""
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
    """The error names it, and what is there stays."""
    texts = packages(sandbox, seconds=0.0)
    with pytest.raises(AirflowException, match="1 of 4 packages failed: job:w/j"):
        operator([*texts, "job:w/j"], tmp_path, deferrable=False).execute({})
    assert len(list(tmp_path.rglob("*.zip"))) == 3


def test_a_wrong_key_is_not_retried(sandbox: Sandbox, tmp_path: Path) -> None:
    """Airflow retries no task whose key or settings are wrong."""
    texts = packages(sandbox, seconds=0.0)
    sandbox.keys.revoke(sandbox.api_key)
    with pytest.raises(AirflowFailException, match="key"):
        operator(texts, tmp_path, deferrable=False).execute({})


def test_waits_of_one_connection_share_a_client(sandbox: Sandbox) -> None:
    """Two triggers of one triggerer ask once a tick, not twice, and leave no client open."""
    job = sandbox.add_job(seconds=0.5)
    triggers = [ours.PixxelJobsTrigger([f"{job.workflow_id}/{job.id}"]) for _ in range(20)]

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
    """It pokes until the job has ended, and fails with a job that failed."""
    good, bad = sandbox.add_job(seconds=0.0), sandbox.add_job(tasks=2, fails_at="task-1", seconds=0.0)

    def sensor(job: Any) -> ours.PixxelJobSensor:
        return ours.PixxelJobSensor(task_id="ended", workflow_id=job.workflow_id, job_id=job.id, deferrable=False)

    assert sensor(good).poke({}) is True
    with pytest.raises(AirflowException, match="failed"):
        sensor(bad).poke({})


def test_the_connection_type_is_announced() -> None:
    """Airflow's form for connections knows the type, and hides what it does not use."""
    (known,) = get_provider_info()["connection-types"]
    assert known == {
        "connection-type": "pixxel",
        "hook-class-name": "pixxel_async.integrations.airflow.PixxelHook",
    }
    assert ours.PixxelHook.get_ui_field_behaviour()["relabeling"]["password"] == "API key"
