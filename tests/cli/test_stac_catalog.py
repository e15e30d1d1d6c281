"""`pixxel list FOLDER --output stac` writes a catalog of what is on disk, which pystac opens and validates."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pixxel_async.cli.show.stac import stac_id, stac_item, usable_geometry
from pixxel_async.sandbox import Sandbox
from tests.cli.conftest import Command, commanded, in_thread

pystac = pytest.importorskip("pystac", reason="needs the extra stac")
from pystac.validation.stac_validator import JsonSchemaSTACValidator  # noqa: E402

FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
RING = [[0, 0], [2, 0], [2, 1], [0, 0]]
POLYGON = {"type": "Polygon", "coordinates": [RING]}
ROW = {"package": "job:w/j", "path": "s3://b/x.zip", "size": 1, "sha256": None, "proof": "crc", "finished_at": None}


@pytest.fixture
def validator() -> Any:
    """Return pystac's validator with its own schemas of the core; the extension's schema is on a server."""
    made = JsonSchemaSTACValidator()
    made.schema_cache[FILE] = {"$schema": "http://json-schema.org/draft-07/schema#"}
    return made


def opened(path: Path, validator: Any) -> tuple[Any, dict[str, Any]]:
    """Open a catalog, validate all of it, and return it with its items by package; every local asset exists."""
    catalog = pystac.Catalog.from_file(str(path))
    items = list(catalog.get_items(recursive=True))
    for each in (catalog, *catalog.get_children(), *items):
        each.validate(validator=validator)
    assert len({item.id for item in items}) == len(items)
    for item in items:
        for asset in item.assets.values():
            assert Path(asset.get_absolute_href()).is_file() and not os.path.isabs(asset.href)
            assert asset.extra_fields.get("file:size", 0) >= 0
    return catalog, {item.properties["pixxel:package"]: item for item in items}


def content(folder: Path) -> dict[Path, tuple[bytes, int]]:
    """Return the bytes and the inode of every file below a folder."""
    return {path: (path.read_bytes(), path.stat().st_ino) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(params=[1, "punjab", 77])
def seeded(request: pytest.FixtureRequest) -> Iterator[tuple[Sandbox, Command]]:
    """Serve a sandbox of each seed, and return it with a function that runs commands against it."""
    with in_thread(Sandbox(seed=request.param, packing=0.05)) as sandbox:
        yield sandbox, commanded(sandbox.url, sandbox.api_key)


@pytest.mark.slow
def test_a_folder_as_a_catalog(seeded: tuple[Sandbox, Command], tmp_path: Path, validator: Any) -> None:
    """All kinds of packages of any seed are valid items, in a collection for each workflow and AOI."""
    sandbox, command = seeded
    job, to = sandbox.add_job(1), tmp_path / "my exports"
    aoi = sandbox.add_aoi(images=1)
    asset = json.loads(command("api", "assets", "list", aoi.id, "--output", "json").stdout)[0]["id"]
    ids = [f"job:{job.workflow_id}/{job.id}", f"asset:{aoi.id}/asset_ids={asset}", "report:tz=UTC/edition=Q3"]
    assert command("export", *ids, "--extract", "--to", str(to)).exit_code == 0

    listed = command("list", str(to), "--output", "stac")
    assert listed.exit_code == 0 and listed.stdout == f"{to / 'stac' / 'catalog.json'}\n"
    catalog, items = opened(to / "stac" / "catalog.json", validator)
    assert sorted(items) == sorted(ids)
    assert {each.id.partition("_")[0] for each in catalog.get_children()} == {"workflow", "aoi"}
    assert [item.properties["pixxel:package"] for item in catalog.get_items()] == [ids[2]]
    archive, rasters = items[ids[0]].assets["package"], [key for key in items[ids[0]].assets if key.endswith(".tif")]
    assert archive.extra_fields["file:size"] == Path(archive.get_absolute_href()).stat().st_size and rasters
    (collection,) = (each for each in catalog.get_children() if each.id.startswith("workflow"))
    assert collection.extent.spatial.bboxes == [items[ids[0]].bbox]


@pytest.fixture
def exported(command: Command, served: Sandbox, tmp_path: Path) -> Path:
    """Export two jobs of two workflows, and write the catalog."""
    for _ in range(2):
        job = served.add_job(1)
        command("export", f"job:{job.workflow_id}/{job.id}", "--to", str(tmp_path / "x"))
    assert command("list", str(tmp_path / "x"), "--output", "stac").exit_code == 0
    return tmp_path / "x"


@pytest.mark.slow
def test_the_same_catalog_again(command: Command, exported: Path) -> None:
    """A second run without new packages touches no file; one into another folder finds the same packages."""
    before = content(exported / "stac")
    assert command("list", str(exported), "--output", "stac").exit_code == 0
    assert content(exported / "stac") == before


@pytest.mark.slow
def test_a_package_that_is_gone(command: Command, exported: Path, validator: Any) -> None:
    """A package whose file was deleted leaves the catalog with its collection; other people's files stay."""
    note = exported / "stac" / "notes.json"
    gone = next(exported.glob("*/*.zip"))
    stray = next(exported.glob(f"stac/workflow_{gone.parent.name}")) / "stray.json"
    for path in (note, stray):
        path.write_text("{}")
    gone.unlink()
    listed = command("list", str(exported), "--output", "stac")
    _, items = opened(exported / "stac" / "catalog.json", validator)
    assert len(items) == 1 and "1 package left out: not in the folder any more" in listed.stderr
    assert note.exists() and [path.name for path in stray.parent.iterdir()] == [stray.name]


