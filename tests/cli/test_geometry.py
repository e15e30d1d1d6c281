"""Areas are read on the command line, and rows are written as GeoJSON and STAC."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pixxel_async.cli.commands.api import feature_members
from pixxel_async.cli.show.stac import stac_item
from pixxel_async.sandbox import Sandbox
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


@pytest.mark.slow
def test_a_folder_as_stac(command: Command, served: Sandbox, tmp_path: Path) -> None:
    """Fetched packages are listed as valid STAC items whose assets are the archive and its unpacked rasters."""
    job = served.add_job(tasks=1, seconds=0)
    to = str(tmp_path / "x")
    command("export", f"job:{job.workflow_id}/{job.id}", "--extract", "--to", to)
    path = tmp_path / "items.json"
    path.write_text(command("list", to, "--output", "stac").stdout)

    (item,) = pystac.ItemCollection.from_file(str(path)).items
    item.stac_extensions = []  # their schemas are not on this machine
    item.validate()
    hrefs = [Path(asset.href.removeprefix("file://")) for asset in item.assets.values()]
    assert all(href.is_file() for href in hrefs) and len(hrefs) > 1
    assert item.assets["package"].extra_fields["file:size"] == hrefs[0].stat().st_size
    assert item.properties["pixxel:package"] == f"job:{job.workflow_id}/{job.id}"


def test_an_item_of_a_collection_of_shapes() -> None:
    """The bbox of a STAC item spans all members of a geometry collection; an item without a geometry has no bbox."""
    shapes = [{"type": "Point", "coordinates": [1, 2]}, {"type": "LineString", "coordinates": [[3, 4], [-5, 6]]}]
    row = {"package": "job:w/j", "path": "s3://b/x.zip", "size": 1, "sha256": None, "proof": "crc", "finished_at": None}
    assert stac_item({**row, "geometry": {"type": "GeometryCollection", "geometries": shapes}}, {})["bbox"] == [
        -5, 2, 3, 6,
    ]  # fmt: skip
    bare = stac_item({**row, "geometry": None}, {})
    assert "bbox" not in bare and bare["assets"]["package"]["href"] == "s3://b/x.zip"
