"""Profile `literal` against the vendor's document: each response is declared there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from pixxel_async.sandbox import Fault
from pixxel_async.sandbox.routes import Routes
from tests.sandbox import vendor_document as vendor
from tests.sandbox.conftest import Caller, Got

ROUTES = Routes().all
PLAIN = {"application/json": {"schema": {"$ref": "#/components/schemas/common.ErrorResponse"}}}
UNDECLARED = {
    "key": (403, "any call may be refused for its key, and half of the operations declare it"),
    "id": (404, "what is not there is told apart from what is wrong, which a third of the operations do not"),
    "body": (400, "a body that cannot be read has no status in the document where packages of assets are asked for"),
}
"""Where our sandbox answers with an error that the document does not declare: the status, and why."""
BODILESS = {"reports.orders": "the document declares the report's errors as CSV, and of the report itself nothing"}
"""Answers with a body where the document declares none, and why."""


def declared(operation: str, status: int) -> Mapping[str, Any] | None:
    """Return the declared contents of a response by type, or None if it is not declared."""
    route = ROUTES[operation]
    answer = vendor.declared(route.method, route.template).get(str(status))
    return None if answer is None else answer["content"]


def faults(got: Got, content: Mapping[str, Any]) -> list[str]:
    """Return violations in type and body of a response."""
    kind = got.headers.get("Content-Type", "")
    media = content.get(kind) or content.get("*/*")
    if media is None:
        return [f"{kind or 'no type'} in place of {', '.join(content) or 'no body'}"] if kind or content else []
    picture = media["schema"].get("format") == "binary"
    return [] if picture else vendor.problems(json.loads(got.body), media["schema"])


@pytest.mark.slow
@pytest.mark.parametrize("operation", sorted(ROUTES))
async def test_every_success_is_declared(operation: str, caller: Caller) -> None:
    """Every success has a declared status, content type and schema."""
    got = await caller.do(operation)
    content = declared(operation, got.status)
    assert content is not None and got.status < 300
    assert bool(faults(got, content)) == (operation in BODILESS), faults(got, content)


async def wrong(caller: Caller, operation: str) -> dict[str, Got]:
    """Return responses to every invalid request of an operation, and to a failure of the service."""
    valid, route = caller.valid[operation], ROUTES[operation]
    call, given = caller.call, {"params": valid.query, "json": valid.body}
    got = {}
    if operation != "ping":
        got["key"] = await call(valid.method, valid.path, key="sandbox-wrong")
    if "{" in route.template:
        got["id"] = await call(valid.method, re.sub(r"{[^}]*}", "nope", route.template), **given)
    if route.body is not None:
        got["body"] = await call(valid.method, valid.path, params=valid.query, data=b"{")
    if declared(operation, 500) is not None:
        typed = {"Content-Type": route.produces}
        caller.sandbox.inject(Fault(route=operation, kind="status", status=500, headers=typed))
        got["failure"] = await call(valid.method, valid.path, **given)
    return got


@pytest.mark.slow
@pytest.mark.parametrize("operation", sorted(ROUTES))
async def test_every_error_is_declared(operation: str, caller: Caller) -> None:
    """Every error is declared, or listed with a reason; undeclared ones have the vendor's envelope."""
    for why, got in (await wrong(caller, operation)).items():
        content = declared(operation, got.status)
        assert content is not None or got.status == UNDECLARED[why][0]
        assert faults(got, PLAIN if content is None else content) == [], why


async def test_a_taken_name_is_declared(caller: Caller) -> None:
    """A taken name is the declared 409 of AOIs, indices, visualizations and stores."""
    for operation in ("aois.create", "indices.create", "visualizations.create", "stores.create"):
        first, second = await caller.do(operation), await caller.do(operation)
        assert (first.status < 300, second.status) == (True, 409), operation
        assert faults(second, declared(operation, 409) or {}) == []


@pytest.mark.slow
async def test_every_exception_occurs(caller: Caller) -> None:
    """Every exception listed as undeclared or bodiless occurs."""
    seen = set()
    for operation in sorted(ROUTES):
        seen |= {
            why for why, got in (await wrong(caller, operation)).items() if declared(operation, got.status) is None
        }
    assert seen == set(UNDECLARED)
    assert all(declared(operation, 200) == {} for operation in BODILESS)


def test_the_facts_are_reduced() -> None:
    """Reducing the facts again changes nothing, and they cover all operations."""
    facts = vendor.load()
    assert vendor.reduced(facts) == facts
    assert vendor.written(facts) == vendor.FILE.read_text(encoding="utf-8")
    assert sum(len(path) for path in facts["paths"].values()) == len(ROUTES)
