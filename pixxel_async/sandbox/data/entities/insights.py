"""Insights: single blocks run over an area."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from ...clock import zulu
from ...rules.ids import uuid
from .areas import Area
from .blocks import Port, SandboxBlock

Row = dict[str, Any]


@frozen
class SandboxInsight:
    """One insight.

    Attributes:
        id, name, project_id, created_by, metadata: as in the API.
        area: its AOI.
        block: its processing block.
        input: its input as sent.
        begun: when it was created, in seconds since 1970.
        seconds: its duration.
        fails: whether it fails at its end.
    """

    id: str
    name: str
    project_id: str
    created_by: str
    metadata: dict[str, str]
    area: Area
    block: SandboxBlock
    input: Any
    begun: float
    seconds: float
    fails: bool = False

    def progress(self, now: float) -> int:
        """Return its progress, 0 to 100."""
        return max(0, min(100, int(100 * (now - self.begun) / self.seconds))) if self.seconds else 100

    def status(self, now: float) -> str:
        """Return `running`, `completed` or `failed`. Source: the words in the vendor's guides."""
        if self.progress(now) < 100:
            return "running"
        return "failed" if self.fails else "completed"


def element_name(one: SandboxInsight, name: str, form: str) -> str:
    """Return the key of an input or output in package requests: its `name`, or an `id`."""
    return name if form == "name" else uuid(one.id, "element", name)


def insight_row(one: SandboxInsight, now: float, elements: str = "name") -> Row:
    """Render the insight for the listing; where elements have ids, its outputs include them."""
    status = one.status(now)
    results = [_result(one, port, elements) for port in one.block.outputs]
    return {
        "id": one.id,
        "aoi_id": one.area.id,
        "name": one.name,
        "status": status,
        "progress": one.progress(now),
        "cost": one.block.price,
        "estimated_time_in_min": max(1, round(one.seconds / 60)),
        "input": one.input,
        "output": results if status == "completed" else [],
        "metadata": one.metadata,
        "err_msg": "the block could not read its input" if status == "failed" else "",
        "created_by": one.created_by,
        "created_at": zulu(one.begun),
        "deleted_at": "",
    }


def _result(one: SandboxInsight, port: Port, elements: str) -> Row:
    row = port.data(one.block.name, value=f"s3://sandbox/{one.id}/{port.name}")
    return row if elements == "name" else row | {"id": element_name(one, port.name, elements)}
