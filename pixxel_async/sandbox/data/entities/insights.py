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
        started_at: when it was created, in seconds since 1970.
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
    started_at: float
    seconds: float
    fails: bool = False

    def progress(self, now: float) -> int:
        """Return its progress, 0 to 100."""
        return max(0, min(100, int(100 * (now - self.started_at) / self.seconds))) if self.seconds else 100

    def status(self, now: float) -> str:
        """Return `running`, `completed` or `failed`. Source: the words in the vendor's guides."""
        if self.progress(now) < 100:
            return "running"
        return "failed" if self.fails else "completed"


def element_name(insight: SandboxInsight, name: str, form: str) -> str:
    """Return the key of an input or output in package requests: its `name`, or an `id`."""
    return name if form == "name" else uuid(insight.id, "element", name)


def insight_row(insight: SandboxInsight, now: float, elements: str = "name") -> Row:
    """Render the insight for the listing; where elements have ids, its outputs include them."""
    status = insight.status(now)
    results = [_result(insight, port, elements) for port in insight.block.outputs]
    return {
        "id": insight.id,
        "aoi_id": insight.area.id,
        "name": insight.name,
        "status": status,
        "progress": insight.progress(now),
        "cost": insight.block.price,
        "estimated_time_in_min": max(1, round(insight.seconds / 60)),
        "input": insight.input,
        "output": results if status == "completed" else [],
        "metadata": insight.metadata,
        "err_msg": "the block could not read its input" if status == "failed" else "",
        "created_by": insight.created_by,
        "created_at": zulu(insight.started_at),
        "deleted_at": "",
    }


def _result(insight: SandboxInsight, port: Port, elements: str) -> Row:
    row = port.data(insight.block.name, value=f"s3://sandbox/{insight.id}/{port.name}")
    return row if elements == "name" else row | {"id": element_name(insight, port.name, elements)}
