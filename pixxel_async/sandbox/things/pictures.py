"""Indices, and the visualizations that show them over an area."""

from __future__ import annotations

import re
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from attrs import field, frozen

from ..clock import HISTORY, spaced
from ..files.png import Class, picture
from ..files.scene import SIDE, ratio
from ..rules.ids import uuid
from .areas import Area, assets
from .imagery import SATELLITES

Row = dict[str, Any]
COLORS = ("#d7191c", "#fdae61", "#ffffc0", "#a6d96a", "#1a9641")
LABELS = ("Very low", "Low", "Medium", "High", "Very high")
_BAND = re.compile(r"B\d[\dA]\d?")
_PRESETS = {"NDVI": ("B08", "B04"), "NDWI": ("B03", "B08"), "NDMI": ("B8A", "B11")}


def index_row(id: str, made: float, *, kind: str, **members: Any) -> Row:
    """An index as the API shows it; its bands are those that its expression names."""
    bands = sorted(set(_BAND.findall(members["expression"])))
    return {"id": id, "type": kind, "bands": bands, "created_at": spaced(made), "updated_at": spaced(made), **members}


def presets(seed: int | str) -> list[Row]:
    """The indices that are there for everybody."""
    satellite = SATELLITES[-1].id
    return [
        index_row(
            uuid(seed, "preset", name),
            HISTORY,
            kind="preset",
            name=name,
            description=f"{name}, a normalised difference",
            expression=f"({first} - {second}) / ({first} + {second})",
            expression_type="index",
            colormap="rplumbho",
            rescale=[-1, 1],
            satellite_id=satellite,
        )
        for name, (first, second) in _PRESETS.items()
    ]


@frozen
class Picture:
    """A visualization.

    Attributes:
        id: as in the API.
        area: what it shows.
        index: the index's row.
        user_id, tenant_id: as in the API.
        begun: when, in seconds since 1970.
        seconds: until it is there.
        legends: by mode and date what a user has set instead of what is computed.
    """

    id: str
    area: Area
    index: Row
    user_id: str
    tenant_id: str
    begun: float
    seconds: float
    legends: dict[tuple[str, str], list[Row]] = field(factory=dict)

    def progress(self, now: float) -> int:
        """From 0 to 100."""
        return max(0, min(100, int(100 * (now - self.begun) / self.seconds))) if self.seconds else 100

    def modes(self) -> list[str]:
        """Preset indices have both legends, custom ones the dynamic one, composites and grey scales none."""
        if self.index["expression_type"] != "index":
            return []
        return ["dynamic", "theoretical"] if self.index["type"] == "preset" else ["dynamic"]

    def legend(self, mode: str, date: str) -> list[Row]:
        """The classes of one date: those that were set, or five equal ones."""
        return self.legends.get((mode, date)) or computed(mode, len(COLORS))

    def metadata(self) -> Row:
        """The legends of all dates."""
        dates = self.area.dates()
        return {"legend": {date: {mode: self.legend(mode, date) for mode in self.modes()} for date in dates}}


def computed(mode: str, bins: int) -> list[Row]:
    """So many equal classes, over -1 to 1 in theory and over the middle of it as met."""
    low, high = (-1.0, 1.0) if mode == "theoretical" else (-0.5, 0.5)
    step = (high - low) / bins
    return [
        {
            "label": LABELS[at] if bins == len(LABELS) else f"Class {at + 1}",
            "color": COLORS[at * len(COLORS) // bins],
            "min": round(low + at * step, 4),
            "max": round(low + (at + 1) * step, 4),
            "area": 50,
            "area_percentage": round(100 / bins, 2),
        }
        for at in range(bins)
    ]


def listed(one: Picture, now: float) -> Row:
    """The visualization as a row of the listing."""
    return {
        "id": one.id,
        "aoi_id": one.area.id,
        "index_id": one.index["id"],
        "progress": one.progress(now),
        "status": "success" if one.progress(now) == 100 else "creating",
        "tenant_id": one.tenant_id,
        "user_id": one.user_id,
        "created_at": spaced(one.begun),
        "updated_at": spaced(min(now, one.begun + one.seconds)),
    }


def detailed(one: Picture, now: float) -> Row:
    """The visualization in full."""
    mosaics = [asset for asset in assets(one.area, now) if asset["asset_type"] == "mosaic"]
    return {
        **listed(one, now),
        "type": "custom",
        "expression": one.index["expression"],
        "expression_type": one.index["expression_type"],
        "index_name": one.index["name"],
        "rescale": one.index["rescale"],
        "metadata": one.metadata(),
        "assets": [{**asset, "asset_type": "visualization", "visualization_id": one.id} for asset in mosaics],
    }


def drawn(one: Picture, mode: str, date: str) -> bytes:
    """The index over the area on that date as a PNG with its legend."""
    first, second = [*one.index["bands"], "B04", "B08"][:2]
    classes = [Class(row.get("min") or 0.0, row.get("max") or 0.0, row["color"]) for row in one.legend(mode, date)]
    return picture(ratio(f"{one.area.id}/{date}", second, first), SIDE, classes)


def styled(one: Picture, mode: str, date: str) -> str:
    """The legend of that date as an SLD document."""
    entries = "".join(map(_entry, one.legend(mode, date)))
    colors = f'<RasterSymbolizer><ColorMap type="intervals">{entries}</ColorMap></RasterSymbolizer>'
    style = f"<UserStyle><FeatureTypeStyle><Rule>{colors}</Rule></FeatureTypeStyle></UserStyle>"
    layer = f"<NamedLayer><Name>{escape(one.index['name'])} {date}</Name>{style}</NamedLayer>"
    opening = '<StyledLayerDescriptor xmlns="http://www.opengis.net/sld" version="1.0.0">'
    return f'<?xml version="1.0" encoding="UTF-8"?>{opening}{layer}</StyledLayerDescriptor>'


def _entry(row: Row) -> str:
    color, label = quoteattr(str(row["color"])), quoteattr(str(row["label"]))
    return f'<ColorMapEntry color={color} quantity="{row.get("max") or 0}" label={label}/>'
