"""Further behaviour switches: filters, pages, packages and limits in each form."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import struct
import tarfile
import zipfile
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from pixxel_async import IncompleteListing, PixxelClient
from pixxel_async.sandbox import Fault, Sandbox
from tests.sandbox.conftest import Caller


@pytest.fixture
async def other(request: pytest.FixtureRequest, session: aiohttp.ClientSession) -> AsyncIterator[Caller]:
    """Return a caller of a sandbox with the behaviour given by the test."""
    async with Sandbox(clock="manual", profile=request.param) as sandbox:
        yield Caller(sandbox, session)


def behaviour(*switches: dict[str, Any]) -> pytest.MarkDecorator:
    """Mark a test to run with each of these behaviours."""
    return pytest.mark.parametrize("other", switches, indirect=True, ids=[json.dumps(one) for one in switches])


@behaviour({"auth_form": "scheme", "foreign": 404})
async def test_a_key_may_include_its_scheme_and_see_no_other_project(other: Caller) -> None:
    """A key may include its scheme, and projects outside its scope be 404."""
    mine, theirs, _ = other.sandbox.world.projects
    narrow = other.sandbox.add_key(projects=[mine])
    assert narrow.startswith("Token ")
    assert (await other.call("GET", f"/v0/projects/{mine}", key=narrow)).status == 200
    hidden = await other.call("GET", f"/v0/projects/{theirs}", key=narrow)
    assert (hidden.status, hidden.json["error"]["code"]) == (404, "not_found")
    assert (await other.call("GET", "/v0/projects", key=narrow.removeprefix("Token "))).status == 401


@behaviour({"same_link": True, "link_life": 50})
async def test_a_link_may_be_reused_until_it_expires(other: Caller) -> None:
    """A link may be reused until it expires, and then be replaced."""
    first = await other.link()
    assert await _again(other, 30) == first
    second = await _again(other, 30)
    assert second != first and (await other.fetch(second)).status == 200
    assert (await other.fetch(first)).status == 403


async def _again(caller: Caller, seconds: float) -> str:
    await caller.sandbox.advance(seconds)
    link: str = (await caller.do("jobs.request_download")).json["signed_url"]
    return link


@behaviour({"archive": "tar"}, {"archive": "gzip"})
async def test_a_package_may_be_another_archive(other: Caller) -> None:
    """A package may be a tar or tar.gz with the same files and a matching name and type."""
    got = await other.fetch(await other.link())
    gzipped = other.sandbox.behaviour.archive == "gzip"
    body = gzip.decompress(got.body) if gzipped else got.body
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        names = archive.getnames()
    assert "outputs/ndvi/ndvi.tif" in names and "outputs/ndvi/spec.json" in names
    assert got.headers["Content-Type"] == ("application/gzip" if gzipped else "application/x-tar")
    assert f'.{"tar.gz" if gzipped else "tar"}"' in got.headers["Content-Disposition"]


@behaviour({"parts": 2, "folders": False})
async def test_a_package_may_hold_archives_and_no_folders(other: Caller) -> None:
    """A package may be an archive of archives without folders, with every file once."""
    whole = zipfile.ZipFile(io.BytesIO((await other.fetch(await other.link())).body))
    assert whole.namelist() == ["part-1.zip", "part-2.zip"]
    inner = [name for part in whole.namelist() for name in zipfile.ZipFile(io.BytesIO(whole.read(part))).namelist()]
    assert len(set(inner)) == len(inner) > 4 and "outputs_ndvi_ndvi.tif" in inner
    assert not any("/" in name for name in inner)


@behaviour({"content_type": "none", "lengths": False})
async def test_a_storage_may_omit_type_and_length(other: Caller) -> None:
    """A storage may send neither content type nor length."""
    got = await other.fetch(await other.link())
    assert "Content-Length" not in got.headers and got.headers["Transfer-Encoding"] == "chunked"
    assert not got.headers["Content-Type"] and got.body.startswith(b"PK")


@behaviour({"shape": "realistic", "spelling": {"elements": "id"}})
async def test_the_outputs_of_an_insight_may_have_ids(other: Caller) -> None:
    """Insight outputs may be selected by id instead of by name."""
    valid = other.valid["insights.request_download"]
    output = (await other.do("insights.list")).json["insights"][0]["output"][0]
    by_id = await other.call("PUT", valid.path, json={"outputs": [output["id"]]})
    by_name = await other.call("PUT", valid.path, json={"outputs": [output["name"]]})
    assert (by_id.status, by_name.status) == (200, 400)


@behaviour(
    {"spelling": {"error_codes": "upper"}},
    {"spelling": {"error_codes": "status"}},
    {"spelling": {"error_codes": "none"}},
)
async def test_codes_of_errors_may_be_anything(other: Caller) -> None:
    """Error codes may be upper case, the status, or absent."""
    code = (await other.call("GET", "/v0/orders/x")).json["error"]["code"]
    assert code == {"upper": "NOT_FOUND", "status": "404", "none": ""}[other.sandbox.behaviour.spelling.error_codes]


@behaviour({"calls_at_once": 1})
async def test_concurrent_calls_may_be_limited(other: Caller) -> None:
    """A second concurrent call may be a 429."""
    sandbox = other.sandbox
    sandbox.inject(Fault(route="projects.list", kind="latency", seconds=10))
    first = asyncio.create_task(other.do("projects.list"))
    await sandbox.wait_for_requests("projects.list")
    assert (await other.do("projects.list")).status == 429
    await sandbox.advance(10)
    assert (await first).status == 200


@behaviour({"answer_within": 5})
async def test_a_gateway_may_time_out(other: Caller) -> None:
    """A gateway may answer 504 with HTML after five seconds."""
    other.sandbox.inject(Fault(route="projects.list", kind="latency", seconds=10))
    call = asyncio.create_task(other.do("projects.list"))
    await other.sandbox.wait_for_requests("projects.list")
    await other.sandbox.advance(5)
    got = await call
    assert (got.status, got.headers["Content-Type"]) == (504, "text/html")


@pytest.mark.parametrize(
    ("form", "query"),
    [
        ("commas", "project_ids={},{}"),
        ("repeated", "project_ids={}&project_ids={}"),
        ("brackets", "project_ids[]={}&project_ids[]={}"),
    ],
)
async def test_a_filter_is_given_several_values(form: str, query: str, session: aiohttp.ClientSession) -> None:
    """A filter takes several values, separated by commas, repeated, or with brackets."""
    async with Sandbox(profile={"lists": form}) as sandbox:
        first, second, third = sandbox.world.projects
        caller = Caller(sandbox, session)
        for ids, count in (((first, second), 2), ((second, third), 0)):
            got = await caller.call("GET", f"/v0/aois?{query.format(*ids)}")
            assert got.json["pagination"]["total"] == count


@pytest.mark.parametrize(("form", "mark"), [("comma", ","), ("slash", "/"), ("dots", "..")])
async def test_a_span_of_times_or_areas(form: str, mark: str, session: aiohttp.ClientSession) -> None:
    """A span includes both ends, each end may be omitted, and an invalid one is refused."""
    async with Sandbox(profile={"spans": form}) as sandbox:
        caller = Caller(sandbox, session)
        row = (await caller.do("order_items.list")).json["order_items"][0]
        area, day = row["area"], row["created_at"][:10]
        for query, status, count in (
            (f"area={area}{mark}{area}", 200, 1),
            (f"area={mark}{area - 1}", 200, 0),
            (f"area={area}{mark}", 200, 1),
            (f"created_at={day}{mark}2099-01-01", 200, 1),
            (f"created_at=2099-01-01{mark}", 200, 0),
            (f"created_at={day}", 200, 1),
            (f"area=few{mark}many", 400, 0),
        ):
            got = await caller.call("GET", f"/v0/order-items?{query}")
            assert (got.status, len((got.json or {}).get("order_items", ()))) == (status, count), query


@behaviour({"created_on": "day"}, {"created_on": "instant"})
async def test_created_on_is_a_day_or_an_instant(other: Caller) -> None:
    """created_on is a day or an instant."""
    row = (await other.do("jobs.list")).json["jobs"][0]
    path = other.valid["jobs.list"].path
    instants = ((row["created_at"], True), (row["created_at"][:10] + "T00:00:00Z", None), ("1999-01-01", False))
    for value, found in instants:
        rows = (await other.call("GET", f"{path}?created_on={value}")).json["jobs"]
        assert (row in rows) is (other.sandbox.behaviour.created_on == "day" if found is None else found)


@pytest.mark.slow
@behaviour({"search_on": "none"}, {"search_on": "skip"}, {"search_on": "token", "spelling": {"items_by": "number"}})
async def test_the_client_reads_an_image_search(other: Caller) -> None:
    """The client reads an image search completely, or the first page and then raises IncompleteListing."""
    body = other.valid["search.images"].body
    found: list[str | None] = []
    async with PixxelClient(other.sandbox.api_key, base_url=other.sandbox.url) as client:
        with suppress(IncompleteListing):
            async for row in client.search.images(**body):
                found.append(row.id)  # noqa: PERF401 - kept when the listing breaks off
    whole = (await other.do("search.images", json={**body, "limit": 1000})).json["pagination"]["total"]
    assert len(found) == len(set(found)) == (3 if other.sandbox.behaviour.search_on == "none" else whole)


@behaviour(
    {
        "firefly": True,
        "picture_scale": 2,
        "zones": "offset",
        "spelling": {"images_by": "id", "report_columns": "titles"},
    }
)
async def test_other_forms(other: Caller) -> None:
    """Image keys, satellites, picture sizes, report headings and time zones may have other forms."""
    images = (await other.do("aois.list")).json["aois"][0]["images"]
    assert all(key.count("-") == 4 for key in images)
    names = [row["name"] for row in (await other.do("satellites.list")).json["satellites"]]
    assert "Pixxel-FF01" in names
    assert (await other.call("GET", "/v0/archives/collections/pixxel-ff-l2a/items")).json["features"] == []
    wide, high = struct.unpack(">II", (await other.do("visualizations.png")).body[16:24])
    assert (wide, high) == (2 * 256 + 16, 2 * 64)
    assert (await other.do("reports.orders")).status == 400
    report = (await other.do("reports.orders", params={"tz": "+05:30"})).body.decode()
    assert report.startswith("Id,Order Id,Name,") and "+05:30" in report.splitlines()[1]


@behaviour({"spelling": {"time_taken": "clock"}}, {"spelling": {"time_taken": "seconds"}})
async def test_a_duration_may_be_written_otherwise(other: Caller) -> None:
    """A duration may be written like a clock or in seconds."""
    row = (await other.do("jobs.list")).json["jobs"][0]
    assert row["time_taken"] == {"clock": "00:04:00", "seconds": "240"}[other.sandbox.behaviour.spelling.time_taken]
