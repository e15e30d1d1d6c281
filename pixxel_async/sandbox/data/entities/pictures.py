"""Indices, and the visualizations that render them over an area."""

from __future__ import annotations

import math
from bisect import bisect_left
from functools import lru_cache
from itertools import pairwise
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from attrs import field, frozen

from ...clock import HISTORY, spaced
from ...files.png import Class, draw_classes
from ...files.scene import NODATA, ROWS, SIDE, reflectance
from ...rules.expressions import Values, bands, evaluate, parts
from ...rules.geometry import area
from ...rules.ids import uuid
from .areas import Area, assets, mosaic_id
from .imagery import SATELLITES

Row = dict[str, Any]
COLORS = ("#d7191c", "#fdae61", "#ffffc0", "#a6d96a", "#1a9641")
LABELS = ("Very low", "Low", "Medium", "High", "Very high")
_PRESETS = {"NDVI": ("B08", "B04"), "NDWI": ("B03", "B08"), "NDMI": ("B8A", "B11")}


def index_row(id: str, created: float, *, kind: str, **members: Any) -> Row:
    """Render an index; its bands are those of its expression."""
    named = bands(members["expression"])
    return {
        "id": id,
        "type": kind,
        "bands": named,
        "created_at": spaced(created),
        "updated_at": spaced(created),
        **members,
    }


def presets(seed: int | str) -> list[Row]:
    """Return the preset indices."""
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
        area: its AOI.
        index: the index's row.
        user_id, tenant_id: as in the API.
        started_at: when it was created, in seconds since 1970.
        seconds: time until it is ready.
        legends: classes set by a user, by mode and date; they replace the computed ones.
    """

    id: str
    area: Area
    index: Row
    user_id: str
    tenant_id: str
    started_at: float
    seconds: float
    legends: dict[tuple[str, str], list[Row]] = field(factory=dict)

    def progress(self, now: float) -> int:
        """Return its progress, 0 to 100."""
        return max(0, min(100, int(100 * (now - self.started_at) / self.seconds))) if self.seconds else 100

    def modes(self) -> list[str]:
        """Return its legend modes: both for preset indices, dynamic for custom ones, none for composites and grey."""
        if self.index["expression_type"] != "index":
            return []
        return ["dynamic", "theoretical"] if self.index["type"] == "preset" else ["dynamic"]

    def legend(self, mode: str, date: str) -> list[Row]:
        """Return the classes of one date: those set, or five equal ones."""
        return self.legends.get((mode, date)) or self.classes(mode, date, len(COLORS))

    def classes(self, mode: str, date: str, bins: int) -> list[Row]:
        """Return equal classes: over the index's own scale in theory mode, else over the values of that date."""
        values = self.values(date)
        met = [value for value in values if not math.isnan(value)] or [-1.0, 1.0]
        limits = math.floor(min(met) * 1e4) / 1e4, math.floor(max(met) * 1e4 + 1) / 1e4
        if mode == "theoretical":
            limits = self.index["rescale"][0], self.index["rescale"][-1]
        return divide_range(values, limits, bins, area(self.area.geometry))

    def values(self, date: str) -> Values:
        """Return the index of each pixel on that date."""
        return index_values(mosaic_id(self.area, date), self.index["expression"])

    def metadata(self) -> Row:
        """Return the legends of all dates."""
        dates = self.area.dates()
        return {"legend": {date: {mode: self.legend(mode, date) for mode in self.modes()} for date in dates}}


def divide_range(values: Values, limits: tuple[float, float], bins: int, square_metres: float) -> list[Row]:
    """Divide a range into equal classes, each with the share of the area that it covers.

    Args:
        values: the index of each pixel; NaN without a value.
        limits: lower limit of the first class and upper limit of the last.
        bins: number of classes.
        square_metres: area of all pixels with a value.
    """
    low, step = limits[0], (limits[1] - limits[0]) / bins
    edges = [round(low + at * step, 4) for at in range(bins + 1)]
    ordered = sorted(value for value in values if not math.isnan(value))
    counts = [bisect_left(ordered, edge) for edge in edges]
    shares = [(after - before) / max(1, len(ordered)) for before, after in pairwise(counts)]
    return [
        {
            "label": LABELS[at] if bins == len(LABELS) else f"Class {at + 1}",
            "color": COLORS[at * len(COLORS) // bins],
            "min": edges[at],
            "max": edges[at + 1],
            "area": round(share * square_metres),
            "area_percentage": round(100 * share, 2),
        }
        for at, share in enumerate(shares)
    ]


@lru_cache(maxsize=64)
def index_values(mosaic: str, expression: str) -> Values:
    """Return the index of each pixel of a mosaic; NaN without data."""
    names = bands(expression)
    planes = {name: reflectance(mosaic, name) for name in names}
    blank = [any(pixel == NODATA for pixel in pixels) for pixels in zip(*planes.values(), strict=True)]
    computed = evaluate(parts(expression)[0], planes.__getitem__, SIDE * ROWS)
    return [
        math.nan if is_blank else value
        for is_blank, value in zip(blank or [False] * len(computed), computed, strict=True)
    ]


def picture_row(picture: Picture, now: float) -> Row:
    """Render the visualization for the listing."""
    return {
        "id": picture.id,
        "aoi_id": picture.area.id,
        "index_id": picture.index["id"],
        "progress": picture.progress(now),
        "status": "success" if picture.progress(now) == 100 else "creating",
        "tenant_id": picture.tenant_id,
        "user_id": picture.user_id,
        "created_at": spaced(picture.started_at),
        "updated_at": spaced(min(now, picture.started_at + picture.seconds)),
    }


def picture_detail(picture: Picture, now: float) -> Row:
    """Render the visualization in full."""
    mosaics = [asset for asset in assets(picture.area, now) if asset["asset_type"] == "mosaic"]
    return {
        **picture_row(picture, now),
        "type": "custom",
        "expression": picture.index["expression"],
        "expression_type": picture.index["expression_type"],
        "index_name": picture.index["name"],
        "rescale": picture.index["rescale"],
        "metadata": picture.metadata(),
        "assets": [{**asset, "asset_type": "visualization", "visualization_id": picture.id} for asset in mosaics],
    }


def draw(picture: Picture, mode: str, date: str, scale: int = 1) -> bytes:
    """Render the index over the area on that date as a PNG with its legend."""
    classes = [Class(row.get("min") or 0.0, row.get("max") or 0.0, row["color"]) for row in picture.legend(mode, date)]
    return draw_classes(picture.values(date), SIDE, classes, scale)


def style_legend(picture: Picture, mode: str, date: str) -> str:
    """Render the legend of that date as an SLD document."""
    entries = "".join(map(_entry, picture.legend(mode, date)))
    colors = f'<RasterSymbolizer><ColorMap type="intervals">{entries}</ColorMap></RasterSymbolizer>'
    style = f"<UserStyle><FeatureTypeStyle><Rule>{colors}</Rule></FeatureTypeStyle></UserStyle>"
    layer = f"<NamedLayer><Name>{escape(picture.index['name'])} {date}</Name>{style}</NamedLayer>"
    opening = '<StyledLayerDescriptor xmlns="http://www.opengis.net/sld" version="1.0.0">'
    return f'<?xml version="1.0" encoding="UTF-8"?>{opening}{layer}</StyledLayerDescriptor>'


def _entry(row: Row) -> str:
    color, label = quoteattr(str(row["color"])), quoteattr(str(row["label"]))
    return f'<ColorMapEntry color={color} quantity="{row.get("max") or 0}" label={label}/>'
