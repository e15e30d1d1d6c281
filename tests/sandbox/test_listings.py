"""Paging, defaults and filters of the listings."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import Caller
from tests.sandbox.valid_requests import new_aoi


async def test_workflows_are_paged_by_offset_with_a_total(caller: Caller) -> None:
    """Workflows are paged by offset with a total, 50 by default."""
    whole = (await caller.call("GET", "/v0/workflows")).json
    assert whole["pagination"] == {"limit": 50, "offset": 0, "total": 4}
    first = (await caller.call("GET", "/v0/workflows?limit=3")).json
    second = (await caller.call("GET", "/v0/workflows?limit=3&offset=3")).json
    assert first["workflows"] + second["workflows"] == whole["workflows"]
    assert second["pagination"] == {"limit": 3, "offset": 3, "total": 4}


async def test_aois_come_ten_at_a_time(caller: Caller) -> None:
    """AOIs, assets, indices and visualizations have a default page of 10."""
    for nth in range(10):
        await caller.do("aois.create", json=new_aoi(caller.sandbox, f"AOI {nth}"))
    page = (await caller.call("GET", "/v0/aois")).json
    assert len(page["aois"]) == 10 and page["pagination"] == {"limit": 10, "offset": 0, "total": 12}


async def test_projects_are_paged_by_number_from_one(caller: Caller) -> None:
    """Projects are paged by number from 1, and `count` is the total."""
    pages = [(await caller.call("GET", f"/v0/projects?page_num={n}&page_size=2")).json for n in (1, 2, 3)]
    assert [len(page["projects"]) for page in pages] == [2, 1, 0]
    assert {page["count"] for page in pages} == {3}


async def test_the_catalog_shows_two_unless_asked(caller: Caller) -> None:
    """The catalog search has a default page of 2."""
    await caller.do("orders.create")
    await caller.sandbox.advance(minutes=1)
    page = (await caller.do("catalogs.search", json={})).json
    assert len(page["catalogs"]) == 2 and page["pagination"]["total"] == 3


async def test_archive_items_end_with_an_empty_page(caller: Caller) -> None:
    """Archive items have no total and end with an empty page, each scene once."""
    ids: list[str] = []
    while page := (await _items(caller, len(ids)))["features"]:
        ids += [item["id"] for item in page]
    assert len(ids) == len(set(ids)) == 64


async def _items(caller: Caller, offset: int) -> dict[str, list[dict[str, str]]]:
    path = f"/v0/archives/collections/sentinel-2-l2a/items?limit=30&offset={offset}"
    found: dict[str, list[dict[str, str]]] = (await caller.call("GET", path)).json
    return found


async def test_jobs_come_all_at_once_and_are_filtered(caller: Caller) -> None:
    """Jobs are listed in full, and filtered by id, status and day."""
    workflows = list(caller.sandbox.world.workflows)
    jobs = (await caller.call("GET", f"/v0/workflows/{workflows[1]}/jobs")).json["jobs"]
    assert len(jobs) == 60
    one = (await caller.call("GET", f"/v0/workflows/{workflows[1]}/jobs?id={jobs[7]['id']}")).json["jobs"]
    assert one == [jobs[7]]
    day = jobs[7]["created_at"][:10]
    same = (await caller.call("GET", f"/v0/workflows/{workflows[1]}/jobs?created_on={day}T00:00:00Z")).json["jobs"]
    assert same == [jobs[7]]
    assert (await caller.call("GET", f"/v0/workflows/{workflows[2]}/jobs")).json == {"jobs": []}


@pytest.mark.parametrize(("status", "count"), [("completed", 4), ("running", 1), ("failed", 1), ("nonsense", 0)])
async def test_the_first_workflow_has_jobs_in_every_state(caller: Caller, status: str, count: int) -> None:
    """The first workflow has four completed, one running and one failed job."""
    path = caller.valid["jobs.list"].path
    assert len((await caller.call("GET", f"{path}?status={status}")).json["jobs"]) == count


async def test_lists_in_the_query_are_joined_by_commas(caller: Caller) -> None:
    """project_ids and ids take several ids, separated by commas."""
    first, second, _ = caller.sandbox.world.projects
    assert (await caller.call("GET", f"/v0/aois?project_ids={first},{second}")).json["pagination"]["total"] == 2
    assert (await caller.call("GET", f"/v0/aois?project_ids={second}")).json["aois"] == []
    named = (await caller.call("GET", "/v0/archives/collections?ids=pixxel-td2,sentinel-2-l2a")).json["collections"]
    assert [one["id"] for one in named] == ["pixxel-td2", "sentinel-2-l2a"]


async def test_a_search_filters_by_place_time_and_properties_and_sorts(caller: Caller) -> None:
    """A search applies all conditions on place, time and properties, and sorts."""
    body = {
        "intersects": {"type": "Point", "coordinates": [75.34, 30.91]},
        "datetime": "2024-06-01T00:00:00Z/..",
        "collections": ["sentinel-2-l2a"],
        "query": {"eo:cloud_cover": {"lt": 60}},
        "sortby": [{"field": "properties->>'datetime'", "direction": "desc"}],
        "limit": 100,
    }
    found = (await caller.do("archives.search", json=body)).json["features"]
    times = [item["properties"]["datetime"] for item in found]
    assert found and times == sorted(times, reverse=True) and min(times) > "2024-06-01"
    assert {item["collection"] for item in found} == {"sentinel-2-l2a"}
    assert max(item["properties"]["eo:cloud_cover"] for item in found) < 60
    without = (await caller.do("archives.search", json={**body, "query": {}})).json["features"]
    assert len(without) > len(found)


async def test_the_image_search_answers_with_a_map_and_the_number_of_all(caller: Caller) -> None:
    """The image search returns a mapping by scene id, with a total that may exceed `limit`."""
    got = (await caller.do("search.images")).json
    assert all(item["id"] == key for key, item in got["items"].items())
    assert len(got["items"]) == 3 < got["pagination"]["total"]


@pytest.mark.parametrize("direction", ["asc", "desc"])
async def test_a_catalog_is_sorted_by_field_and_direction_too(caller: Caller, direction: str) -> None:
    """The catalog is sorted by field and direction, as in the vendor's sample."""
    await caller.do("orders.create")
    await caller.sandbox.advance(minutes=1)
    body = {"limit": 50, "sort_by": [{"field": "properties->>'datetime'", "direction": direction}]}
    rows = (await caller.do("catalogs.search", json=body)).json["catalogs"]
    times = [row["details"]["properties"]["datetime"] for row in rows]
    assert len(times) == 3 and times == sorted(times, reverse=direction == "desc")


async def test_a_catalog_entry_shows_its_delivery(caller: Caller) -> None:
    """A catalog entry shows the status of its delivery, or UNSPECIFIED."""
    await caller.do("deliveries.create")
    await caller.sandbox.advance(minutes=1)
    rows = (await caller.do("catalogs.search", json={"limit": 50})).json["catalogs"]
    assert [row["delivery_status"] for row in rows] == ["SUCCESS", "UNSPECIFIED"]
