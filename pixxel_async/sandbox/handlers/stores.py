"""Stores, and deliveries of catalog entries to them."""

from __future__ import annotations

from typing import Any

from ..answers import RequestRefused, not_found
from ..clock import zulu
from ..data.entities.order_rows import status_of_delivery
from ..data.world import Row, World
from ..routes import Ask
from ..rules.rows import match_rows
from .catalogs import choose_entries


def list_stores(world: World, ask: Ask) -> Any:
    """Return all stores, never with their secrets."""
    return {"stores": list(world.stores.values())}


def create_store(world: World, ask: Ask) -> Any:
    """Create a store; names are unique."""
    body = ask.body
    if any(row["name"] == body["name"] for row in world.stores.values()):
        raise RequestRefused(409, "conflict", f"a store with the name {body['name']} exists")
    row = {
        "id": world.new_id("store"),
        "name": body["name"],
        "type": body["type"],
        "configs": body["configs"],
        "labels": body.get("labels") or {},
        "created_at": zulu(ask.now),
        "updated_at": zulu(ask.now),
        "created_by": world.user_id,
    }
    world.stores[row["id"]] = row
    return row


def delete_store(world: World, ask: Ask) -> Any:
    """Delete a store."""
    if world.stores.pop(ask.path["store_id"], None) is None:
        raise not_found("store", ask.path["store_id"])


def list_deliveries(world: World, ask: Ask) -> Any:
    """Return all matching deliveries."""
    rows = [_delivery(world, row, ask.now) for row in world.deliveries]
    deliveries = match_rows(rows, {name: ask.query.get(name) for name in ("delivery_id", "catalog_id", "task_id")})
    item = ask.query.get("order_item_id")
    if item:
        catalog = world.catalog(ask.now)
        deliveries = [row for row in deliveries if catalog[row["catalog_id"]].line.id == item]
    return {"deliveries": deliveries}


def create_deliveries(world: World, ask: Ask) -> Any:
    """Start delivering catalog entries to stores."""
    created = [row for wish in ask.body["deliveries"] for row in _deliveries(world, wish, ask.now)]
    world.deliveries += created
    return {"deliveries": [_delivery(world, row, ask.now) for row in created]}


def _deliveries(world: World, wish: Row, now: float) -> list[Row]:
    store = wish["cloud_info"].get("config")
    if store not in world.stores:
        raise not_found("store", str(store))
    return [
        {
            "delivery_id": world.new_id("delivery"),
            "catalog_id": entry.id,
            "task_id": entry.task_id,
            "cloud_delivery": {"path": "", **wish["cloud_info"]},
            "target_path": f"{entry.order.id}/{entry.scene.id}.zip",
            "started_at": now,
            "created_by": world.user_id,
            "updated_by": world.user_id,
        }
        for entry in choose_entries(world, wish, now)
    ]


def _delivery(world: World, row: Row, now: float) -> Row:
    """Render a delivery; its status follows the clock."""
    started_at, ends = row["started_at"], row["started_at"] + world.job_seconds
    status = status_of_delivery(started_at, world.job_seconds, now)
    times = {"status": status, "created_at": zulu(started_at), "updated_at": zulu(min(now, ends))}
    return {**{name: value for name, value in row.items() if name != "started_at"}, **times}


HANDLERS = {
    "stores.list": list_stores,
    "stores.create": create_store,
    "stores.delete": delete_store,
    "deliveries.list": list_deliveries,
    "deliveries.create": create_deliveries,
}
