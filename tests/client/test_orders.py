"""Order items are validated before they are sent, because an order costs money."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pixxel_async import ConfigError
from pixxel_async.models import NewOrderItem, Recurrence
from tests.support.clients import ITEM, client_for
from tests.support.raw_server import RawServer, answer


class Shape:
    """An object with `__geo_interface__`, as shapely's geometries have."""

    __geo_interface__ = ITEM["geometry"]


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({}, r"order_items\[0\] lacks project_id, geometry, usecase; `NewOrderItem` describes"),
        ({"project_id": "p", "usecase": ""}, "lacks geometry, usecase"),
        (NewOrderItem.from_dict({"project_id": "p"}), "lacks geometry, usecase"),
        (None, "a NewOrderItem or a mapping of its members, not"),
        ({**ITEM, "geometry": {"type": "Polygon", "coordinates": []}}, "empty"),
    ],
)
async def test_missing_members_are_named_together(item: Any, message: str) -> None:
    """One error names all required members that are missing and the class that describes them."""
    async with RawServer(answer(body={"id": "o"})) as server, client_for(server.url) as client:
        with pytest.raises(ConfigError, match=message):
            await client.orders.create([item], dry_run=True)
    assert not server.requests


@pytest.mark.parametrize(
    "item",
    [
        {**ITEM, "geometry": Shape(), "recurrence": Recurrence.ONCE},
        NewOrderItem(project_id="p", usecase="agriculture", geometry=Shape(), recurrence="ONCE"),
    ],
)
async def test_items_are_models_or_mappings(item: Any) -> None:
    """Models and mappings send the same item, and both accept a geometry of any library."""
    async with RawServer(answer(body={"id": "o"})) as server, client_for(server.url) as client:
        await client.orders.create([item], dry_run=True)
    (sent,) = json.loads(server.requests[0].body)["order_items"]
    feature = {"type": "Feature", "geometry": ITEM["geometry"], "properties": {}}
    assert sent["geometry"] == {"type": "FeatureCollection", "features": [feature]}
    assert (sent["recurrence"], sent["usecase"]) == ("ONCE", "agriculture")


async def test_dates_inside_an_item_are_checked() -> None:
    """An invalid date is refused in items as in arguments."""
    async with RawServer(answer(body={"id": "o"})) as server, client_for(server.url) as client:
        with pytest.raises(ConfigError, match="start_date is not a date"):
            await client.orders.create([{**ITEM, "start_date": "soon"}], dry_run=True)
    assert not server.requests


async def test_a_required_argument_is_not_none() -> None:
    """`None` for a required argument raises ConfigError with the argument's name, before anything is sent."""
    async with RawServer(answer(body={"items": {}})) as server, client_for(server.url) as client:
        nowhere: Any = None
        with pytest.raises(ConfigError, match="geometry may not be None"):
            await client.search.images(start_date="2024-01-01", end_date="2024-02-01", satellites=[], geometry=nowhere)
    assert not server.requests
