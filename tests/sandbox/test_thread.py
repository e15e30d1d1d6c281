"""The sandbox in a thread, for code without an event loop, and the sleep that steps its clock."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.request
from typing import Any

import pytest

from pixxel_async.errors import ConfigError
from pixxel_async.sandbox import Clock, Sandbox
from pixxel_async.sandbox.http.time_travel import TimeTravel


def get_json(sandbox: Sandbox, path: str) -> Any:
    """Return the API's response, read by urllib."""
    request = urllib.request.Request(sandbox.url + path, headers={"Authorization": sandbox.api_key})
    with urllib.request.urlopen(request, timeout=100) as reply:
        return json.load(reply)


def test_sync_code_runs_it_in_a_thread() -> None:
    """`with` serves the sandbox from a thread; state and clock can be changed meanwhile, and the thread ends."""
    before = threading.active_count()
    with Sandbox(clock="manual") as sandbox:
        job = sandbox.add_job(seconds=60)
        path = f"/v0/workflows/{job.workflow_id}/jobs/{job.id}"
        assert get_json(sandbox, path)["status"] == "running"
        sandbox.step(minutes=1)
        assert get_json(sandbox, path)["status"] == "completed"
    assert threading.active_count() == before


def test_it_can_be_opened_again() -> None:
    """A sandbox can be opened again with its state."""
    sandbox = Sandbox()
    for _ in range(2):
        with sandbox:
            assert get_json(sandbox, "/v0/projects")["count"] == 3


def test_a_thread_does_not_outlive_a_failed_start() -> None:
    """A port in use raises in the caller's thread, and no thread is left."""
    before = threading.active_count()
    with Sandbox() as sandbox, pytest.raises(ConfigError, match="taken"), Sandbox(port=int(sandbox.url.split(":")[-1])):
        raise AssertionError("it started")
    assert threading.active_count() == before


async def test_sleepers_wake_in_order() -> None:
    """Sleepers wake in order, each at its own time, and their times do not add up."""
    clock = Clock(running=False, start=0.0)
    time_travel, woken = TimeTravel(clock), []

    async def nap(seconds: float) -> None:
        await time_travel.sleep(seconds)
        woken.append((seconds, clock.now()))

    begun = time.monotonic()
    await asyncio.gather(nap(9), nap(1), nap(3))
    assert woken == [(1, 1), (3, 3), (9, 9)]
    assert time.monotonic() - begun < 9


async def test_no_sleeper_wakes_during_a_request() -> None:
    """No sleeper wakes during a request, so that no deadline passes while its response is read."""
    clock = Clock(running=False, start=0.0)
    time_travel = TimeTravel(clock)
    with time_travel:
        nap = asyncio.create_task(time_travel.sleep(5))
        await asyncio.sleep(0.05)
        assert not nap.done() and clock.now() == 0
    await nap
    assert clock.now() == 5
