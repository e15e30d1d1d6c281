"""One polygon from any geometry type, and the same types in every call that takes a geometry."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from pixxel_async import PixxelClient, area
from pixxel_async._http.codec.geometry import GeometryLike, feature_collection, geometry_of
from pixxel_async.errors import ConfigError
from pixxel_async.models import AOI, Catalog, Geometry, NewOrderItem, SatelliteRef, STACItem
from pixxel_async.sandbox import Sandbox

RING = [[75.3, 30.9], [75.4, 30.9], [75.4, 31.0], [75.3, 31.0], [75.3, 30.9]]
SQUARE = {"type": "Polygon", "coordinates": [RING]}
HOLE = [[75.32, 30.92], [75.34, 30.92], [75.34, 30.94], [75.32, 30.92]]
FEATURE = {"type": "Feature", "properties": {"name": "field"}, "geometry": SQUARE}
RAISED = {"type": "MultiPolygon", "coordinates": [[[[*position, 212.5] for position in RING]]]}
CRS84 = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
QGIS = {"type": "FeatureCollection", "name": "field", "crs": CRS84, "features": [{**FEATURE, "geometry": RAISED}]}
"""A layer of one field, as QGIS exports it."""
WKT = "POLYGON ((75.3 30.9, 75.4 30.9, 75.4 31.0, 75.3 31.0, 75.3 30.9))"


class Shape:
    """An object with `__geo_interface__`."""

    def __init__(self, interface: dict[str, Any]) -> None:
        self.__geo_interface__ = interface


@pytest.mark.parametrize(
    "value",
    [
        SQUARE,
        FEATURE,
        QGIS,
        {"type": "GeometryCollection", "geometries": [SQUARE]},
        {"type": "Polygon", "coordinates": [RING[:-1]]},
        {"type": "Polygon", "coordinates": (tuple(map(tuple, RING)),)},
        Shape(SQUARE),
        Shape(QGIS),
        Geometry.from_dict(SQUARE),
        AOI.from_dict({"aoi_id": "a", "geometry": SQUARE}),
        STACItem.from_dict({"id": "i", "geometry": SQUARE}),
        Catalog.from_dict({"id": "c", "details": {"id": "i", "geometry": SQUARE}}),
        json.dumps(QGIS),
        WKT,
        f"SRID=4326;{WKT}",
        "multipolygon z (((75.3 30.9 1,75.4 30.9 1,75.4 31 1,75.3 31 1,75.3 30.9 1)))",
        [75.3, 30.9, 75.4, 31.0],
        (75.3, 30.9, 0, 75.4, 31.0, 0),
        "75.3,30.9,75.4,31.0",
    ],
)
def test_one_area_from_many_types(value: Any) -> None:
    """Each input becomes the same polygon: two-dimensional, closed, and not a MultiPolygon of one part."""
    made = area(value)
    assert isinstance(made, Geometry)
    assert made.to_dict() == SQUARE


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_files(tmp_path: Path, mark: bytes) -> None:
    """GeoJSON and WKT files are read by content, with or without a byte order mark, given as name or path."""
    for name, text in (("a.geojson", json.dumps(QGIS)), ("a.json", json.dumps(SQUARE)), ("a.wkt", WKT + "\n")):
        path = tmp_path / name
        path.write_bytes(mark + text.encode())
        assert area(path).to_dict() == area(str(path)).to_dict() == SQUARE


def test_holes_and_parts_are_kept() -> None:
    """Two parts stay a MultiPolygon and holes stay rings; a box across 180 degrees becomes two parts."""
    parts = {"type": "MultiPolygon", "coordinates": [[RING, HOLE], [[[1, 1], [2, 1], [2, 2], [1, 1]]]]}
    assert area(parts).to_dict() == parts
    across = area([179.0, -17.0, -179.0, -16.0]).to_dict()
    assert [part[0][0][0] for part in across["coordinates"]] == [179.0, -180.0]
    hole = "POLYGON ((0 0, 9 0, 9 9, 0 0), (1 .5, 2 .5, 2 1e0, 1 .5))"
    assert area(hole).to_dict()["coordinates"][1] == [[1, 0.5], [2, 0.5], [2, 1], [1, 0.5]]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "is not an area"),
        (5, "is not an area"),
        ({}, "is a Polygon"),
        ({"type": "FeatureCollection", "features": []}, "no shape"),
        ({"type": "Feature", "geometry": None}, "no shape"),
        ({"type": "Polygon", "coordinates": []}, "no shape"),
        ({"type": "Polygon", "coordinates": [[]]}, "empty"),
        ("POLYGON EMPTY", "no shape"),
        ({"type": "FeatureCollection", "features": [FEATURE, FEATURE]}, "2 shapes"),
        ({"type": "Point", "coordinates": [1, 2]}, "not 'Point'"),
        ("LINESTRING (1 2, 3 4)", "not 'LineString'"),
        ({"type": "Polygon", "coordinates": [[[500000, 3400000], [500100, 3400000], [500100, 3400100]]]}, "projected"),
        ({"type": "Polygon", "coordinates": [[[30, 95], [31, 95], [31, 96], [30, 95]]]}, "latitude first"),
        ({"type": "Polygon", "coordinates": [[[math.nan, 1], [2, 1], [2, 2], [1, 1]]]}, "no number"),
        ({"type": "Polygon", "coordinates": [[[1, 1], [2, 2], [1, 1]]]}, "2 corners"),
        ({"type": "Polygon", "coordinates": [["a", "b"]]}, "not lists of numbers"),
        ({"type": "Polygon", "coordinates": 7}, "not lists of numbers"),
        ([4, 3, 2, 1], "west, south, east, north"),
        ("POLYGON ((1 2, 3 4", "brackets"),
        ("POLYGON ((1 x, 3 4))", "in place of a number"),
        ("{'type': 1}", "not JSON"),
        ("nowhere.geojson", "cannot be read"),
        ("field.gpkg", "geopandas.read_file"),
        ("(" * 50, "cannot be read"),
        ("POLYGON " + "(" * 5000, "in place of a number"),
        ({**SQUARE, "crs": {"properties": {"name": "EPSG:999999"}}}, "EPSG:999999"),
    ],
)
def test_invalid_areas_are_refused(value: Any, message: str) -> None:
    """An invalid area is refused with the reason and the accepted types."""
    with pytest.raises(ConfigError, match=message):
        area(value)


@pytest.mark.slow
async def test_every_call_accepts_them(tmp_path: Path) -> None:
    """Searches and new AOIs send a bare geometry, orders a feature collection; a file is given as a `Path`."""
    (tmp_path / "field.geojson").write_text(json.dumps(QGIS))
    box = [75.3, 30.9, 75.4, 31.0]
    values: list[GeometryLike] = [WKT, box, Shape(SQUARE), area(QGIS), SQUARE, json.dumps(SQUARE)]
    async with Sandbox() as sandbox, PixxelClient(sandbox.api_key, base_url=sandbox.url) as client:
        satellite = (await client.satellites.list())[0]
        project, images = sandbox.add_project(), [image.id async for image in client.archives.search(limit=2).take(2)]
        for number, value in enumerate(values):
            await client.archives.search(intersects=value)
            await client.catalogs.search(intersects=value)
            await client.search.images(
                start_date="2024-01-01", end_date="2024-02-01", geometry=value,
                satellites=[SatelliteRef(satellite_id=satellite.id, collection_id="sentinel-2-l2a")],
            )  # fmt: skip
            await client.aois.create(
                name=f"f{number}", description="", satellite_id=satellite.id, provider="planetary", project_id=project,
                geometry=value, item_ids=images,
            )  # fmt: skip
            item = NewOrderItem(project_id=project, geometry=value, usecase="x")
            assert item.to_dict()["geometry"]["features"][0]["geometry"] == SQUARE
        bodies = [json.loads(seen.body) for seen in sandbox.requests if seen.method == "POST"]
    sent = [body.get("intersects") or body["geometry"] for body in bodies if {"intersects", "geometry"} & body.keys()]
    assert sent == [SQUARE] * len(sent) and len(sent) == 4 * len(values)
    path = tmp_path / "field.geojson"
    assert [*geometry_of(path)["coordinates"][0][0][0][:2]] == RING[0] and feature_collection(path)["features"]
    assert geometry_of(AOI.from_dict({"geometry": SQUARE})) == SQUARE
    with pytest.raises(ConfigError, match="give a file as a Path"):  # a text may come from a user of a web backend
        geometry_of(str(path))


def test_projected_coordinates_are_converted() -> None:
    """Coordinates with a `crs` member or SRID are reprojected if pyproj is installed."""
    pytest.importorskip("pyproj", reason="needs the extra geo")
    ring = [[500000, 3400000], [501000, 3400000], [501000, 3401000], [500000, 3400000]]
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32643"}}
    made = area({"type": "Polygon", "coordinates": [ring], "crs": named}).to_dict()["coordinates"][0]
    assert made[0][0] == pytest.approx(75.0) and 30.7 < made[0][1] < 30.8
    text = "SRID=32643;POLYGON ((" + ", ".join(f"{x} {y}" for x, y in ring) + "))"
    assert area(text).to_dict()["coordinates"][0] == geometry_of(text)["coordinates"][0] == made


def test_geopandas_and_shapely() -> None:
    """GeoDataFrames and GeoSeries are reprojected by their CRS; a method for one area takes one row only."""
    geopandas = pytest.importorskip("geopandas", reason="needs the extra geo")
    import shapely

    shape = shapely.from_wkt(WKT)
    assert area(shape).to_dict() == SQUARE
    frame = geopandas.GeoDataFrame({"name": ["field"], "when": ["today"]}, geometry=[shape], crs=4326)
    assert area(frame).to_dict() == area(frame.geometry).to_dict() == SQUARE
    metres = frame.to_crs(32643)
    for value in (metres, metres.geometry):
        corner = area(value).to_dict()["coordinates"][0][0]
        assert corner == pytest.approx(RING[0], abs=1e-6)
        assert geometry_of(value)["coordinates"][0][0] == pytest.approx(RING[0], abs=1e-6)
    two = geopandas.GeoDataFrame(geometry=[shape, shape], crs=4326)
    with pytest.raises(ConfigError, match="2 shapes"):
        area(two)
    assert len(feature_collection(two)["features"]) == 2
    with pytest.raises(ConfigError, match="projected"):
        area(metres.set_crs(None, allow_override=True))
    assert area(frame.iloc[0]).to_dict() == SQUARE
