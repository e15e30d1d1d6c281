"""Behaviour switches: each changes what it names, and our client works under each value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from attrs import asdict, fields

from pixxel_async import DownloadManager, PixxelClient
from pixxel_async.errors import ConfigError
from pixxel_async.sandbox import Sandbox
from pixxel_async.sandbox.behaviour.behaviour import Behaviour, load_behaviour
from pixxel_async.settings import Timing
from tests.sandbox.conftest import Caller, Got

OTHER: list[dict[str, Any]] = [
    {"shape": "realistic"},
    {"auth_form": "raw"},
    {"auth_form": "bearer"},
    {"key_refusal": 401},
    {"packing": 0},
    {"packing": 90},
    {"restarts": True},
    {"unfinished": 409},
    {"unfinished": "pending"},
    {"early_ready": True},
    {"retry_after": 7},
    {"spelling": {"words": {"completed": "SUCCESS", "ready": "success", "running": "queued"}}},
    {
        "spelling": {
            "words": {
                "completed": "Done",
                "ready": "COMPLETED",
                "pending": "in-progress",
                "inprogress": "TaskInprogress",
            }
        }
    },
    {"link_life": 30},
    {"link_style": "azure"},
    {"link_style": "gcs"},
    {"bare_files": True},
    {"ranges": False},
    {"etag": "weak"},
    {"etag": "none"},
    {"file_name": False},
    {"empty_body": "all"},
    {"missing": 403},
    {"missing": 400},
    {"error_form": "text"},
    {"error_form": "html"},
    {"spelling": {"error_details": "list"}},
    {"spelling": {"error_details": "text"}},
    {"spelling": {"error_details": "null"}},
    {"calls_per_second": 3},
    {"calls_per_second": 3, "announce_limit": False},
    {"page_most": 2},
    {"page_above": "refused"},
    {"first_page": 0},
    {"names": "part"},
    {"spelling": {"items_by": "number"}},
    {"spelling": {"report_mark": True}},
    {"spelling": {"progress": "percent"}},
    {"spelling": {"progress": "number"}},
    {"spelling": {"unset": "null"}},
    {"spelling": {"unset": "absent"}},
    {"spelling": {"numbers": "text"}},
    {"auth_form": "scheme"},
    {"foreign": 404},
    {"same_link": True},
    {"same_link": True, "link_life": 20, "ranges": False},
    {"archive": "tar"},
    {"archive": "gzip"},
    {"parts": 3},
    {"folders": False},
    {"content_type": "bytes"},
    {"content_type": "none"},
    {"lengths": False},
    {"spelling": {"elements": "id"}},
    {"spelling": {"error_codes": "upper"}},
    {"spelling": {"error_codes": "status"}},
    {"spelling": {"error_codes": "none"}},
    {"calls_at_once": 1},
    {"answer_within": 5},
    {"lists": "repeated"},
    {"lists": "brackets"},
    {"spans": "slash"},
    {"spans": "dots"},
    {"created_on": "instant"},
    {"search_on": "skip"},
    {"search_on": "token"},
    {"spelling": {"images_by": "id"}},
    {"spelling": {"images_by": "number"}},
    {"spelling": {"report_columns": "titles"}},
    {"zones": "offset"},
    {"picture_scale": 3},
    {"firefly": True},
    {"next_links": True},
    {"spelling": {"time_taken": "clock"}},
    {"spelling": {"time_taken": "seconds"}},
]


def test_every_switch_is_tried() -> None:
    """The table below changes every switch at least once."""
    assert {name for switches in OTHER for name in switches} == {member.name for member in fields(Behaviour)}


@pytest.mark.slow
@pytest.mark.parametrize("switches", OTHER, ids=json.dumps)
async def test_the_client_works_under_each_switch(switches: dict[str, Any], tmp_path: Path) -> None:
    """Under each switch the client lists, pages, waits for a job, reads it, and fetches two packages."""
    async with Sandbox(clock="manual", profile=switches) as sandbox:
        job = sandbox.add_job(tasks=2, seconds=60)
        client = PixxelClient(
            sandbox.api_key,
            base_url=sandbox.url,
            timing=Timing(clock=sandbox.clock.now, sleep=sandbox.sleep, random=lambda: 0.5),
        )
        async with client, DownloadManager(client, tmp_path) as manager:
            for size in (None, 2):
                assert [row.id async for row in client.projects.list(page_size=size)] == list(sandbox.world.projects)
            assert len([row async for row in client.workflows.list()]) == len(sandbox.world.workflows)
            done = await client.jobs.wait(job.workflow_id, job.id)
            assert done.id == job.id and len(done.tasks or ()) == 2
            got = await manager.fetch(f"job:{job.workflow_id}/{job.id}")
            task = await manager.fetch(f"task:{job.workflow_id}/{job.id}/{job.task_ids[0]}")
        assert got.path.stat().st_size == got.size and task.path.exists()
        sandbox.assert_key_only_at_api()


@pytest.fixture
async def other(request: pytest.FixtureRequest, session: aiohttp.ClientSession) -> Any:
    """Return a caller of a sandbox with the behaviour given by the test."""
    async with Sandbox(clock="manual", profile=request.param) as sandbox:
        yield Caller(sandbox, session)


def behaviour(switches: dict[str, Any]) -> pytest.MarkDecorator:
    """Mark a test with the behaviour of its sandbox."""
    return pytest.mark.parametrize("other", [switches], indirect=True, ids=[json.dumps(switches)])


async def first_response(caller: Caller, seconds: float = 60) -> Got:
    """Return the response to a package request for a job that is still running."""
    job = caller.sandbox.add_job(seconds=seconds)
    return await caller.call("PUT", f"/v0/workflows/{job.workflow_id}/jobs/{job.id}/download")


@behaviour({"unfinished": "pending", "retry_after": 9, "spelling": {"words": {"pending": "queued"}}})
async def test_an_unfinished_job_may_be_pending(other: Caller) -> None:
    """The package of a running job is pending, with the configured status and Retry-After."""
    got = await first_response(other)
    assert (got.status, got.json["status"], got.json["signed_url"]) == (200, "queued", "")
    assert got.headers["Retry-After"] == "9"


@behaviour({"unfinished": 409, "spelling": {"error_details": "null"}})
async def test_an_unfinished_job_may_be_a_conflict(other: Caller) -> None:
    """The package of a running job is a 409 without details."""
    got = await first_response(other)
    assert (got.status, got.json["error"]["details"]) == (409, None)


@behaviour({"early_ready": True})
async def test_ready_may_come_before_the_link(other: Caller) -> None:
    """A package may be `ready` for some seconds before it has a link."""
    before = (await other.do("jobs.request_download")).json
    await other.sandbox.advance(5)
    after = (await other.do("jobs.request_download")).json
    assert before["status"] == after["status"] == "ready"
    assert before["signed_url"] == "" and after["signed_url"]


@behaviour({"ranges": False, "etag": "none", "file_name": False, "link_life": 50})
async def test_a_storage_may_lack_ranges_and_validators(other: Caller) -> None:
    """A storage may lack ranges, ETag, Last-Modified and Content-Disposition."""
    await other.do("jobs.request_download")
    await other.sandbox.advance(5)
    got = await other.fetch((await other.do("jobs.request_download")).json["signed_url"], Range="bytes=5-9")
    assert got.status == 200
    assert not {"ETag", "Last-Modified", "Accept-Ranges", "Content-Disposition"} & set(got.headers)


@behaviour({"bare_files": True})
async def test_a_package_of_one_file_may_be_that_file(other: Caller) -> None:
    """A package of one file may be that GeoTIFF instead of an archive."""
    heads = {}
    for operation in ("insights.request_download", "jobs.request_download"):
        heads[operation] = (await other.fetch(await other.link(operation))).body[:4]
    assert heads == {"insights.request_download": b"II*\x00", "jobs.request_download": b"PK\x03\x04"}


@behaviour({"missing": 403, "error_form": "html", "key_refusal": 401})
async def test_errors_may_have_other_statuses(other: Caller) -> None:
    """Errors may have other statuses and an HTML body."""
    hidden, refused = await other.call("GET", "/v0/orders/x"), await other.call("GET", "/v0/orders", key="wrong")
    assert (hidden.status, hidden.json, refused.status) == (403, None, 401)


@behaviour({"calls_per_second": 2})
async def test_calls_may_be_rate_limited(other: Caller) -> None:
    """The third call within a second of the sandbox's clock is a 429 with Retry-After."""
    statuses = [await other.call("GET", "/v0/projects") for _ in range(3)]
    assert [got.status for got in statuses] == [200, 200, 429] and statuses[2].headers["Retry-After"] == "1"
    await other.sandbox.advance(1)
    assert (await other.call("GET", "/v0/projects")).status == 200


