"""Orders, their items and tasks, and catalog entries as JSON rows."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from ...clock import at, offset, zulu
from ...rules.ids import uuid
from .imagery import SATELLITES
from .orders import OrderEntry, OrderLine, SandboxOrder
from .stac import scene_item, scene_outline

Row = dict[str, Any]


def order_row(order: SandboxOrder, now: float, bandsets: Mapping[str, Row]) -> Row:
    """Render the order with its items, without their tasks; `bandsets` are the known ones by id."""
    return {
        "id": order.id,
        "org_id": order.org_id,
        "user_id": order.user_id,
        "created_by": order.user_id,
        "updated_by": order.user_id,
        "created_at": offset(order.placed),
        "updated_at": offset(order.placed),
        "paid_at": "" if order.dry else offset(order.placed),
        "status": "UNPAID" if order.dry else "PAID",
        "total_amount": sum(line.final for line in order.lines),
        "transaction_id": "" if order.dry else uuid(order.id, "transaction"),
        "order_items": [line_row(order, line, now, bandsets) for line in order.lines],
    }


def line_row(order: SandboxOrder, line: OrderLine, now: float, bandsets: Mapping[str, Row]) -> Row:
    """Render one item of an order; `bandsets` are the known ones by id."""
    item, state = line.item, "DRAFT" if order.dry else "FULFILLED" if order.fulfilled(now) else "ACTIVE"
    bandset = (item.get("bandset") or {}).get("bandset_id", "")
    bands = bandsets[bandset]["bands"] if bandset in bandsets else []
    return {
        **_price_members(order, line),
        "id": line.id,
        "order_id": order.id,
        "org_id": order.org_id,
        "user_id": order.user_id,
        "project_id": item["project_id"],
        "name": item.get("name", ""),
        "type": line.kind,
        "status": state,
        "usecase": item["usecase"],
        "area": line.area,
        "bandset": {"bandset_id": bandset, "bands": bands, "custom": []},
        "number_of_bands": len(bands or SATELLITES[0].bands),
        "image_type": "VNIR",
        "images": [{"item_id": scene.id, "geometry": scene_outline(scene)} for scene in line.scenes],
        "cloud_cover": item["cloud_cover"],
        "off_nadir": item["off_nadir"],
        "cloud_delivery": {"config": "", "path": ""} | (item.get("cloud_delivery") or {}),
        "delivery_speed": item["delivery_speed"],
        "recurrence": item["recurrence"],
        "no_of_occurrences": item.get("no_of_occurrences") or 0,
        "occurrences": line.occurrences,
        "start_date": item.get("start_date", ""),
        "end_date": item.get("end_date", ""),
        "feasibility_status": line.feasibility,
        "last_feasibility_check": zulu(order.placed),
        "created_at": zulu(order.placed),
        "created_by": order.user_id,
        "updated_at": zulu(order.placed),
        "updated_by": order.user_id,
    }


def _price_members(order: SandboxOrder, line: OrderLine) -> Row:
    return {
        "base_amount": line.base,
        "final_amount": line.final,
        "uplifts": line.uplifts,
        "tokens_used": 0 if order.dry else line.final,
        "payment_status": "UNPAID" if order.dry else "PAID",
        "transaction_id": "" if order.dry else uuid(order.id, "transaction"),
    }


def task_rows(order: SandboxOrder, line: OrderLine, now: float, delivery: str) -> list[Row]:
    """Render the tasks of an item; `delivery` is the status of the automated delivery, empty where none is wanted."""
    delivered = {"delivery_status": delivery} if delivery else {}
    done, day = order.fulfilled(now), f"{at(order.placed):%d-%m-%Y}"
    return [
        {
            "id": id,
            "order_item_id": line.id,
            "type": "ARCHIVE" if line.kind == "ARCHIVE" else "TASKING",
            "status": "FULFILLED" if done else "IN_PROGRESS",
            "start_date": day,
            "end_date": day,
            **delivered,
            "number_of_strips": 1,
            "tokens_used": line.final // len(line.task_ids()),
            "transaction_id": uuid(order.id, "transaction"),
            "created_at": zulu(order.placed),
            "created_by": order.user_id,
            "updated_at": zulu(order.placed),
            "updated_by": order.user_id,
        }
        for id in line.task_ids()
    ]


def entry_row(entry: OrderEntry, delivery: str, storage: str) -> Row:
    """Render a catalog entry with the status of its last delivery and the origin of the storage."""
    when = zulu(entry.order.placed + entry.order.seconds)
    return {
        "id": entry.id,
        "org_id": entry.order.org_id,
        "task_id": entry.task_id,
        "bandset_id": (entry.line.item.get("bandset") or {}).get("bandset_id", ""),
        "area": entry.line.area,
        "delivery_status": delivery,
        "details": scene_item(entry.scene, storage, older=True),
        "created_at": when,
        "created_by": entry.order.user_id,
        "updated_at": when,
        "updated_by": entry.order.user_id,
    }


def delivery_status(order: SandboxOrder, line: OrderLine, stores: Container[str], now: float) -> str:
    """Return the status of the delivery that an item asks for, which fails without its store; empty if it asks none."""
    store = (line.item.get("cloud_delivery") or {}).get("config")
    if not store:
        return ""
    return status_of_delivery(order.placed + order.seconds, order.seconds, now) if store in stores else "FAILED"


def status_of_delivery(started_at: float, seconds: float, now: float) -> str:
    """Return the status at `now` of a delivery that began at `started_at` and takes so many seconds."""
    return "SUCCESS" if now >= started_at + seconds else "IN_PROGRESS" if now > started_at else "CREATED"
