"""Scenarios: named or from files; our client copes with each."""

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
    """Return how often each status occurred in so many calls; 0 is a broken connection."""
    async with Sandbox(scenario=scenario) as sandbox:
        for _ in range(count):
            try:
                await Caller(sandbox, session).do("projects.list")
            except aiohttp.ClientError:
                continue
        return Counter(seen.status for seen in sandbox.requests)


@pytest.mark.slow
@pytest.mark.parametrize(("scenario", "status"), [("rate-limited", 429), ("maintenance", 503), ("lost-answers", 0)])
async def test_a_scenario_hits_the_same_calls(scenario: str, status: int, session: aiohttp.ClientSession) -> None:
    """A scenario hits some calls, the same ones each time."""
    found = await met(scenario, 40, session)
    assert set(found) == {200, status}
    assert found == await met(scenario, 40, session)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
async def test_the_main_job_ends_well_in_every_scenario(scenario: str, tmp_path: Path) -> None:
    """Under every scenario every package is fetched, and the key is sent to the API only."""
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


async def test_an_order_with_a_lost_response_is_placed_once() -> None:
    """An order whose response is lost raises OutcomeUnknown and is placed once."""
    async with Sandbox(scenario="lost-answers") as sandbox:
        async with PixxelClient(sandbox.api_key, base_url=sandbox.url) as client:
            with pytest.raises(OutcomeUnknown):
                await client.request("POST", "/v0/orders", body={"order_items": [new_item(sandbox)]})
        assert len(sandbox.orders) == 1


async def test_a_plan_is_a_file(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    """A scenario file is a list of faults with the class's fields."""
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
def test_invalid_scenarios_are_refused(held: Any, tmp_path: Path) -> None:
    """An invalid scenario file, a missing one and an unknown name raise ConfigError."""
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(held), encoding="utf-8")
    for given in (plan, "no-such-scenario", tmp_path / "nothing.json"):
        with pytest.raises(ConfigError):
            Sandbox(scenario=given)