@pytest.mark.slow
def test_a_failed_run_leaves_the_catalog(command: Command, served: Sandbox, exported: Path, validator: Any) -> None:
    """A run that cannot write an item exits with 5; the catalog of the last run is whole and unchanged."""
    path = exported / "stac" / "catalog.json"
    before, job = path.read_bytes(), served.add_job(1)
    command("export", f"job:{job.workflow_id}/{job.id}", "--to", str(exported))
    (exported / "stac" / f"workflow_{job.workflow_id}").write_text("in the way")
    failed = command("list", str(exported), "--output", "stac")
    assert (failed.exit_code, failed.stdout, "choose another folder by --to" in failed.stderr) == (5, "", True)
    assert path.read_bytes() == before and len(opened(path, validator)[1]) == 2


@pytest.mark.slow
def test_a_catalog_elsewhere(command: Command, exported: Path, tmp_path: Path, validator: Any) -> None:
    """`--to` chooses the folder of the catalog, also through a link; another's catalog is not overwritten."""
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real" / "deep")
    assert command("list", str(exported), "--output", "stac", "--to", str(tmp_path / "link" / "c")).exit_code == 0
    assert len(opened(tmp_path / "real" / "deep" / "c" / "catalog.json", validator)[1]) == 2

    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "catalog.json").write_text('{"type": "Catalog"}')
    refused = command("list", str(exported), "--output", "stac", "--to", str(tmp_path / "theirs"))
    assert refused.exit_code == 2 and "is another catalog" in refused.stderr
    assert (tmp_path / "theirs" / "catalog.json").read_text() == '{"type": "Catalog"}'


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list", "x", "--output", "csv", "--to", "y"), "--to is for --output stac"),
        (("list", "x", "--output", "stac", "--state", "failed"), "leave --state out"),
        (("list", "s3://bucket/x", "--output", "stac"), "choose one by --to FOLDER"),
    ],
)
def test_options_that_do_not_fit(command: Command, arguments: tuple[str, ...], said: str) -> None:
    """Options that a catalog cannot follow are refused, with the option to use instead."""
    refused = command(*arguments)
    assert (refused.exit_code, said in refused.stderr) == (2, True), refused.stderr


def test_ids_are_unique_and_safe_names() -> None:
    """Different packages have different ids, on file systems without case, too; each is a safe file name."""
    texts = [
        *("job:a/b", "job:a-b", "job:a/b-c", "job:a_b", "job:a/B", "job:A/b", "job:a/b_c", "job:a_b/c", "link:a/b"),
        *("asset:a/asset_ids=b", "asset:a/asset_ids=b,c", "asset:a/asset_ids=b%2Cc", "job:ü/ö", "job:o/ö", "job:./."),
        *(f"catalog:catalog_ids={'x,' * count}" for count in (100, 101)),
    ]
    ids = [stac_id(text) for text in texts]
    assert len({each.casefold() for each in ids}) == len(texts) and stac_id("job:a/b") == "job_a_b"
    assert all(len(each) <= 120 and each.replace("_", "").replace("-", "").isascii() for each in ids)


@pytest.mark.parametrize(
    ("given", "usable"),
    [
        (POLYGON | {"crs": {}}, POLYGON),
        ({"type": "GeometryCollection", "geometries": [POLYGON, POLYGON]}, "MultiPolygon"),
        ({"type": "GeometryCollection", "geometries": [POLYGON, {"type": "Point", "coordinates": [1, 1]}]}, "Polygon"),
        ({"type": "GeometryCollection", "geometries": []}, None),
        ({"type": "Polygon", "coordinates": []}, None),
        ({"type": "Point", "coordinates": [500000, 4000000]}, None),
        ({"type": "Point", "coordinates": [float("nan"), 1]}, None),
        ({"type": "Point", "coordinates": ["1", "2"]}, None),
        (None, None),
    ],
)
def test_geometries_as_stac_allows_them(given: Any, usable: Any, validator: Any) -> None:
    """A geometry that STAC does not allow becomes its nearest form, or none; the item is valid in each case."""
    found = usable_geometry(given)
    assert (found and found["type"] if isinstance(usable, str) else found) == usable
    item = stac_item(ROW, {}, {}, given, home=Path("/c/items"))
    pystac.Item.from_dict(item).validate(validator=validator)
    assert ("bbox" in item) == (usable is not None) and item["assets"]["package"]["href"] == "s3://b/x.zip"


def test_the_time_of_an_item() -> None:
    """An item's time is the day of acquisition where the record has it, else the end of the download."""
    finished = datetime(2026, 11, 30, 3, 4, 5, tzinfo=UTC)
    for fields, when in (({"date": "2025-01-22"}, "2025-01-22T00:00:00Z"), ({"date": "?"}, "2026-11-30T03:04:05Z")):
        properties = stac_item(ROW | {"finished_at": finished}, fields, {}, None, home=Path("/c"))["properties"]
        assert (properties["datetime"], properties["created"]) == (when, "2026-11-30T03:04:05Z")
