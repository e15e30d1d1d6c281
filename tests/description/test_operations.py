"""The 55 operations: names, repeat classes and paging styles."""

from __future__ import annotations

import re
from collections import Counter

from tests.description.document import by_name, operations

TABLE = """
GET    /ping                                                         ping
GET    /v0/projects                                                  projects.list
GET    /v0/projects/{project_id}                                     projects.get
GET    /v0/aois                                                      aois.list
POST   /v0/aois                                                      aois.create
GET    /v0/aoi/{aoi_id}                                              aois.get
POST   /v0/search                                                    search.images
GET    /v0/satellites                                                satellites.list
GET    /v0/indices                                                   indices.list
POST   /v0/indices                                                   indices.create
GET    /v0/aois/{aoi_id}/visualizations                              visualizations.list
POST   /v0/aois/{aoi_id}/visualizations                              visualizations.create
PUT    /v0/aois/{aoi_id}/visualizations/{visualization_id}/metadata  visualizations.update_metadata
PATCH  /v0/aois/{aoi_id}/visualizations/{visualization_id}/metadata  visualizations.rollback_metadata
POST   /v0/aois/{aoi_id}/visualizations/{visualization_id}/png       visualizations.png
POST   /v0/aois/{aoi_id}/visualizations/{visualization_id}/sld       visualizations.sld
GET    /v0/blocks                                                    blocks.list
GET    /v0/blocks/{name}                                             blocks.list_versions
GET    /v0/blocks/{name}/versions/{version}                          blocks.get
GET    /v0/aoi/{aoi_id}/insights                                     insights.list
POST   /v0/aoi/{aoi_id}/insights                                     insights.create
PUT    /v0/aoi/{aoi_id}/insights/{insight_id}/download               insights.request_download
DELETE /v0/aoi/{aoi_id}/insights/{insight_id}                        insights.delete
GET    /v0/aois/{aoi_id}/assets                                      assets.list
POST   /v0/aois/{aoi_id}/downloads                                   assets.request_download
GET    /v0/aois/{aoi_id}/downloads/{download_id}                     assets.get_download
GET    /v0/workflows                                                 workflows.list
GET    /v0/workflows/{workflow_id}                                   workflows.get
GET    /v0/workflows/{workflow_id}/estimate                          workflows.estimate
GET    /v0/workflows/{workflow_id}/jobs                              jobs.list
POST   /v0/workflows/{workflow_id}/jobs                              jobs.create
GET    /v0/workflows/{workflow_id}/jobs/{job_id}                     jobs.get
PUT    /v0/workflows/{workflow_id}/jobs/{job_id}/download            jobs.request_download
PUT    /v0/workflows/{workflow_id}/jobs/{job_id}/tasks/{task_id}/download  tasks.request_download
GET    /v0/bandsets                                                  bandsets.list
GET    /v0/orders                                                    orders.list
POST   /v0/orders                                                    orders.create
GET    /v0/orders/{order_id}                                         orders.get
GET    /v0/order-items                                               order_items.list
GET    /v0/order-items/{order_item_id}                               order_items.get
GET    /v0/archives/collections                                      archives.list_collections
GET    /v0/archives/collections/{collection_id}                      archives.get_collection
GET    /v0/archives/collections/{collection_id}/items                archives.list_items
GET    /v0/archives/collections/{collection_id}/items/{item_id}      archives.get_item
POST   /v0/archives/search                                           archives.search
GET    /v0/reports                                                   reports.orders
GET    /v0/stores                                                    stores.list
POST   /v0/stores                                                    stores.create
DELETE /v0/stores/{store_id}                                         stores.delete
GET    /v0/catalogs/deliveries                                       deliveries.list
POST   /v0/catalogs/deliveries                                       deliveries.create
POST   /v0/catalogs/download                                         catalogs.request_download
GET    /v0/catalogs/download/{download_id}                           catalogs.get_download
POST   /v0/catalogs/search                                           catalogs.search
GET    /v0/catalogs/{catalog_id}                                     catalogs.get
"""
PAGING = {"offset": 7, "body-offset": 1, "offset-open": 1, "body-offset-open": 1, "page": 1, "skip": 1, "whole": 9}


def test_is_these_55_operations() -> None:
    """Names, methods and paths equal this table; they are public."""
    wanted = sorted(tuple(line.split()) for line in TABLE.strip().splitlines())
    assert sorted((method, path, each["operationId"]) for method, path, each in operations()) == wanted
    assert len(by_name()) == len(wanted) == 55


def test_names_are_resource_and_verb() -> None:
    """Every name is `resource.verb`, except `ping`."""
    assert [name for name in by_name() if not re.fullmatch(r"[a-z_]+\.[a-z_]+", name)] == ["ping"]
    assert len({name.partition(".")[0] for name in by_name()} - {"ping"}) == 20


def test_45_safe_7_once_3_paid() -> None:
    """Paid operations are never repeated, creating ones only if nothing was created, all others always."""
    classes = {name: each["x-repeat"] for name, each in by_name().items()}
    assert Counter(classes.values()) == {"safe": 45, "once": 7, "paid": 3}
    assert {name for name, kind in classes.items() if kind == "paid"} == {
        "orders.create",
        "jobs.create",
        "insights.create",
    }
    assert by_name()["orders.create"]["x-repeat-unless"] == {"dry_run": "safe"}


def test_lost_calls_can_be_reconciled() -> None:
    """Each once or paid operation names the listing that shows the outcome of a lost call, if there is one."""
    for name, each in by_name().items():
        reconcilable = each["x-repeat"] != "safe" and not name.endswith(".request_download")
        assert ("x-reconcile" in each) == reconcilable, name
        if reconcilable:
            found = re.fullmatch(r"client\.(\w+\.list)\(.*\)", each["x-reconcile"])
            assert found and found[1] in by_name(), name


def test_a_second_delete_finds_nothing_and_is_done() -> None:
    """Exactly the DELETE operations count 404 as success."""
    for method, path, each in operations():
        assert each.get("x-gone-is-done", False) == (method == "DELETE"), path


def test_21_listings() -> None:
    """Each paging style is used as often as the API has it."""
    assert Counter(each["x-paging"] for each in by_name().values() if "x-paging" in each) == PAGING
