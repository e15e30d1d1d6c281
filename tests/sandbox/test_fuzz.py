"""The sandbox answers any request and never raises."""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixxel_async.sandbox import Sandbox
from pixxel_async.sandbox.api import SandboxAPI
from pixxel_async.sandbox.behaviour.profile import ProfileName, make_shaper
from pixxel_async.sandbox.http.site import SiteRequest
from pixxel_async.sandbox.routes import Routes
from tests.sandbox.valid_requests import Valid, requests

_ROUTES = Routes()
texts = st.sampled_from(["", "x", "2024-01-01", "../x", "a/b", "\ud800", "9" * 30, "America", "..", "-1"]) | st.text(
    max_size=4
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2))


@cache
def api(profile: ProfileName) -> tuple[SandboxAPI, str, dict[str, Valid]]:
    """Return the API without sockets, its key, and valid requests; examples share its state."""
    sandbox = Sandbox(profile=profile)
    shape = make_shaper(profile, _ROUTES.components)
    made = SandboxAPI(sandbox.world, _ROUTES, sandbox.keys, sandbox.clock, shape)
    return made, sandbox.api_key, requests(sandbox)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all places in a value, including the value itself."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] + [place for key, one in inner for place in places(one, (*path, key))]


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return the value with another value at a path."""
    if not path:
        return new
    made = copy.copy(value)
    made[path[0]] = changed(value[path[0]], path[1:], new)
    return made


BODIES = sorted(name for name, valid in requests(Sandbox()).items() if valid.body is not None)


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["literal", "realistic"])
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_body_with_anything_anywhere_is_answered(profile: ProfileName, data: st.DataObject) -> None:
    """A valid body with one member replaced by any value gets success or the error envelope."""
    operation = data.draw(st.sampled_from(BODIES))
    valid = api(profile)[2][operation]
    body = changed(valid.body, data.draw(st.sampled_from(places(valid.body))), data.draw(values))
    _answered(profile, valid, json.dumps(body).encode())


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(requests(Sandbox()))),
    st.dictionaries(st.sampled_from(["limit", "offset", "id", "tz", "mode"]), texts),
    st.binary(max_size=9),
)
def test_a_query_and_a_body_of_any_bytes_are_answered(operation: str, query: dict[str, str], body: bytes) -> None:
    """Any query text and any body bytes are answered."""
    valid = api("literal")[2][operation]
    _answered("literal", Valid(valid.method, valid.path, {**valid.query, **query}), body)


@pytest.mark.parametrize("body", [b"[" * 100_000, b"\xff\xfe", b'{"a":' * 50_000])
def test_hostile_json_is_refused(body: bytes) -> None:
    """JSON that is deeply nested or in an unknown encoding is a 400."""
    assert _answered("literal", api("literal")[2]["catalogs.search"], body) == 400


def _answered(profile: ProfileName, valid: Valid, body: bytes) -> int:
    served, key, _ = api(profile)
    answer = served.respond(SiteRequest(valid.method, valid.path, valid.query, {"authorization": key}, body))
    assert answer.status < 500
    if answer.status >= 400:
        assert set(json.loads(answer.body.read_all())["error"]) == {"code", "message", "details"}
    return answer.status
