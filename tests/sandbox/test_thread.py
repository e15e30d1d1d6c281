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


def asked(sandbox: Sandbox, path: str) -> Any:
    """What the API answers, by the standard library alone."""
    request = urllib.request.Request(sandbox.url + path, headers={"Authorization": sandbox.api_key})
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.load(reply)


def test_sync_code_has_it_in_a_thread() -> None:
    """`with` serves it; the state is added to and the clock stepped meanwhile; afterwards no thread is left."""
    before = threading.active_count()
    with Sandbox(clock="manual") as sandbox:
        job = sandbox.add_job(seconds=60)
        path = f"/v0/workflows/{job.workflow_id}/jobs/{job.id}"
        assert asked(sandbox, path)["status"] == "running"
        sandbox.step(minutes=1)
        assert asked(sandbox, path)["status"] == "completed"
    assert threading.active_count() == before


def test_it_can_be_opened_again() -> None:
    """With what it holds."""
    sandbox = Sandbox()
    for _ in range(2):
        with sandbox:
            assert asked(sandbox, "/v0/projects")["count"] == 3


def test_a_thread_does_not_outlive_a_failed_start() -> None:
    """A port in use raises in the caller's thread."""
    before = threading.active_count()
    with Sandbox() as sandbox, pytest.raises(ConfigError, match="taken"), Sandbox(port=int(sandbox.url.split(":")[-1])):
        raise AssertionError("it started")
    assert threading.active_count() == before


async def test_who_sleeps_longer_wakes_later() -> None:
    """Each at its own time of the clock, in no real time worth naming; the steps do not add up."""
    clock = Clock(running=False, start=0.0)
    time_travel, woken = TimeTravel(clock), []

    async def nap(seconds: float) -> None:
        await time_travel.sleep(seconds)
        woken.append((seconds, clock.now()))

    begun = time.monotonic()
    await asyncio.gather(nap(9), nap(1), nap(3))
    assert woken == [(1, 1), (3, 3), (9, 9)]
    assert time.monotonic() - begun < 9


async def test_nobody_is_woken_while_a_request_is_under_way() -> None:
    """So that a deadline does not pass while the answer that would have kept it is read."""
    clock = Clock(running=False, start=0.0)
    time_travel = TimeTravel(clock)
    with time_travel:
        nap = asyncio.create_task(time_travel.sleep(5))
        await asyncio.sleep(0.05)
        assert not nap.done() and clock.now() == 0
    await nap
    assert clock.now() == 5
