"""An id may be given as text, as a UUID or as the row that has it, in every method that takes an id."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from pixxel_async import ConfigError, PixxelClient
from pixxel_async._http.codec.serialize import id_of
from pixxel_async.models import AOI, Asset, AssetDownload, Job, JobTask, Project, Workflow
from tests.support.clients import KEY, client_for
from tests.support.raw_server import RawServer, answer

NUMBER = UUID("30b4c722-4b9c-4ff0-a4e5-d6280d63ae35")


@pytest.mark.parametrize(
    ("given", "name", "expected"),
    [
        ("j-1", "job_id", "j-1"),
        (NUMBER, "job_id", str(NUMBER)),
        (Job(id="j-1", workflow_id="w-1"), "job_id", "j-1"),
        (Job(id="j-1", workflow_id="w-1"), "workflow_id", "w-1"),
        (Workflow(id="w-1", project_id="p-1"), "workflow_id", "w-1"),
        (JobTask(id="t-1", job_id="j-1", workflow_id="w-1"), "job_id", "j-1"),
        (AOI(aoi_id="a-1"), "aoi_id", "a-1"),
        (AssetDownload(download_id="d-1"), "download_id", "d-1"),
    ],
)
def test_the_id_in_a_value(given: Any, name: str, expected: str) -> None:
    """An id taken from a row is the member named like the argument, or else the row's own id."""
    assert id_of(given, name) == expected


async def sent(client: PixxelClient, server: RawServer, call: Any) -> tuple[str, Any]:
    """Return the target and the body of the last request."""
    await call
    seen = server.requests[-1]
    return seen.target, json.loads(seen.body) if seen.body else None


async def test_ids_in_path_query_and_body() -> None:
    """Rows and UUIDs are sent as their ids in path, query and body."""
    aoi, project, asset = AOI(aoi_id="a-1"), Project(id="p-1"), Asset(id="as-1", aoi_id="a-1")
    async with RawServer(answer(body={"id": "x", "download_id": "d"})) as server, client_for(server.url) as client:
        target, _ = await sent(client, server, client.jobs.get(NUMBER, Job(id="j-1")))
        assert target == f"/v0/workflows/{NUMBER}/jobs/j-1"
        target, _ = await sent(client, server, client.jobs.create(Workflow(id="w-1"), project_id=project))
        assert target == "/v0/workflows/w-1/jobs?project_id=p-1"
        target, body = await sent(client, server, client.assets.request_download(aoi, asset_ids=[asset, NUMBER]))
        assert "/a-1/" in target and body == {"asset_ids": ["as-1", str(NUMBER)]}


async def test_a_row_can_be_waited_for() -> None:
    """`wait` accepts the row that a create method returned."""
    aoi = {"aoi_id": "a-1", "status": "success"}
    answers = answer(body=aoi | {"aois": [aoi]})  # valid for a listing and for a GET
    async with RawServer(answers) as server, PixxelClient(KEY, base_url=server.url) as client:
        ended = await client.aois.wait(AOI(aoi_id="a-1"), timeout=20)
    assert ended.aoi_id == "a-1"


async def test_a_row_without_an_id_is_refused() -> None:
    """A row with an empty id raises ConfigError before anything is sent."""
    async with RawServer(answer(body={})) as server, client_for(server.url) as client:
        with pytest.raises(ConfigError, match="job_id is empty"):
            await client.jobs.get("w-1", Job())
    assert not server.requests
