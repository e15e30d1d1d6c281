"""Faults that belong together, by name and from files; our client lives through each."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from pixxel_async import DownloadManager, OutcomeUnknown, PixxelClient
from pixxel_async.errors import ConfigError
from pixxel_async.sandbox import Sandbox
from pixxel_async.sandbox.http.scenarios import SCENARIOS
from pixxel_async.settings import Timing
from tests.sandbox.conftest import Caller
from tests.sandbox.valid_requests import new_item


async def met(scenario: str, count: int, session: aiohttp.ClientSession) -> Counter[int]:
    """How often each status came in so many calls; 0 for a broken connection."""
    async with Sandbox(scenario=scenario) as sandbox:
        for _ in range(count):
            try:
                await Caller(sandbox, session).do("projects.list")
            except aiohttp.ClientError:
                continue
        return Counter(seen.status for seen in sandbox.requests)


@pytest.mark.slow
@pytest.mark.parametrize(("scenario", "status"), [("rate-limited", 429), ("maintenance", 503), ("lost-answers", 0)])
async def test_a_scenario_goes_wrong_as_it_is_named(scenario: str, status: int, session: aiohttp.ClientSession) -> None:
    """Some calls are hit and some are not, and the same ones each time."""
    found = await met(scenario, 40, session)
    assert set(found) == {200, status}
    assert found == await met(scenario, 40, session)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
async def test_the_main_job_ends_well_in_every_scenario(scenario: str, tmp_path: Path) -> None:
    """Every package is whole on the disk, and the key went nowhere else."""
    sandbox = Sandbox(clock="manual", scenario=scenario, packing=10.0)
    jobs = [sandbox.add_job(tasks=1) for _ in range(4)]
    async with (
        sandbox,
        PixxelClient(
            sandbox.api_key, base_url=sandbox.url, timing=Timing(clock=sandbox.clock.now, sleep=sandbox.sleep)
        ) as client,
        DownloadManager(client, tmp_path) as manager,
        manager.fetch_all([f"job:{job.workflow_id}/{job.id}" for job in jobs]) as outcomes,
    ):
        ended = [outcome async for outcome in outcomes]
    assert [type(outcome).__name__ for outcome in ended] == ["Downloaded"] * 4, ended
    sandbox.assert_key_only_at_api()


async def test_an_order_whose_answer_is_lost_is_placed_once() -> None:
    """The client says that it does not know; the sandbox knows that there is one."""
    async with Sandbox(scenario="lost-answers") as sandbox:
        async with PixxelClient(sandbox.api_key, base_url=sandbox.url) as client:
            with pytest.raises(OutcomeUnknown):
                await client.request("POST", "/v0/orders", body={"order_items": [new_item(sandbox)]})
        assert len(sandbox.orders) == 1


async def test_a_plan_is_a_file(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    """A list of faults, as the class has them."""
    plan = tmp_path / "plan.json"
    rows = [{"route": "jobs.*", "kind": "status", "status": 418, "times": 2, "headers": {"X-Plan": "yes"}}]
    plan.write_text(json.dumps(rows), encoding="utf-8")
    async with Sandbox(scenario=plan) as sandbox:
        got = [await Caller(sandbox, session).do("jobs.list") for _ in range(3)]
    assert [one.status for one in got] == [418, 418, 200] and got[0].headers["X-Plan"] == "yes"


@pytest.mark.parametrize("held", [
    {}, [1], [{"kind": "cut"}], [{"route": "api", "kind": "cut", "bytes": 3}], [{"route": "api", "kind": "x"}],
    [{"route": "api", "kind": "cut", "at": "3"}],
])  # fmt: skip
def test_a_plan_that_is_none_is_refused(held: Any, tmp_path: Path) -> None:
    """And so is a name that no scenario has, and a file that is not there."""
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(held), encoding="utf-8")
    for given in (plan, "no-such-scenario", tmp_path / "nothing.json"):
        with pytest.raises(ConfigError):
            Sandbox(scenario=given)
