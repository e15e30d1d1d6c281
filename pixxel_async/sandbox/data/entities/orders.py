"""Orders, their items and tasks, and the resulting catalog entries."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from ...clock import at, offset
from ...rules.geometry import area, box, centre, metres_between
from ...rules.ids import tag, uuid
from ..contents import SceneLocation
from .imagery import SATELLITES, Scene

Row = dict[str, Any]
LEAST_KM2 = 100
"""Smallest billed area of a tasking order. Source: the vendor's tasking guide."""
TOKENS_PER_KM2 = 4
"""ASSUMPTION: no price list is published."""
_EXPEDITED = 20
"""Uplift in per cent for delivery within 24 hours. Source: the vendor's older tasking guide."""
_DAY = 86_400
_FLEXIBLE = 7
"""Days of a capture window from which on it costs no uplift."""
_WINDOWS = {2: ("Critical", 40), 6: ("Expedited", 25)}
"""Longest window in days, title and uplift in per cent. Source: the vendor's support page on tokens."""
_ASSURED = ("Assured", 50)
"""Title and uplift of a window of one day that is at least a week ahead. Source: the same page."""
_APART = 200_000
"""Metres between polygons beyond which an item is no valid order. Source: the vendor's tasking guide."""
_MONTHS = {"MONTHLY": 1, "BIMONTHLY": 2, "QUARTERLY": 3}


@frozen
class OrderLine:
    """One item of an order.

    Attributes:
        id: as in the API.
        item: the item as sent, with defaults.
        scenes: archive scenes that it buys; empty for tasking.
        placed: when, in seconds since 1970.
    """

    id: str
    item: Mapping[str, Any]
    scenes: tuple[Scene, ...]
    placed: float = 0.0

    @property
    def kind(self) -> str:
        """`ARCHIVE` if scenes are named, `RECURRING` if it repeats, else `TASKING`."""
        if self.item.get("item_ids"):
            return "ARCHIVE"
        return "TASKING" if self.item["recurrence"] in ("ONCE", "NOT_APPLICABLE") else "RECURRING"

    @property
    def geometries(self) -> list[Row]:
        """The geometries of its features."""
        features = self.item["geometry"].get("features", [])
        return [feature["geometry"] for feature in features if isinstance(feature.get("geometry"), dict)]

    @property
    def area(self) -> int:
        """Its area in whole square kilometres."""
        return max(1, round(sum(area(geometry) for geometry in self.geometries) / 1e6))

    @property
    def base(self) -> int:
        """The tokens before uplifts."""
        billed = self.area if self.kind == "ARCHIVE" else max(LEAST_KM2, self.area)
        times = int(self.item.get("no_of_occurrences") or 1)
        return billed * TOKENS_PER_KM2 * max(1, len(self.scenes), times)

    @property
    def final(self) -> int:
        """The tokens with uplifts."""
        return self.base + sum(int(uplift["amount"]) for uplift in self.uplifts)

    @property
    def uplifts(self) -> list[Row]:
        """The uplifts for a short capture window and for faster delivery, the latter for each archive scene."""
        uplifts = [] if self.kind == "ARCHIVE" else self._window_uplifts()
        speed = self.item["delivery_speed"]
        if speed not in ("STANDARD", "NOT_APPLICABLE"):
            ids = [scene.id for scene in self.scenes] or [""]
            uplifts += [_uplift(speed, "faster delivery", _EXPEDITED, self.base / len(ids), id) for id in ids]
        return uplifts

    def _window_uplifts(self) -> list[Row]:
        start, end = (_seconds(self.item.get(name)) for name in ("start_date", "end_date"))
        days = (end - start) / _DAY
        if not 0 < days < _FLEXIBLE:
            return []
        ahead = start - self.placed >= _FLEXIBLE * _DAY
        short = next((percent for most, percent in _WINDOWS.items() if days <= most), _WINDOWS[6])
        title, per_cent = _ASSURED if days <= 1 and ahead else short
        return [_uplift(title, f"capture within {days:g} days", per_cent, self.base)]

    @property
    def occurrences(self) -> list[Row]:
        """The capture windows of a recurring order."""
        if self.kind != "RECURRING":
            return []
        start, end = (_seconds(self.item.get(name)) for name in ("start_date", "end_date"))
        months = _MONTHS.get(self.item["recurrence"], 1)
        begins = [_add_months(start, months * at) for at in range(max(1, int(self.item.get("no_of_occurrences") or 1)))]
        return [{"start": offset(begin), "end": offset(begin + end - start)} for begin in begins]

    @property
    def feasibility(self) -> str:
        """Whether the capture is likely."""
        # ASSUMPTION: the limits are not documented; a stricter request is less likely to succeed.
        if self.kind == "ARCHIVE":
            return "NOT_APPLICABLE"
        cloud = int(self.item["cloud_cover"])
        return "FAILED" if cloud == 0 else "WEAK_SUCCESS" if cloud < 10 else "SUCCESS"

    @property
    def problems(self) -> list[dict[str, list[str]]]:
        """Validation errors of an accepted item, by member."""
        centres = [centre(geometry) for geometry in self.geometries]
        if self.kind == "ARCHIVE" or all(metres_between(centres[0], other) <= _APART for other in centres[1:]):
            return []
        return [{"geometry": ["polygons may be at most 200 km apart"]}]

    def task_ids(self) -> list[str]:
        """Return one task id for each scene, or one for tasking."""
        return [uuid(self.id, "task", nth) for nth in range(max(1, len(self.scenes)))]


