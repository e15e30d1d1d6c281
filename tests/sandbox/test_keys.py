"""Missing, unknown, expired and restricted keys."""

from __future__ import annotations

import json

import pytest

from pixxel_async import Forbidden, KeyRefused, PixxelClient
from tests.sandbox.conftest import Caller
from tests.sandbox.test_refusals import refused
from tests.sandbox.valid_requests import new_item


@pytest.fixture
def limited(caller: Caller) -> str:
    """Add a key for the second project."""
    return caller.sandbox.add_key(projects=[list(caller.sandbox.world.projects)[1]])


async def test_a_key_opens_its_projects_only(caller: Caller, limited: str) -> None:
    """A restricted key lists only its projects' objects and gets 403 for others."""
    second = list(caller.sandbox.world.projects)[1]
    listed = (await caller.call("GET", "/v0/projects", key=limited)).json
    assert ([row["id"] for row in listed["projects"]], listed["count"]) == ([second], 1)
    workflows = (await caller.call("GET", "/v0/workflows", key=limited)).json["workflows"]
    assert {row["project_id"] for row in workflows} == {second}
    assert (await caller.call("GET", f"/v0/projects/{second}", key=limited)).status == 200
    assert (await caller.call("GET", f"/v0/workflows/{workflows[0]['id']}/jobs", key=limited)).status == 200
    for operation in ("projects.get", "jobs.list", "jobs.request_download", "aois.get", "aois.create", "orders.get"):
        valid = caller.valid[operation]
        message = refused(await caller.call(valid.method, valid.path, key=limited, json=valid.body), 403)
        assert "permission" in message, operation
    body = {"order_items": [new_item(caller.sandbox)]}
    refused(await caller.call("POST", "/v0/orders", key=limited, json=body), 403)
    assert caller.sandbox.orders == []


async def test_a_key_ends_by_the_clock(caller: Caller) -> None:
    """A key ends after its seconds on the sandbox's clock."""
    key = caller.sandbox.add_key(seconds=60)
    assert (await caller.call("GET", "/v0/projects", key=key)).status == 200
    await caller.sandbox.advance(minutes=1)
    refused(await caller.call("GET", "/v0/projects", key=key), 403)


@pytest.mark.parametrize(
    ("operation", "produces"), [("visualizations.png", "image/png"), ("reports.orders", "text/csv")]
)
async def test_a_refused_key_has_the_declared_type(caller: Caller, operation: str, produces: str) -> None:
    """The error envelope is JSON, whatever content type the operation declares."""
    valid = caller.valid[operation]
    got = await caller.call(valid.method, valid.path, key="sandbox-wrong", json=valid.body)
    refused(got, 403)
    assert got.headers["Content-Type"].startswith(produces) and "error" in json.loads(got.body)


async def test_a_missing_permission_and_a_wrong_key_are_distinct(caller: Caller, limited: str) -> None:
    """A missing permission and a wrong key are both a 403, and neither error contains the key."""
    first = next(iter(caller.sandbox.world.projects))
    for key in (limited, "sandbox-wrong"):
        async with PixxelClient(key, base_url=caller.sandbox.url) as client:
            with pytest.raises((Forbidden, KeyRefused)) as caught:
                await client.projects.get(first)
        assert key not in str(caught.value)
