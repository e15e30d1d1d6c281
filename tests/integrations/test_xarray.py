"""Rasters of packages become lazy DataArrays with band names and wavelengths, from the archive or unpacked."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from pixxel_async import AssetPackage, CatalogPackage, Downloaded, DownloadManager, JobPackage, PixxelClient
from pixxel_async.errors import ConfigError
from pixxel_async.sandbox import Sandbox

for name in ("rioxarray", "dask.array"):
    pytest.importorskip(name, reason="needs the extra xarray")
import numpy  # noqa: E402
import rasterio  # noqa: E402

from pixxel_async.integrations.xarray import open as open_array  # noqa: E402
from pixxel_async.integrations.xarray import quicklook  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:Use .@. matmul:PendingDeprecationWarning")  # of rioxarray
S2 = ["B02", "B03", "B04", "B08", "B8A", "B11"]


async def fetched(folder: Path, package: Any = None, **options: Any) -> tuple[Downloaded, Sandbox]:
    """Fetch a package of the sandbox; by default the images of an order."""
    async with Sandbox(packing=0) as sandbox, PixxelClient(sandbox.api_key, base_url=sandbox.url) as client:
        wanted = package(sandbox) if package else CatalogPackage(order_item_ids=sandbox.add_order(images=1).item_ids)
        async with DownloadManager(client, folder) as manager:
            return await manager.fetch(wanted, **options), sandbox


def of_aoi(sandbox: Sandbox) -> AssetPackage:
    """Add an AOI and return a package of its assets: one file per band, of a scene and of a mosaic."""
    from pixxel_async.sandbox.data.entities.areas import assets

    area = sandbox.add_aoi(images=1)
    return AssetPackage(aoi_id=area.id, asset_ids=[row["id"] for row in assets(area, sandbox.clock.now())])


def of_job(sandbox: Sandbox) -> JobPackage:
    """Add a job with rasters of several sizes and kinds and return its package."""
    run = sandbox.add_job(tasks=4)
    return JobPackage(workflow_id=run.workflow_id, job_id=run.id)


@pytest.mark.parametrize("unpacked", [False, True])
async def test_a_package_is_a_lazy_cube(tmp_path: Path, unpacked: bool) -> None:
    """A package opens lazily from the outcome or its path, and its bands equal rasterio's by name and wavelength."""
    done, _ = await fetched(tmp_path, extract=unpacked)
    for source in (done, done.folder if unpacked else done.path, str(done.rasters[0]) if unpacked else done.path):
        assert source is not None
        cube = open_array(source)
        assert cube.chunks is not None and cube.dtype == "uint16" and cube.dims == ("band", "y", "x")
        assert list(cube["band"].values) == S2 and cube.rio.nodata == 0
        red = cube.sel(wavelength=660, method="nearest")
        assert red["band"] == "B04" and float(red["wavelength"]) == 665
        with rasterio.open(done.rasters[0]) as raster:
            assert (red.values == raster.read(3)).all()
            assert cube.rio.crs == raster.crs and cube.rio.transform() == raster.transform
        assert (cube.sel(band="B04") == red).all()


async def test_reflectance_is_scaled_and_without_nodata(tmp_path: Path) -> None:
    """Reflectance is the pixel divided by 50,000, with NaN for nodata; indices are not scaled."""
    done, _ = await fetched(tmp_path)
    raw, made = open_array(done), open_array(done, reflectance=True)
    assert made.dtype == "float32" and made.chunks is not None
    pixels, values = raw.values, made.values
    assert numpy.isnan(values[pixels == 0]).all() and (pixels == 0).any()
    assert numpy.allclose(values[pixels > 0], pixels[pixels > 0] / 50_000, atol=1e-6)
    assert numpy.isnan(made.rio.nodata) and made.sel(wavelength=560, method="nearest")["band"] == "B03"


async def test_files_of_single_bands_are_one_cube(tmp_path: Path) -> None:
    """Single-band files of one asset become one cube; a scene and its mosaic together need a choice."""
    done, _ = await fetched(tmp_path, of_aoi)
    with pytest.raises(ConfigError, match=r"same bands.*B02\.tif"):
        open_array(done)
    cube = open_array(done, "*/mosaic_*/*.tif")
    assert list(cube["band"].values) == S2 and cube["wavelength"].values[-1] == 1610
    assert cube.rio.crs is not None and cube.compute().shape == (6, 64, 256)
    assert list(open_array(done, "**/mosaic_*/B0[!x]*.tif".replace("[!x]", "?"))["band"].values) == S2[:4]


async def test_unknown_wavelengths_and_grids(tmp_path: Path) -> None:
    """An unknown wavelength warns; different grids and an unmatched pattern raise with the available rasters."""
    done, _ = await fetched(tmp_path, of_job)
    with pytest.raises(ConfigError, match="choose by which"):
        open_array(done)
    with pytest.raises(ConfigError, match=r"no raster 'none\.tif'.*outputs/"):
        open_array(done, "none.tif")
    with pytest.warns(UserWarning, match="no wavelength is known for B08/B04"):
        index = open_array(done, "ndvi.tif")
    assert "wavelength" not in index.coords and list(index["band"].values) == ["B08/B04"] and index.dtype == "float32"
    with pytest.warns(UserWarning, match="wavelength"), pytest.raises(ConfigError, match="float32, no reflectance"):
        open_array(done, "ndvi.tif", reflectance=True)
    with pytest.raises(ConfigError, match="no package on disk"):
        open_array(tmp_path / "gone.zip")
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"II*\0nothing")
    with pytest.raises(ConfigError, match="cannot be read"):
        open_array(broken)


async def test_a_quicklook_is_a_picture(tmp_path: Path) -> None:
    """A quicklook is RGB by wavelength, transparent without data and bounded in size; a single band is grey."""
    done, _ = await fetched(tmp_path)
    cube = open_array(done)
    picture = quicklook(cube)
    assert picture.dims == ("y", "x", "rgba") and picture.dtype == "uint8" and picture.shape == (128, 256, 4)
    assert (picture.values[:, 0, 3] == 0).all() and (picture.values[:, 10, 3] == 255).all()
    assert picture.values[..., :3].max() == 255 and picture.rio.crs == cube.rio.crs
    red = cube.sel(band="B04").values[:, 10:].astype(float)
    assert numpy.corrcoef(picture.values[:, 10:, 0].ravel(), red.ravel())[0, 1] > 0.99
    assert max(quicklook(cube, size=50).shape) <= 50
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        grey = quicklook(cube.sel(band="B11"))
    assert (grey.values[..., 0] == grey.values[..., 2]).all()
