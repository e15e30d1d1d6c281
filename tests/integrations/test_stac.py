"""Rows of archive and catalog become STAC objects that pystac validates, with correct extensions.

pystac ships the schemas of the core; those of extensions are on a server, so their rules are written here.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from typing import Any

import pytest

from pixxel_async import PixxelClient
from pixxel_async.errors import ConfigError
from pixxel_async.models import STACCollection, STACItem
from pixxel_async.sandbox import Sandbox

pystac = pytest.importorskip("pystac", reason="needs the extra stac")
from pystac.extensions.eo import EOExtension  # noqa: E402
from pystac.extensions.projection import ProjectionExtension  # noqa: E402
from pystac.extensions.raster import RasterExtension  # noqa: E402
from pystac.extensions.view import ViewExtension  # noqa: E402
from pystac.validation import validate_dict  # noqa: E402

from pixxel_async.integrations.stac import from_item, to_collection, to_item, to_items  # noqa: E402

Rule = Callable[[Any], bool]


def between(low: float, high: float) -> Rule:
    """Return a check for a number within these bounds."""
    return lambda value: isinstance(value, int | float) and low <= value <= high


def numbers(*lengths: int) -> Rule:
    """Return a check for a list of finite numbers of one of these lengths."""
    return lambda value: len(value) in lengths and all(math.isfinite(one) for one in value)


RULES: dict[str, dict[str, Rule]] = {
    "eo": {"eo:cloud_cover": between(0, 100), "eo:bands": lambda value: bool(value)},
    "proj": {
        "proj:code": lambda value: re.fullmatch(r"[A-Z]+:\d+", value) is not None,
        "proj:wkt2": lambda value: value.startswith("PROJCRS["),
        "proj:shape": lambda value: len(value) == 2 and all(isinstance(one, int) and one > 0 for one in value),
        "proj:transform": numbers(6, 9),
    },
    "view": {
        "view:off_nadir": between(0, 90),
        "view:sun_azimuth": between(0, 360),
        "view:sun_elevation": between(-90, 90),
    },
    "sat": {
        "sat:orbit_state": {"ascending", "descending", "geostationary"}.__contains__,
        "sat:relative_orbit": between(1, 10_000),
    },
    "raster": {"raster:bands": lambda value: bool(value)},
    "sci": {"sci:doi": lambda value: value.startswith("10.")},
}
BAND: dict[str, Rule] = {
    "name": lambda value: bool(value),
    "common_name": {"blue", "green", "red", "nir"}.__contains__,
    "center_wavelength": between(0.3, 20),
    "full_width_half_max": between(0.0001, 1),
    "solar_illumination": between(0, 3000),
}
PIXEL: dict[str, Rule] = {
    "nodata": lambda value: isinstance(value, int | float),
    "scale": between(0, 1),
    "offset": between(-1, 1),
    "spatial_resolution": between(0.1, 1000),
}


def faults(made: dict[str, Any]) -> list[str]:
    """Return violations of declared extensions, and members of extensions that are not declared."""
    declared = {re.split(r"[/]", uri)[3] for uri in made["stac_extensions"]}
    named = {"eo": "eo", "proj": "projection", "view": "view", "sat": "sat", "raster": "raster", "sci": "scientific"}
    found = []
    for members in (made["properties"], *made["assets"].values()):
        for name, value in members.items():
            space = name.partition(":")[0]
            if ":" not in name or space not in named:
                continue
            rule = RULES[space].get(name)
            if named[space] not in declared or rule is None or not rule(value):
                found.append(f"{name} = {value!r}")
    for asset in made["assets"].values():
        for bands, rules in ((asset.get("eo:bands", ()), BAND), (asset.get("raster:bands", ()), PIXEL)):
            found += [f"{band}" for band in bands if not all(rules[name](value) for name, value in band.items())]
    return found


def check(made: Any) -> dict[str, Any]:
    """Return the object as JSON after validating it against the core schema and its extensions' rules."""
    encoded: dict[str, Any] = made.to_dict()
    validate_dict(encoded, extensions=[])
    if encoded["type"] == "Feature":
        assert faults(encoded) == []
    return encoded


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "profile"), [(1, "literal"), (7, "realistic"), ("other", "realistic")])
async def test_every_item_and_collection_is_valid(seed: int | str, profile: str) -> None:
    """Every item and collection of archive, catalog and image search is valid, for any seed."""
    async with (
        Sandbox(seed=seed, profile=profile) as sandbox,
        PixxelClient(sandbox.api_key, base_url=sandbox.url) as client,
    ):
        sandbox.add_order(images=3)
        archive = await to_items(client.archives.search(limit=50))
        catalog = await to_items(client.catalogs.search(limit=50))
        assert len(archive) == 112 and len(catalog) >= 3
        for item in (*archive, *catalog):
            encoded = check(item)
            assert [link["rel"] for link in encoded["links"]].count("collection") == 1
            assert "eo:bands" in encoded["assets"]["data"]
        for row in (await client.archives.list_collections()).rows:
            check(to_collection(row))


