"""A valid request for each operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from pixxel_async.sandbox import Sandbox
from pixxel_async.sandbox.data.entities.areas import assets

SQUARE = {"type": "Polygon", "coordinates": [[[75.3, 30.9], [75.4, 30.9], [75.4, 31.0], [75.3, 31.0], [75.3, 30.9]]]}
MAKERS = ("stores.create", "assets.request_download", "catalogs.request_download")
"""Operations whose result others need: `{stores.create}` in a request stands for the id of what that one made."""
COLLECTION = {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": SQUARE}]}


@frozen
class Valid:
    """A valid request: path with its arguments, query and body."""

    method: str
    path: str
    query: Mapping[str, str] = field(factory=dict)
    body: Any = None


def requests(sandbox: Sandbox) -> dict[str, Valid]:
    """Return a valid request per operation, each independent of the others, for a new sandbox."""
    world = sandbox.world
    project = next(iter(world.projects))
    workflow = next(iter(world.workflows))
    run = next(iter(world.runs[workflow].values()))
    job = f"/v0/workflows/{workflow}/jobs/{run.id}"
    area = next(iter(world.areas.values()))
    aoi, aois = f"/v0/aoi/{area.id}", f"/v0/aois/{area.id}"
    insight = f"{aoi}/insights/{next(iter(world.insights))}"
    picture = next(iter(world.pictures.values()))
    shown = f"{aois}/visualizations/{picture.id}"
    index, date = picture.index["id"], area.dates()[0]
    order = next(iter(world.orders.values()))
    entry = next(iter(world.catalog(sandbox.clock.now()).values()))
    scene = area.scenes[0]
    kept = f"/v0/archives/collections/{scene.satellite.collection}"
    satellite = {"collection_id": scene.satellite.collection, "satellite_id": scene.satellite.id}
    return {
        "ping": Valid("GET", "/ping"),
        "projects.list": Valid("GET", "/v0/projects"),
        "projects.get": Valid("GET", f"/v0/projects/{project}"),
        "aois.list": Valid("GET", "/v0/aois"),
        "aois.create": Valid("POST", "/v0/aois", body=new_aoi(sandbox)),
        "aois.get": Valid("GET", aoi),
        "search.images": Valid("POST", "/v0/search", body={
            "start_date": "2024-01-01T00:00:00Z", "end_date": "2025-12-31T00:00:00Z", "satellites": [satellite],
            "filters": [{"id": "eo:cloud_cover", "min": 0, "max": 90}], "geometry": area.geometry, "limit": 3,
        }),
        "satellites.list": Valid("GET", "/v0/satellites"),
        "indices.list": Valid("GET", "/v0/indices"),
        "indices.create": Valid("POST", "/v0/indices", body={
            "name": "Mine", "description": "", "expression": "(B08 - B04) / (B08 + B04)", "expression_type": "index",
            "colormap": "rplumbho", "rescale": [0, 1], "satellite_id": scene.satellite.id,
        }),
        "visualizations.list": Valid("GET", f"{aois}/visualizations"),
        "visualizations.create": Valid("POST", f"{aois}/visualizations", body={"index_id": list(world.indices)[1]}),
        "visualizations.update_metadata": Valid("PUT", f"{shown}/metadata", body={
            "visualization_mode": "dynamic", "dynamic_bins": 3,
            "legend": {date: [{"label": "low", "color": "#000000", "min": None, "max": None}]},
        }),
        "visualizations.rollback_metadata": Valid("PATCH", f"{shown}/metadata", body={
            "index_id": index, "dates": [date], "visualization_mode": "dynamic",
        }),
        "visualizations.png": Valid("POST", f"{shown}/png", body={
            "index_id": index, "date": date, "visualization_mode": "dynamic",
        }),
        "visualizations.sld": Valid("POST", f"{shown}/sld", body={
            "dates": [date], "visualization_modes": ["dynamic", "theoretical"],
        }),
        "blocks.list": Valid("GET", "/v0/blocks", {"mode": "insight"}),
        "blocks.list_versions": Valid("GET", "/v0/blocks/cropclassification"),
        "blocks.get": Valid("GET", "/v0/blocks/cropclassification/versions/1.0.0"),
        "insights.create": Valid("POST", f"{aoi}/insights", body={
            "block": {"name": "gap-filled-ndvi", "version": "1.0.0"}, "input": [{"name": "input_image"}],
        }),
        "insights.list": Valid("GET", f"{aoi}/insights"),
        "insights.request_download": Valid("PUT", f"{insight}/download", body={}),
        "insights.delete": Valid("DELETE", insight, {"project_id": area.project_id}),
        "assets.list": Valid("GET", f"{aois}/assets"),
        "assets.request_download": Valid("POST", f"{aois}/downloads", body={"asset_ids": asset_ids(sandbox)[:1]}),
        "assets.get_download": Valid("GET", f"{aois}/downloads/{{assets.request_download}}"),
        "workflows.list": Valid("GET", "/v0/workflows"),
        "workflows.get": Valid("GET", f"/v0/workflows/{workflow}", {"project_id": project}),
        "workflows.estimate": Valid("GET", f"/v0/workflows/{workflow}/estimate"),
        "jobs.list": Valid("GET", f"/v0/workflows/{workflow}/jobs"),
        "jobs.create": Valid("POST", f"/v0/workflows/{workflow}/jobs", {"project_id": project}),
        "jobs.get": Valid("GET", job),
        "jobs.request_download": Valid("PUT", f"{job}/download"),
        "tasks.request_download": Valid("PUT", f"{job}/tasks/{run.steps[0].id}/download"),
        "bandsets.list": Valid("GET", "/v0/bandsets"),
        "orders.list": Valid("GET", "/v0/orders"),
        "orders.create": Valid("POST", "/v0/orders", body={"order_items": [new_item(sandbox)]}),
        "orders.get": Valid("GET", f"/v0/orders/{order.id}"),
        "order_items.list": Valid("GET", "/v0/order-items"),
        "order_items.get": Valid("GET", f"/v0/order-items/{order.lines[0].id}"),
        "archives.list_collections": Valid("GET", "/v0/archives/collections"),
        "archives.get_collection": Valid("GET", kept),
        "archives.list_items": Valid("GET", f"{kept}/items"),
        "archives.get_item": Valid("GET", f"{kept}/items/{scene.id}"),
        "archives.search": Valid("POST", "/v0/archives/search", body={"bbox": [75.0, 30.0, 76.0, 31.5]}),
        "reports.orders": Valid("GET", "/v0/reports", {"tz": "Asia/Kolkata"}),
        "stores.list": Valid("GET", "/v0/stores"),
        "stores.create": Valid("POST", "/v0/stores", body=new_store("mine")),
        "stores.delete": Valid("DELETE", "/v0/stores/{stores.create}"),
        "deliveries.list": Valid("GET", "/v0/catalogs/deliveries"),
        "deliveries.create": Valid("POST", "/v0/catalogs/deliveries", body={"deliveries": [
            {"catalog_ids": [entry.id], "cloud_info": {"config": "{stores.create}", "path": "a/b"}},
        ]}),
        "catalogs.request_download": Valid("POST", "/v0/catalogs/download", body={"catalog_ids": [entry.id]}),
        "catalogs.get_download": Valid("GET", "/v0/catalogs/download/{catalogs.request_download}"),
        "catalogs.search": Valid("POST", "/v0/catalogs/search", body={"limit": 50}),
        "catalogs.get": Valid("GET", f"/v0/catalogs/{entry.id}"),
    }  # fmt: skip


def filled(valid: Valid, hole: str, text: str) -> Valid:
    """Return the request with a placeholder replaced by text."""

    def fill(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace(hole, text)
        if isinstance(value, dict):
            return {name: fill(one) for name, one in value.items()}
        return [fill(one) for one in value] if isinstance(value, list) else value

    return Valid(valid.method, fill(valid.path), valid.query, fill(valid.body))


def asset_ids(sandbox: Sandbox) -> list[str]:
    """Return the ids of the first AOI's assets."""
    area = next(iter(sandbox.world.areas.values()))
    return [asset["id"] for asset in assets(area, sandbox.clock.now())]


def new_aoi(sandbox: Sandbox, name: str = "New fields") -> dict[str, Any]:
    """Return a body for aois.create."""
    area = next(iter(sandbox.world.areas.values()))
    return {
        "name": name,
        "description": "",
        "satellite_id": area.satellite_id,
        "provider": "planetary",
        "project_id": area.project_id,
        "geometry": SQUARE,
        "item_ids": [scene.id for scene in area.scenes],
    }


def new_item(sandbox: Sandbox) -> dict[str, Any]:
    """Return an archive item for orders.create."""
    area = next(iter(sandbox.world.areas.values()))
    scenes = [scene.id for scene in area.scenes]
    return {"project_id": area.project_id, "usecase": "agriculture", "geometry": COLLECTION, "item_ids": scenes[:1]}


def new_store(name: str) -> dict[str, Any]:
    """Return a body for stores.create."""
    configs, secrets = {"bucket": "b", "region": "us-east-2"}, {"access_key_id": "a", "secret_access_key": "s3cr3t"}
    return {"name": name, "type": "S3", "configs": configs, "secrets": secrets}