def _uplift(title: str, subtitle: str, per_cent: int, base: float, item_id: str = "") -> Row:
    amount = round(base * per_cent / 100)
    return {"title": title, "subtitle": subtitle, "item_id": item_id, "percentage": per_cent, "amount": amount}


def _seconds(text: str | None) -> float:
    read = datetime.fromisoformat(text) if text else at(0.0)
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def _add_months(start: float, months: int) -> float:
    """Return the same time so many months later, on the last day of a shorter month."""
    first = at(start)
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    day = min(first.day, monthrange(year, month + 1)[1])
    return first.replace(year=year, month=month + 1, day=day).timestamp()


@frozen
class SandboxOrder:
    """An order with its items.

    Attributes:
        id, user_id, org_id: as in the API.
        lines: its items.
        placed: when, in seconds since 1970.
        seconds: time until it is fulfilled.
        dry: whether it only requests the price.
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
        """The ids of its items, in order."""
        return [line.id for line in self.lines]

    @property
    def task_ids(self) -> list[str]:
        """The ids of all its items' tasks, in order."""
        return [id for line in self.lines for id in line.task_ids()]

    @property
    def catalog_ids(self) -> list[str]:
        """The catalog ids of its images once it is fulfilled."""
        return [_entry_id(task) for task in self.task_ids]

    def fulfilled(self, now: float) -> bool:
        """Return whether its imagery is in the catalog."""
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
        for task, scene in zip(line.task_ids(), line.scenes or (_tasked_scene(order, line),), strict=True)
    ]


def _entry_id(task: str) -> str:
    return uuid(task, "catalog")


def _tasked_scene(order: SandboxOrder, line: OrderLine) -> Scene:
    west, south, east, north = next(
        (bounds for geometry in line.geometries if (bounds := box(geometry))), (0.0, 0.0, 0.0, 0.0)
    )
    place = SceneLocation(line.item.get("name") or "tasked", round((west + east) / 2, 6), round((south + north) / 2, 6))
    taken_at = order.placed + order.seconds
    code = int(tag(line.id)[1:7], 16) % 10**6
    return Scene(
        f"TD1_{code:06}_{at(taken_at):%Y%m%d}_L2A_{at(taken_at):%Y%m%d}_03001012",
        SATELLITES[0],
        place,
        taken_at,
        5.0,
        3.0,
    )
