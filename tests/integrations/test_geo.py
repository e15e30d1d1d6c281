"""Rows and packages become a GeoDataFrame with all columns and their geometries."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixxel_async import DownloadManager, PixxelClient
from pixxel_async.errors import ConfigError
from pixxel_async.sandbox import Sandbox

geopandas = pytest.importorskip("geopandas", reason="needs the extra geo")
from pixxel_async.integrations.geo import frame  # noqa: E402


async def test_every_kind_of_row_has_its_geometry() -> None:
    """AOIs, images, assets, order items, catalog entries and visualizations have ids and geometries in degrees."""
    async with Sandbox() as sandbox, PixxelClient(sandbox.api_key, base_url=sandbox.url) as client:
        aois = list(await client.aois.list())
        first = aois[0].aoi_id or ""
        pictures = await client.visualizations.list(first)
        created = await client.visualizations.create(first, index_id=list(sandbox.world.indices)[2])
        kinds = {
            "aois": aois,
            "images": await client.archives.search(limit=5),  # a page, as it is
            "assets": list(await client.assets.list(first)),
            "order items": list(await client.order_items.list()),
            "catalog": list(await client.catalogs.search()),
            "visualizations": [created],
        }
    for name, rows in kinds.items():
        made = frame(rows)
        assert len(made) == len(rows) > 0, name
        assert made.crs.to_epsg() == 4326
        assert made.geometry.notna().all() and made.geometry.is_valid.all(), name
        assert list(made["id"]) == [getattr(row, "id", None) or getattr(row, "aoi_id", None) for row in rows]
        assert made.columns[0] == "id" and made.columns[-1] == "geometry"
    assert frame(kinds["images"])["eo:cloud_cover"].between(0, 100).all()
    assert frame(aois).total_bounds[0] == pytest.approx(-61.73, abs=0.01)
    assert frame(list(pictures)).geometry.isna().all()


async def test_packages_on_disk(tmp_path: Path) -> None:
    """Fetched, existing and unpacked packages have footprints; a file without a geometry has None."""
    async with Sandbox(packing=0) as sandbox, PixxelClient(sandbox.api_key, base_url=sandbox.url) as client:
        job = sandbox.add_job()
        for run in range(2):
            async with DownloadManager(client, tmp_path / "out") as manager:
                done = await manager.fetch(f"job:{job.workflow_id}/{job.id}", extract=True)
                assert done.fetched is (run == 0)
            made = frame([done, done.path])
            assert made.geometry.notna().all()
            assert made["id"][0] == f"job:{job.workflow_id}/{job.id}" and made["size"][0] == done.size
            west, south, east, north = made.total_bounds
            assert 75 < west < east < 76 and 30 < south < north < 32
    empty = tmp_path / "notes.txt"
    empty.write_text("no package")
    assert frame([empty]).geometry.isna().all()


def test_empty_frames_and_invalid_geometries() -> None:
    """An empty frame has its columns; a row with an invalid geometry is kept without it."""
    assert list(frame([]).columns) == ["id", "geometry"]
    broken = {"id": "a", "geometry": {"type": "Polygon", "coordinates": "x"}, "name": "n"}
    made = frame([broken, {"aoi_id": "b"}])
    assert list(made["id"]) == ["a", "b"] and made.geometry.isna().all() and made["name"][0] == "n"


async def test_a_listing_is_read_first() -> None:
    """A listing that was not awaited is refused with an error that names `async for`."""
    async with PixxelClient("k", base_url="http://127.0.0.1:9") as client:
        with pytest.raises(ConfigError, match="async for"):
            frame(client.aois.list())  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="single"):
        frame({"id": "a"})
