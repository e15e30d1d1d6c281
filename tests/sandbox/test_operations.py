"""All 55 operations over real sockets."""

from __future__ import annotations

import aiohttp
import pytest

from pixxel_async.description import load
from pixxel_async.sandbox import Sandbox
from pixxel_async.sandbox.handlers import HANDLERS
from pixxel_async.sandbox.routes import Routes
from pixxel_async.sandbox.rules.checks import problems
from tests.sandbox.conftest import Caller
from tests.sandbox.valid_requests import requests

OPERATIONS = sorted(item["operationId"] for path in load()["paths"].values() for item in path.values())


def test_every_operation_of_the_description_has_a_handler_and_a_valid_request() -> None:
    """Handlers and valid requests exist for exactly the operations of the description."""
    assert len(OPERATIONS) == 55
    assert sorted(HANDLERS) == OPERATIONS
    assert sorted(requests(Sandbox())) == OPERATIONS


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("profile", ["literal", "realistic"])
async def test_a_valid_request_succeeds(operation: str, profile: str, session: aiohttp.ClientSession) -> None:
    """Each operation answers a valid request with the described status, content type and schema."""
    async with Sandbox(profile=profile) as sandbox:  # type: ignore[arg-type]
        got = await Caller(sandbox, session).do(operation)
        route = Routes().all[operation]
        expected = 201 if operation == "insights.create" else route.status
        assert got.status == expected, got.body
        if got.body:
            assert got.headers["Content-Type"].startswith(route.produces)
        if route.produces == "application/json" and got.body and route.operation != "insights.create":
            _agrees(got.json, route.schema, profile)


def _agrees(value: object, schema: object, profile: str) -> None:
    """Assert that a literal response conforms to the description, except for the texts in a bbox."""
    if profile == "literal":
        wrong = problems(value, schema or {}, load()["components"])  # type: ignore[arg-type]
        assert [line for line in wrong if "bbox" not in line and "must be one of" not in line] == []
