"""Orders, their items and tasks, and the resulting catalog entries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from ...clock import at
from ...rules.geometry import area, box
from ...rules.ids import tag, uuid
from ..contents import SceneLocation
from .imagery import SATELLITES, Scene

Row = dict[str, Any]
LEAST_KM2 = 100
"""Smallest billed area of a tasking order. Source: the vendor's tasking guide."""
TOKENS_PER_KM2 = 4
"""ASSUMPTION: no price list is published."""
_ASSURED = 1.25


@frozen
class OrderLine:
    """One item of an order.

    Attributes:
        id: as in the API.
        wanted: the item as sent, with defaults.
        scenes: archive scenes that it buys; empty for tasking.
    """

    id: str
    wanted: Mapping[str, Any]
    scenes: tuple[Scene, ...]

    @property
    def kind(self) -> str:
        """Return `ARCHIVE` if scenes are named, `RECURRING` if it repeats, else `TASKING`."""
        if self.wanted.get("item_ids"):
            return "ARCHIVE"
        return "TASKING" if self.wanted["recurrence"] in ("ONCE", "NOT_APPLICABLE") else "RECURRING"

    @property
    def geometries(self) -> list[Row]:
        """Return the geometries of its features."""
        features = self.wanted["geometry"].get("features", [])
        return [feature["geometry"] for feature in features if isinstance(feature.get("geometry"), dict)]

    @property
    def area(self) -> int:
        """Return its area in whole square kilometres."""
        return max(1, round(sum(area(one) for one in self.geometries) / 1e6))

    @property
    def base(self) -> int:
        """Return the tokens before uplifts."""
        billed = self.area if self.kind == "ARCHIVE" else max(LEAST_KM2, self.area)
        times = int(self.wanted.get("no_of_occurrences") or 1)
        return billed * TOKENS_PER_KM2 * max(1, len(self.scenes), times)

    @property
    def final(self) -> int:
        """Return the tokens with uplifts."""
        return self.base + sum(int(uplift["amount"]) for uplift in self.uplifts)

    @property
    def uplifts(self) -> list[Row]:
        """Return the uplifts for priority."""
        if self.wanted["delivery_speed"] in ("STANDARD", "NOT_APPLICABLE"):
            return []
        amount = round(self.base * (_ASSURED - 1))
        told = {"title": self.wanted["delivery_speed"], "subtitle": "faster delivery"}
        return [{**told, "item_id": self.id, "percentage": 25, "amount": amount}]

    def task_ids(self) -> list[str]:
        """Return one task id for each scene, or one for tasking."""
        return [uuid(self.id, "task", nth) for nth in range(max(1, len(self.scenes)))]


@frozen
class SandboxOrder:
    """An order with its items.

    Attributes:
        id, user_id, org_id: as in the API.
        lines: its items.
        placed: when, in seconds since 1970.
        seconds: time until it is fulfilled.
        dry: whether it only asks for the price.
    """

    id: str
    user_id: str
    org_id: str
    lines: tuple[OrderLine, ...]
    placed: float
    seconds: float
    dry: bool = False

    @property
    def item_ids(self) -> list[str]:
        """Return the ids of its items, in order."""
        return [line.id for line in self.lines]

    @property
    def task_ids(self) -> list[str]:
        """Return the ids of all its items' tasks, in order."""
        return [id for line in self.lines for id in line.task_ids()]

    @property
    def catalog_ids(self) -> list[str]:
        """Return the catalog ids of its images once it is fulfilled."""
        return [_entry_id(task) for task in self.task_ids]

    def fulfilled(self, now: float) -> bool:
        """Tell whether its imagery is in the catalog."""
        return not self.dry and now >= self.placed + self.seconds


@frozen
class OrderEntry:
    """One image in the organization's catalog: the result of a fulfilled task."""

    id: str
    order: SandboxOrder
    line: OrderLine
    task_id: str
    scene: Scene


def entries(order: SandboxOrder, now: float) -> list[OrderEntry]:
    """Return the catalog entries of a fulfilled order; none before."""
    if not order.fulfilled(now):
        return []
    return [
        OrderEntry(_entry_id(task), order, line, task, scene)
        for line in order.lines
        for task, scene in zip(line.task_ids(), line.scenes or (_tasked(order, line),), strict=True)
    ]


def _entry_id(task: str) -> str:
    return uuid(task, "catalog")


def _tasked(order: SandboxOrder, line: OrderLine) -> Scene:
    west, south, east, north = next((found for one in line.geometries if (found := box(one))), (0.0, 0.0, 0.0, 0.0))
    place = SceneLocation(
        line.wanted.get("name") or "tasked", round((west + east) / 2, 6), round((south + north) / 2, 6)
    )
    taken = order.placed + order.seconds
    code = int(tag(line.id)[1:7], 16) % 10**6
    return Scene(
        f"TD1_{code:06}_{at(taken):%Y%m%d}_L2A_{at(taken):%Y%m%d}_03001012", SATELLITES[0], place, taken, 5.0, 3.0
    )
