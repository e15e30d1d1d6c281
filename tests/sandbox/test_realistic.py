"""Profile `realistic` sends what a live service may send beyond its document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from pixxel_async.errors import ConfigError
from pixxel_async.sandbox import Sandbox
from tests.sandbox.conftest import Caller


async def answers(profile: str, session: aiohttp.ClientSession) -> dict[str, Any]:
    """Return the JSON responses to all valid requests on one sandbox."""
    async with Sandbox(clock="manual", profile=profile) as sandbox:  # type: ignore[arg-type]
        caller = Caller(sandbox, session)
        alone = [name for name, valid in caller.valid.items() if valid.method != "DELETE" and name != "stores.create"]
        return {name: got.json for name in alone if (got := await caller.do(name)).json}


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every scalar with the name of its member."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, name)
    else:
        yield name, value


@pytest.mark.slow
async def test_realistic_differs_from_the_document(session: aiohttp.ClientSession) -> None:
    """`realistic` sends raw JSON, numeric boxes, fractions, nulls, old words, new members, odd times and mixed case."""
    real = await answers("realistic", session)
    text, flat = json.dumps(real), list(leaves(real))
    statuses = {value for name, value in flat if name == "status" and isinstance(value, str)}
    times = [value for name, value in flat if name.endswith("_at") and value]
    assert isinstance(real["workflows.get"]["spec"], dict)
    assert all(isinstance(edge, float) for edge in real["archives.get_item"]["bbox"])
    assert any(name == "cost" and value % 1 for name, value in flat)
    assert any(value is None for _, value in flat)
    assert '"EXPEDITED"' in text and '"revision"' in text
    assert any(word != word.lower() and word != word.upper() for word in statuses)
    assert {" " in when for when in times} == {True, False} and any(
        len(when) > 27 and when[-1] == "Z" for when in times
    )


@pytest.mark.slow
async def test_literal_follows_the_document(session: aiohttp.ClientSession) -> None:
    """`literal` sends none of these."""
    plain = await answers("literal", session)
    text = json.dumps(plain)
    assert plain["workflows.get"]["spec"] == []
    assert all(isinstance(edge, str) for edge in plain["archives.get_item"]["bbox"])
    assert "null" not in text and '"revision"' not in text


async def test_realistic_is_deterministic(session: aiohttp.ClientSession) -> None:
    """A realistic response is the same each time, as its changes are derived from the response."""
    async with Sandbox(clock="manual", profile="realistic") as sandbox:
        caller = Caller(sandbox, session)
        assert (await caller.do("jobs.list")).body == (await caller.do("jobs.list")).body


async def test_ids_and_links_are_unchanged(session: aiohttp.ClientSession) -> None:
    """Ids and links are unchanged in realistic responses."""
    async with Sandbox(clock="manual", profile="realistic", packing=0.0) as sandbox:
        caller = Caller(sandbox, session)
        ready = (await caller.do("jobs.request_download")).json
        assert (await caller.fetch(ready["signed_url"])).status == 200
        listed = (await caller.do("jobs.list")).json["jobs"]
        assert [row["id"] for row in listed] == list(sandbox.world.runs[caller.valid["jobs.list"].path.split("/")[3]])


def test_an_unknown_profile_is_refused() -> None:
    """An unknown profile raises ConfigError."""
    with pytest.raises(ConfigError, match="profile"):
        Sandbox(profile="fancy")  # type: ignore[arg-type]
