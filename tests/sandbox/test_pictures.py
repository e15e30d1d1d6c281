"""Indices are evaluated: picture, legend and rasters of an AOI agree."""

from __future__ import annotations

import io
import math
import struct
import zipfile
import zlib
from typing import Any

import numpy as np
import pytest
import rasterio

from pixxel_async.sandbox.rules.expressions import bands, evaluate, parts
from pixxel_async.sandbox.rules.geometry import meet
from tests.sandbox.conftest import Caller
from tests.sandbox.test_refusals import refused


def pixels(png: bytes) -> Any:
    """Return the palette indices of an indexed PNG without filters, by row and column."""
    width, height = struct.unpack(">II", png[16:24])
    start = png.index(b"IDAT")
    data = zlib.decompress(png[start + 4 : start + 4 + struct.unpack(">I", png[start - 4 : start])[0]])
    return np.frombuffer(data, np.uint8).reshape(height, width + 1)[:, 1:]


async def mosaic(caller: Caller, *names: str) -> list[Any]:
    """Return bands of the first AOI's first mosaic, from its package."""
    listed = (await caller.do("assets.list")).json["assets"]
    one = next(row for row in listed if row["asset_type"] == "mosaic")
    asked = (await caller.do("assets.request_download", json={"asset_ids": [one["id"]]})).json
    await caller.sandbox.advance(minutes=1)
    area = next(iter(caller.sandbox.world.areas))
    link = (await caller.call("GET", f"/v0/aois/{area}/downloads/{asked['download_id']}")).json["signed_url"]
    archive = zipfile.ZipFile(io.BytesIO((await caller.fetch(link)).body))
    held = {name.rpartition("/")[2].removesuffix(".tif"): archive.read(name) for name in archive.namelist()}
    made = []
    for name in names:
        with rasterio.MemoryFile(held[name]) as file, file.open() as opened:
            made.append(opened.read(1).astype(float))
    return made


async def test_the_picture_equals_the_index_of_the_rasters(caller: Caller) -> None:
    """Each pixel has the legend's class of its index value, none for nodata, and area percentages are counted."""
    near, red = await mosaic(caller, "B08", "B04")
    shown = (await caller.do("visualizations.list")).json["visualization"][0]
    valid = caller.valid["visualizations.png"]
    rows = next(iter(caller.sandbox.world.pictures.values())).legend("dynamic", valid.body["date"])
    png = pixels((await caller.do("visualizations.png")).body)
    seen = near > 0
    index = np.divide(near - red, near + red, out=np.full(near.shape, math.nan), where=seen)
    expected = np.digitize(index, [row["min"] for row in rows])
    assert shown["status"] == "success"
    assert (png[:, :256] == np.where(seen, expected, 0)).all()
    assert sorted(set(png[:, 256:].flat)) == [1, 2, 3, 4, 5]
    for at, row in enumerate(rows, 1):
        assert row["area_percentage"] == pytest.approx(100 * (expected[seen] == at).mean(), abs=0.01)


def test_expressions_are_evaluated() -> None:
    """Expressions follow the rules of arithmetic, with NaN for a division by zero."""
    planes = {"B04": [1.0, 2.0, 0.0], "B8A": [3.0, 2.0, 0.0]}
    (tree,) = parts("2.5 * (B8A - B04) / -(B8A + B04)")
    values = evaluate(tree, planes.__getitem__, 3)
    assert values[:2] == [-1.25, 0.0] and math.isnan(values[2])
    assert bands("B8A+B04-B004") == ["B004", "B04", "B8A"]
    assert len(parts("B04, B03, B02")) == 3


@pytest.mark.parametrize("text", [
    "", "B08 -", "__import__('os')", "B08.real", "nir - red", "B08 ** B04", "(" * 900, "B08 if 1 else 2", "True",
])  # fmt: skip
async def test_invalid_expressions_are_refused(caller: Caller, text: str) -> None:
    """An invalid expression is a 400."""
    body = caller.valid["indices.create"].body | {"expression": text}
    assert "expression" in refused(await caller.do("indices.create", json=body), 400)


def square(west: float, south: float, size: float) -> dict[str, Any]:
    """Return a square polygon."""
    east, north = west + size, south + size
    return {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    }


@pytest.mark.parametrize(("other", "found"), [
    (square(1, 1, 1), True), (square(-1, -1, 9), True), (square(3, 3, 9), True), (square(5, 5, 1), False),
    ({"type": "Polygon", "coordinates": [[[-2, 2], [2, 6], [-2, 6], [-2, 2]]]}, True),
    ({"type": "Polygon", "coordinates": [[[-3, 3], [1, 7], [-3, 7], [-3, 3]]]}, False),
    ({"type": "Polygon", "coordinates": [[[-1, 1], [5, 1], [5, 2], [-1, 2], [-1, 1]]]}, True),
    ({"type": "Point", "coordinates": [2, 2]}, True), ({"type": "Point", "coordinates": [9, 9]}, False),
])  # fmt: skip
def test_geometries_intersect(other: dict[str, Any], found: bool) -> None:
    """Geometries intersect by outline, not by box."""
    assert meet(square(0, 0, 4), other) == found == meet(other, square(0, 0, 4))


async def test_a_search_intersects_outlines(caller: Caller) -> None:
    """A search intersects outlines: a triangle beside the scenes finds none, though its box holds them."""
    scene = caller.sandbox.world.areas[next(iter(caller.sandbox.world.areas))].scenes[0]
    east, north = scene.place.longitude, scene.place.latitude
    around = {"type": "Polygon", "coordinates": [[[east - 1, north - 9], [east + 9, north - 9], [east + 9, north + 1],
                                                  [east - 1, north - 9]]]}  # fmt: skip
    for geometry, hit in ((square(east - 1, north - 1, 2), True), (around, False)):
        found = (await caller.do("archives.search", json={"intersects": geometry, "limit": 200})).json["features"]
        assert (scene.id in [row["id"] for row in found]) == hit
