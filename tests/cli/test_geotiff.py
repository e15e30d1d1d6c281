"""Bounds read from GeoTIFFs equal those of rasterio and PROJ."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pixxel_async._formats.geo.footprint import read_outline
from pixxel_async._formats.geo.geotiff_bounds import read_bounds

pytestmark = pytest.mark.slow


@pytest.fixture
def rasterio() -> Any:
    """Return the library, which takes a second to import."""
    pytest.importorskip("rasterio.warp")
    return pytest.importorskip("rasterio")


def tiff(rasterio: Any, epsg: int, west: float, north: float, pixel: float, **options: Any) -> bytes:
    """Return a GeoTIFF of 20 x 10 pixels, made by GDAL."""
    size = {"width": 20, "height": 10, "count": 1, "dtype": "uint8", "driver": "GTiff"}
    where = {"crs": f"EPSG:{epsg}", "transform": rasterio.Affine(pixel, 0.0, west, 0.0, -pixel, north)}
    with rasterio.MemoryFile() as file:
        with file.open(**size, **where, **options):
            pass
        return bytes(file.read())


CASES = [
    (4326, 75.0, 31.0, 0.01), (32643, 531_210.0, 3_420_320.0, 10.0), (32601, 200_000.0, 100.0, 1000.0),
    (32719, 700_000.0, 6_300_000.0, 30.0), (3857, 8_000_000.0, -3_000_000.0, 100.0),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("options", [{}, {"BIGTIFF": "YES"}, {"ENDIANNESS": "BIG"}], ids=str)
def test_bounds(rasterio: Any, case: tuple[int, float, float, float], options: dict[str, str]) -> None:
    """Bounds differ from PROJ's by at most 1e-6 degrees, in TIFF and BigTIFF of either byte order."""
    data = tiff(rasterio, *case, **options)
    with rasterio.MemoryFile(data) as file, file.open() as raster:
        pixel, _, west, _, down, north, *_ = raster.transform
        corners = [(west + x * pixel, north + y * down) for x, y in ((0, 0), (20, 0), (20, 10), (0, 10))]
    x, y = rasterio.warp.transform(f"EPSG:{case[0]}", "EPSG:4326", *zip(*corners, strict=True))

    assert read_bounds(io.BytesIO(data)) == pytest.approx((min(x), min(y), max(x), max(y)), abs=1e-6)


@pytest.mark.parametrize("data", [b"", b"II*\0", b"PK\3\4", (2154, 7e5, 6.6e6, 10.0), (4326, 179.9, 0, 0.1)])
def test_no_bounds(rasterio: Any, data: Any) -> None:
    """A file that is not a GeoTIFF, is in an unsupported coordinate system, or reaches beyond ±180° has no bounds."""
    made = data if isinstance(data, bytes) else tiff(rasterio, *data)
    assert read_bounds(io.BytesIO(made)) is None


def test_rasters_give_the_footprint_of_a_package(rasterio: Any, tmp_path: Path) -> None:
    """Without GeoJSON the footprint of an archive or folder is the common bounds of its rasters."""
    (tmp_path / "folder").mkdir()
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, west in (("1.tif", 75.0), ("2.TIFF", 76.0)):
            archive.writestr(name, tiff(rasterio, 4326, west, 31.0, 0.01))
            (tmp_path / "folder" / name).write_bytes(tiff(rasterio, 4326, west, 31.0, 0.01))

    expected = [[75.0, 30.9], [76.2, 30.9], [76.2, 31.0], [75.0, 31.0], [75.0, 30.9]]
    for place in ("a.zip", "folder"):
        assert read_outline(tmp_path / place) == {"type": "Polygon", "coordinates": [expected]}