@pytest.mark.parametrize(
    ("switches", "status"), [({"page_most": 2}, 200), ({"page_most": 2, "page_above": "refused"}, 400)]
)
async def test_a_page_has_a_largest_size(switches: dict[str, Any], status: int, session: aiohttp.ClientSession) -> None:
    """A page size above the maximum is clamped or refused, in query and body."""
    async with Sandbox(profile=switches) as sandbox:
        caller = Caller(sandbox, session)
        listed = await caller.do("workflows.list", params={"limit": "3"})
        searched = await caller.do("archives.search", json={"limit": 3})
        assert listed.status == searched.status == status
        if status == 200:
            assert len(listed.json["workflows"]) == len(searched.json["features"]) == 2


@behaviour(
    {"first_page": 0, "names": "part", "empty_body": "all", "spelling": {"items_by": "number", "report_mark": True}}
)
async def test_listings_may_differ(other: Caller) -> None:
    """Pages may count from 0, names match in part, finds be numbered, and reports start with a byte order mark."""
    first = await other.do("projects.list", params={"page_num": "0", "page_size": "1"})
    second = await other.do("projects.list", params={"page_num": "1", "page_size": "1"})
    assert [got.json["projects"][0]["name"] for got in (first, second)] == ["field-monitoring", "water-bodies"]
    named = await other.do("workflows.list", params={"name": "LAKE"})
    assert [row["name"] for row in named.json["workflows"]] == ["Weekly lake survey"]
    assert list((await other.do("search.images")).json["items"])[:1] == ["0"]
    assert (await other.do("reports.orders")).body.startswith(b"\xef\xbb\xbfid,")


