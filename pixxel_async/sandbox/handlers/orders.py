"""Orders, their items, and the report of all orders."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..answers import invalid, not_found, plain
from ..clock import at
from ..data.entities.order_rows import delivery_status, line_row, order_row, task_rows
from ..data.entities.orders import OrderLine, SandboxOrder
from ..data.world import Row, World
from ..routes import Ask
from ..rules.geometry import rings
from ..rules.rows import match_rows, page, select_between, select_rows, split_values
from .archives import bandsets

_PAGE = 50
"""ASSUMPTION: the vendor names no default for orders and their items."""
_AHEAD = 86_400
"""Seconds that tasking must be ordered ahead. Source: the vendor's tasking guide."""
_DEFAULTS = {"cloud_cover": 20, "off_nadir": 20, "recurrence": "ONCE", "delivery_speed": "STANDARD"}
_MARKS = {"comma": ",", "slash": "/", "dots": ".."}
_COLUMNS = ("id", "order_id", "name", "type", "status", "project_id", "area", "final_amount", "created_at")


def list_orders(world: World, ask: Ask) -> Any:
    """Return a page of orders."""
    rows = [order_row(order, ask.now, bandsets(world)) for order in world.orders.values()]
    rows = match_rows(rows, {"user_id": ask.query.get("user_id")})
    listed, pagination = page(rows, ask.query.get("limit"), ask.query.get("offset"), _PAGE)
    return {"orders": listed, "pagination": pagination}


def create_order(world: World, ask: Ask) -> Any:
    """Place an order; a dry run returns the same without placing it."""
    dry, items = bool(ask.body.get("dry_run")), ask.body["order_items"]
    if not items:
        raise invalid("order_items must not be empty")
    for item in items:
        _check(world, item, ask.now)
    kind = "dry order" if dry else "order"
    lines = tuple(_line(world, kind, item, ask.now) for item in items)
    order = SandboxOrder(world.new_id(kind), world.user_id, world.org_id, lines, ask.now, world.job_seconds, dry)
    if not dry:
        world.orders[order.id] = order
    return order_row(order, ask.now, bandsets(world))


def _line(world: World, kind: str, item: Row, now: float) -> OrderLine:
    members = {name: value for name, value in item.items() if value is not None}
    scenes = tuple(world.scenes[id] for id in members.get("item_ids", ()))
    return OrderLine(world.new_id(f"{kind} item"), _DEFAULTS | members, scenes, now)


def _check(world: World, item: Row, now: float) -> None:
    world.project(item["project_id"])
    features = item["geometry"].get("features") or []
    if not any(rings(feature.get("geometry") or {}) for feature in features):
        raise invalid("geometry must hold a feature with a Polygon or a MultiPolygon")
    if unknown := [id for id in item.get("item_ids") or () if id not in world.scenes]:
        raise invalid(f"unknown item {unknown[0]}")
    if not item.get("item_ids"):
        _check_tasking(item, now)


def _check_tasking(item: Row, now: float) -> None:
    if not (item.get("bandset") or {}).get("bandset_id"):
        raise invalid("bandset.bandset_id is required for tasking")
    start, end = _time(item, "start_date"), _time(item, "end_date")
    if start < now + _AHEAD:
        raise invalid("start_date must be at least 24 hours ahead")
    if end <= start:
        raise invalid("end_date must be later than start_date")


def _time(item: Row, name: str) -> float:
    try:
        read = datetime.fromisoformat(item.get(name) or "")
    except ValueError:
        raise invalid(f"{name} must be a time") from None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def get_order(world: World, ask: Ask) -> Any:
    """Return an order."""
    id = ask.path["order_id"]
    if id not in world.orders:
        raise not_found("order", id)
    return order_row(world.orders[id], ask.now, bandsets(world))


def list_items(world: World, ask: Ask) -> Any:
    """Return a page of order items."""
    query = ask.query
    rows = [_full(world, order, line, ask.now) for order, line in world.lines()]
    rows = match_rows(rows, {name: query.get(name) for name in ("user_id", "type", "status", "created_by")})
    for member in ("created_at", "area"):
        rows = _select_span(rows, member, query.get(member), world.behaviour.spans)
    for member, listed in (("order_id", "order_ids"), ("id", "ids"), ("project_id", "project_ids")):
        rows = select_rows(rows, member, split_values(ask.pairs, listed, world.behaviour.lists))
    order_items, pagination = page(rows, query.get("limit"), query.get("offset"), _PAGE)
    return {"order_items": order_items, "pagination": pagination}


def _select_span(rows: list[Row], member: str, span: str | None, form: str) -> list[Row]:
    """Return the rows within a span such as `2025-01-01/2025-02-01`, or `10,50`."""
    try:
        return select_between(rows, member, span, _MARKS[form])
    except ValueError as error:
        raise invalid(str(error)) from None


def _full(world: World, order: SandboxOrder, line: OrderLine, now: float) -> Row:
    tasks = task_rows(order, line, now, delivery_status(order, line, world.stores, now))
    return {**line_row(order, line, now, bandsets(world)), "tasks": tasks, "validation_errors": line.problems}


def get_item(world: World, ask: Ask) -> Any:
    """Return an order item with its tasks."""
    for order, line in world.lines():
        if line.id == ask.path["order_item_id"]:
            return _full(world, order, line, ask.now)
    raise not_found("order item", ask.path["order_item_id"])


def report(world: World, ask: Ask) -> Any:
    """Render all order items as CSV, with times in the requested zone."""
    zone, behaviour, text = (
        _parse_zone(ask.query.get("tz") or "", world.behaviour.zones),
        world.behaviour,
        io.StringIO(),
    )
    table = csv.DictWriter(text, _COLUMNS, extrasaction="ignore", lineterminator="\r\n")
    titled = behaviour.spelling.report_columns == "titles"
    table.writerow({name: name.replace("_", " ").title() if titled else name for name in _COLUMNS})
    for order, line in world.lines():
        placed = at(order.placed).astimezone(zone).isoformat(timespec="seconds")
        table.writerow({**line_row(order, line, ask.now, {}), "created_at": placed})
    return plain(200, text.getvalue().encode("utf-8-sig" if behaviour.spelling.report_mark else "utf-8"), "text/csv")


def _parse_zone(name: str, form: str) -> tzinfo:
    """Parse a time zone name such as `Asia/Kolkata`, or an offset such as `+05:30`."""
    # ASSUMPTION: UTC when none is named.
    try:
        if not name:
            return UTC
        if form == "name":
            return ZoneInfo(name)
        return datetime.strptime(name.strip(), "%z").tzinfo or UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid(f"tz {name} is not a time zone") from None


HANDLERS = {
    "orders.list": list_orders,
    "orders.create": create_order,
    "orders.get": get_order,
    "order_items.list": list_items,
    "order_items.get": get_item,
    "reports.orders": report,
}
