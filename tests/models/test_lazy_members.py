"""The assets of a STAC item are decoded when they are read, and nobody can see a difference but in time."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from pixxel_async._http.codec.convert import Drift, read
from pixxel_async._http.codec.json_text import pack
from pixxel_async._http.codec.lazy import LazyMember, Pending
from pixxel_async.models import Catalog, STACItem
from tests.support.clients import client_for
from tests.support.raw_server import RawServer, answer

ASSETS = {
    f"B{number:02}": {"href": f"https://a.example/{number}", "eo:bands": [{"name": "B", "odd": 1}]}
    for number in range(3)
}
RAW = {"id": "i", "assets": ASSETS, "odd": 1, "properties": {"gsd": 5}}
DRIFT = {"STACItem.odd": 1}
WITH_ASSETS = {**DRIFT, "EOBand.odd": 3}


def pending(item: STACItem) -> bool:
    """Whether the assets of an item were not decoded yet."""
    member = vars(STACItem)["assets"]
    assert isinstance(member, LazyMember)
    return type(member.slot.__get__(item)) is Pending


def fresh(packed: bool, assets: Any = ASSETS) -> tuple[STACItem, Drift]:
    """An item as an answer gives it, whose assets are packed or parsed, and what counts its drift."""
    drift = Drift()
    raw = {**RAW, "assets": pack(assets) if packed else assets}
    return read(STACItem, raw, drift), drift


USES: dict[str, Callable[[STACItem], Any]] = {
    "equality": lambda item: item == STACItem.from_dict(RAW),
    "pickle": lambda item: pickle.loads(pickle.dumps(item)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "asdict": attrs.asdict,
    "evolve": lambda item: attrs.evolve(item, id="j"),
    "to_dict": lambda item: item.to_dict(),
    "repr": repr,
    "geo interface": lambda item: item.__geo_interface__,
    "extra": lambda item: item.extra,
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("use", USES)
def test_every_use_sees_the_decoded_assets(use: str, packed: bool) -> None:
    """Whatever reads the attributes of an item gets what an item read at once gives, and counts its drift once."""
    item, drift = fresh(packed)
    assert pending(item) and drift.members == DRIFT
    assert USES[use](item) == USES[use](STACItem.from_dict(RAW))
    assert not pending(item) and drift.members == WITH_ASSETS
    assert item.assets is item.assets and drift.members == WITH_ASSETS


@pytest.mark.parametrize("packed", [False, True])
def test_odd_assets_are_kept_in_extra(packed: bool) -> None:
    """An asset that is no object is left out, counted and given back by `to_dict`, whichever is read first."""
    odd = {**ASSETS, "bad": 7}
    for first in ("assets", "extra"):
        item, drift = fresh(packed, odd)
        getattr(item, first)
        assert item.assets.keys() == ASSETS.keys() and item.extra == {"odd": 1, "assets": odd}
        assert item.to_dict()["assets"] == odd and drift.members["STACItem.assets as dict"] == 1


def test_assets_can_be_set_and_deleted_unread() -> None:
    """An assignment takes the place of what was not decoded."""
    item, drift = fresh(packed=True)
    item.assets = {}
    assert item.assets == {} and drift.members == DRIFT
    del item.assets
    assert not hasattr(item, "assets")


def test_a_mapping_of_the_caller_is_read_at_once() -> None:
    """What `from_dict` was given may change afterwards, at any depth; the item does not."""
    raw = copy.deepcopy(RAW)
    item, row = STACItem.from_dict(raw), Catalog.from_dict({"details": raw})
    raw["assets"].clear()  # type: ignore[attr-defined]
    assert row.details is not None
    assert item.assets.keys() == row.details.assets.keys() == ASSETS.keys()


@pytest.mark.slow
async def test_large_and_small_answers_give_the_same_items() -> None:
    """Row by row, or parsed at once: the items are equal, and their drift is counted when it is read."""
    rows = [{**RAW, "id": f"{number:0400}"} for number in range(900)]
    pages = [answer(body={"features": part}) for part in (rows, rows, [], rows[:9], [])]
    async with RawServer(*pages[:1], *pages[1:]) as server, client_for(server.url) as client:
        large = list(await client.archives.search())
        assert all(map(pending, large)) and client.drift().members == {"STACItem.odd": 900}
        again = [item async for item in client.archives.search()]
        small = [item async for item in client.archives.search()]
        assert all(map(pending, [*again, *small])) and small == large[:9] and again == large
        assert client.drift().members == {"STACItem.odd": 1809, "EOBand.odd": 3 * 1809}