@behaviour(
    {"spelling": {"progress": "percent", "unset": "absent", "numbers": "text", "words": {"completed": "SUCCESS"}}}
)
async def test_values_may_be_spelled_differently(other: Caller) -> None:
    """Progress may have a percent sign, unset members be absent, and numbers be texts."""
    await other.do("jobs.create")
    rows = (await other.do("jobs.list")).json["jobs"]
    assert (rows[0]["status"], rows[0]["progress"], rows[0]["cost"]) == ("SUCCESS", "100%", "55")
    assert "finished_at" in rows[0] and "finished_at" not in rows[-1]


def test_a_profile_is_a_small_file(tmp_path: Path) -> None:
    """A written profile is read back; a file may contain some switches only."""
    chosen = Behaviour(packing=7.5, spelling={"words": {"ready": "done"}}, link_style="gcs")
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(asdict(chosen)), encoding="utf-8")
    assert Sandbox(profile=path).behaviour == chosen
    assert Sandbox(profile=path, packing=1.0).behaviour.packing == 1.0
    assert load_behaviour({"ranges": False}) == Behaviour(ranges=False)


@pytest.mark.parametrize(
    "switches",
    [
        "fancy",
        {"colour": 1},
        {"ranges": "no"},
        {"packing": -1},
        {"packing": None},
        {"spelling": {"words": ["a"]}},
        {"missing": 500},
        {"restarts": 1},
        Path("nowhere.json"),
    ],
    ids=str,
)
def test_invalid_profiles_are_refused(switches: Any) -> None:
    """An invalid profile raises ConfigError."""
    with pytest.raises(ConfigError):
        Sandbox(profile=switches)
