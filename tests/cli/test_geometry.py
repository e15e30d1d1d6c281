"""Areas are read on the command line, and rows are written as GeoJSON and STAC."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pixxel_async.cli.commands.api import feature_members
from tests.cli.conftest import Command

pystac = pytest.importorskip("pystac", reason="needs the extra stac")

BOX = "75.2,30.8,75.5,31"
FEATURE = (
    '{"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates":'
    " [[[75.2, 30.8], [75.5, 30.8], [75.5, 31], [75.2, 31], [75.2, 30.8]]]}}"
)


@pytest.fixture
def aoi(tmp_path: Path) -> str:
    """Return the path of a file with one feature, as QGIS writes it."""
    path = tmp_path / "aoi.geojson"
    path.write_text(FEATURE)
    return str(path)


@pytest.mark.slow
def test_areas(command: Command, aoi: str) -> None:
    """A file, its text, well-known text, a bounding box and stdin describe the same area and find the same images."""
    wkt = "POLYGON ((75.2 30.8, 75.5 30.8, 75.5 31, 75.2 31, 75.2 30.8))"
    search = ("api", "archives", "search", "--first", "3", "--output", "ndjson", "--intersects")
    found = [command(*search, shape) for shape in (aoi, FEATURE, wkt, BOX)] + [command(*search, "-", input=FEATURE)]
    assert [result.exit_code for result in found] == [0] * 5
    assert len({result.stdout for result in found}) == 1 and found[0].stdout.count("\n") == 3


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ("missing.geojson", "cannot be read"),
        ("POINT (75 30)", "an area is a Polygon"),
        ("500000,4000000,600000,4100000", "degrees"),
        ('{"type": "FeatureCollection", "features": []}', "one area is needed"),
    ],
)
def test_invalid_areas_are_refused(command: Command, shape: str, said: str) -> None:
    """An invalid area is refused before anything is sent, with the reason and the option's name."""
    refused = command("api", "aois", "create", "--name", "n", "--project-id", "p", "--geometry", shape)
    assert (refused.exit_code, said in refused.stderr, "--geometry" in refused.stderr) == (2, True, True), (
        refused.stderr
    )


@pytest.mark.parametrize("resource", ["archives", "catalogs"])
def test_rows_as_features(command: Command, resource: str) -> None:
    """GeoJSON has the footprint of each row as geometry, its members as properties, and no links or assets."""
    found = json.loads(command("api", resource, "search", "--first", "2", "--output", "geojson").stdout)
    assert found["type"] == "FeatureCollection" and len(found["features"]) == 2
    for feature in found["features"]:
        assert feature["geometry"]["type"] == "Polygon"
        assert feature["properties"]["id"] and not {"links", "assets", "geometry"} & feature["properties"].keys()


def test_members_without_details() -> None:
    """A row without image details becomes a feature without a geometry."""
    assert feature_members({"id": "c", "details": None}, "details.geometry") == {"id": "c", "geometry": None}


@pytest.mark.parametrize("resource", ["archives", "catalogs"])
def test_rows_as_stac(command: Command, resource: str, tmp_path: Path) -> None:
    """`--output stac` writes an item collection that pystac reads."""
    path = tmp_path / "items.json"
    path.write_text(command("api", resource, "search", "--first", "2", "--output", "stac").stdout)
    assert len(pystac.ItemCollection.from_file(str(path)).items) == 2
