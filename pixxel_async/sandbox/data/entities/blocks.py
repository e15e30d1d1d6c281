"""The processing blocks of the sandbox's workflows, tasks and insights."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from attrs import field, frozen

RASTER_BANDS = ("B02", "B03", "B04", "B08")


@frozen
class Port:
    """One input or output of a block.

    Attributes:
        name: in JSON and in paths.
        format: `raster`, `vector`, `tabular`, `string`, `number` or `date`.
        bands: band names of a raster; two names joined by `/` are their normalised difference.
        group: folder of an output, if any.
        lines: lines of a raster.
    """

    name: str
    format: str = "raster"
    bands: tuple[str, ...] = RASTER_BANDS
    group: str = ""
    lines: int = 128

    def data(self, block: str, **filled: Any) -> dict[str, Any]:
        """Render the port as the API's DataType object. Source: the vendor's Data Types page."""
        return {**_data(self, block), **filled}


@lru_cache(maxsize=256)
def _data(port: Port, block: str) -> dict[str, Any]:
    big = port.format in ("raster", "vector", "tabular")
    shape: dict[str, Any] = {"bands": list(port.bands), "source": "pixxel"} if port.format == "raster" else {}
    return {
        "format": port.format,
        "type": "url" if big else "string",
        "name": port.name,
        "display_name": port.name.replace("_", " ").capitalize(),
        "description": "",
        "is_artifact": big,
        "group": port.group,
        "metadata": {"block-name": block},
        "properties": shape,
        "version": "v2",
    }


@frozen
class SandboxBlock:
    """A block with its ports.

    Attributes:
        name: its permanent name.
        title: its display name.
        price: tokens for one run.
        modes: where it may be used: `insight`, `workflow`.
        versions: oldest first.
        kind: `processing` or `source`.
        disclaimer: notice about its results; empty for none.
    """

    name: str
    title: str
    price: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    modes: tuple[str, ...] = ("insight", "workflow")
    versions: tuple[str, ...] = ("1.0.0",)
    kind: str = field(default="processing")
    disclaimer: str = ""


_IMAGE = Port("input_image")
_DATES = (Port("start_date", "date", ()), Port("end_date", "date", ()))
_BOUNDARY = Port("boundary", "vector", ())

BLOCKS: dict[str, SandboxBlock] = {
    block.name: block
    for block in (
        SandboxBlock(
            "aoi-data",
            "AOI data",
            0,
            (),
            (Port("imagery", group="2025_02_14"), _BOUNDARY),
            ("workflow",),
            kind="source",
        ),
        SandboxBlock(
            "cropclassification",
            "Crop classification",
            40,
            (_IMAGE, *_DATES),
            (Port("crop_map", bands=("class",)), Port("crop_area", "tabular", ())),
            versions=("0.9.0", "1.0.0"),
        ),
        SandboxBlock(
            "gap-filled-ndvi",
            "Gap-filled NDVI",
            15,
            (_IMAGE,),
            (Port("ndvi", bands=("B08/B04",)),),
            disclaimer="pixels under clouds are interpolated in time",
        ),
        SandboxBlock(
            "water-quality-index", "Water quality index", 25, (_IMAGE,), (Port("ndwi", bands=("B03/B08",), lines=64),)
        ),
        SandboxBlock(
            "farm-boundary-detection", "Farm boundary detection", 30, (_IMAGE,), (Port("farms", "vector", ()),)
        ),
        SandboxBlock(
            "change-detection",
            "Change detection",
            35,
            (Port("before"), Port("after")),
            (Port("change", bands=("B04/B03",)), Port("summary", "tabular", ())),
        ),
        SandboxBlock(
            "land-use-land-cover",
            "Land use and land cover",
            50,
            (_IMAGE, *_DATES),
            (Port("classes", bands=("class",)),),
            versions=("1.0.0", "1.1.0", "2.0.0"),
        ),
        SandboxBlock(
            "image-clustering",
            "Image clustering",
            20,
            (_IMAGE, Port("clusters", "number", ())),
            (Port("clustered", bands=("class",)),),
        ),
    )
}
