"""The probe of a service reads a sandbox's behaviour back from its responses, and no secret with it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pixxel_async import PixxelClient
from pixxel_async.probe import probe_service
from pixxel_async.sandbox import Sandbox
from pixxel_async.sandbox.behaviour.behaviour import load_behaviour
from pixxel_async.settings import Timing


@pytest.mark.slow
@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"auth_form": "bearer"},
        {"first_page": 0},
        {"page_most": 7},
        {"page_above": "refused"},
        {"missing": 403},
        {"spelling": {"error_codes": "upper"}},
        {"spelling": {"error_codes": "status"}},
        {"spelling": {"error_details": "list"}},
        {"spelling": {"error_details": "null"}},
        {"spelling": {"progress": "percent"}},
        {"spelling": {"progress": "number"}},
        {"spelling": {"time_taken": "clock"}},
        {"spelling": {"time_taken": "seconds"}},
        {"spelling": {"numbers": "text"}},
        {"link_style": "gcs"},
        {"link_style": "azure"},
        {"link_life": 90},
        {"same_link": True},
        {"ranges": False},
        {"etag": "weak"},
        {"etag": "none"},
        {"content_type": "bytes"},
        {"content_type": "none"},
        {"file_name": False},
        {"lengths": False},
        {"archive": "tar"},
        {"archive": "gzip"},
        {"spelling": {"words": {"completed": "Done", "ready": "SUCCESS"}}},
    ],
    ids=json.dumps,
)
async def test_a_switch_reads_back(switches: dict[str, Any]) -> None:
    """The findings are a profile that a sandbox accepts, contain this switch, and hold no key, link or id."""
    async with Sandbox(clock="manual", profile=switches) as sandbox:
        job = sandbox.add_job()
        client = PixxelClient(
            sandbox.api_key, base_url=sandbox.url, timing=Timing(clock=sandbox.clock.now, sleep=sandbox.sleep)
        )
        async with client:
            found = await probe_service(client, f"job:{job.workflow_id}/{job.id}")
        text = json.dumps(found)
    read = load_behaviour(found)
    for name, value in switches.items():
        member = getattr(read, name)
        assert ({key: getattr(member, key) for key in value} if name == "spelling" else member) == value
    assert not any(secret in text for secret in (sandbox.api_key, job.id, job.workflow_id, "http", "ignature"))
    sandbox.assert_key_only_at_api()
    assert not sandbox.orders


async def test_without_a_package_nothing_is_packed() -> None:
    """Without a package the report sends GET requests only and has no findings about archives."""
    async with Sandbox(clock="manual") as sandbox, PixxelClient(sandbox.api_key, base_url=sandbox.url) as client:
        found = await probe_service(client)
    assert found["first_page"] == 1 and "archive" not in found
    assert {seen.method for seen in sandbox.requests} == {"GET"}