async def test_extensions_are_read_as_pystac_reads_them() -> None:
    """pystac reads bands in micrometres by name, scale and nodata, projection and view."""
    async with Sandbox() as sandbox, PixxelClient(sandbox.api_key, base_url=sandbox.url) as client:
        rows = await client.archives.search(collections=["sentinel-2-l2a"], limit=1)
        item = to_item(rows[0])
    bands = EOExtension.ext(item.assets["data"]).bands
    assert [(band.name, band.center_wavelength) for band in bands][:2] == [("B02", 0.493), ("B03", 0.56)]
    assert bands[0].full_width_half_max == 0.0055 and bands[0].solar_illumination > 1000
    assert RasterExtension.ext(item.assets["data"]).bands[0].scale == 0.00002
    projection = ProjectionExtension.ext(item)
    assert projection.epsg is not None and projection.shape == [1024, 1024]
    assert ViewExtension.ext(item).off_nadir == rows[0].properties.view_off_nadir
    assert "pixxel:scene_center_lat" in item.properties and "sci:doi" not in item.properties


async def test_limit_stops_and_catalog_entries_keep_their_id() -> None:
    """`limit` stops paging as soon as enough rows are read; a catalog entry keeps its id."""
    async with Sandbox() as sandbox, PixxelClient(sandbox.api_key, base_url=sandbox.url) as client:
        assert len(await to_items(client.archives.search(limit=10), limit=15)) == 15
        assert sandbox.count("archives.search") == 2
        entry = (await client.catalogs.search(limit=1))[0]
        item = to_item(entry)
        assert item.properties["pixxel:catalog_id"] == entry.id
        assert item.properties["proj:code"].startswith("EPSG:32") and "proj:epsg" not in item.properties
        with pytest.raises(ConfigError, match="limit"):
            await to_items(client.archives.search(), limit=0)


async def test_round_trip() -> None:
    """A round trip keeps id, time, footprint, collection and bands, with wavelengths in micrometres."""
    async with Sandbox() as sandbox, PixxelClient(sandbox.api_key, base_url=sandbox.url) as client:
        row = (await client.archives.search(limit=1))[0]
    back = from_item(to_item(row))
    assert (back.id, back.collection, back.bbox, back.geometry) == (row.id, row.collection, row.bbox, row.geometry)
    assert back.properties is not None and row.properties is not None
    assert back.properties.datetime == row.properties.datetime
    band, ours = row.assets["data"].eo_bands[0], back.assets["data"].eo_bands[0]
    assert (ours.name, ours.center_wavelength, ours.fwhm) == (band.name, 0.479, 0.0055)
    assert ours.solar_irradiance == band.solar_irradiance


def test_rows_that_cannot_be_items() -> None:
    """A row without id or time is refused; a missing bbox is computed from the footprint."""
    with pytest.raises(ConfigError, match="id"):
        to_item(STACItem.from_dict({"properties": {"datetime": "2025-01-01T00:00:00Z"}}))
    with pytest.raises(ConfigError, match="time"):
        to_item(STACItem.from_dict({"id": "x", "properties": {}}))
    with pytest.raises(ConfigError, match="id"):
        to_collection(STACCollection.from_dict({}))
    shape = {"type": "MultiPolygon", "coordinates": [[[[5, 50], [6, 50], [6, 51], [5, 50]]]]}
    row = {"id": "x", "geometry": shape, "properties": {"datetime": "2025-01-01T00:00:00"}}
    assert check(to_item(STACItem.from_dict(row)))["bbox"] == [5, 50, 6, 51]


def test_wavelengths_in_micrometres_are_kept() -> None:
    """A wavelength already in micrometres is kept; nanometres are recognised by their magnitude."""
    band = {"name": "B01", "center_wavelength": 0.443, "fwhm": 0.027, "common_name": None}
    row = {
        "id": "x",
        "properties": {"startdatetime": "2025-01-01T00:00:00Z"},
        "assets": {"data": {"href": "https://a.example/x.tif", "eo:bands": [band]}, "lost": {"title": "no address"}},
    }
    item = to_item(STACItem.from_dict(row))
    assert set(item.assets) == {"data"}
    assert item.assets["data"].extra_fields["eo:bands"] == [
        {"name": "B01", "center_wavelength": 0.443, "full_width_half_max": 0.027}
    ]
    assert item.datetime is None and item.common_metadata.start_datetime == dt.datetime(2025, 1, 1, tzinfo=dt.UTC)


def test_foreign_items_become_rows() -> None:
    """Items of other APIs become rows; STAC 1.1's `bands` are read as well."""
    item = pystac.Item("s2", None, None, dt.datetime(2025, 1, 1, tzinfo=dt.UTC), {"proj:code": "EPSG:32631"})
    bands = [{"name": "B04", "eo:center_wavelength": 0.665, "eo:full_width_half_max": 0.03}]
    item.add_asset("red", pystac.Asset("https://a.example/red.tif", extra_fields={"bands": bands}))
    row = from_item(item)
    assert row.properties is not None and row.properties.proj_epsg == 32631
    assert (row.assets["red"].eo_bands[0].center_wavelength, row.assets["red"].eo_bands[0].fwhm) == (0.665, 0.03)
