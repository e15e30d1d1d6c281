"""Rasters of packages as lazy DataArrays with band names and wavelengths.

cube = open(done, which="outputs/**/*.tif", reflectance=True)
cube = open("pixxel://job:W/J", which="outputs/**/*.tif")  # from the archive in the storage, nothing is downloaded
red = cube.sel(wavelength=660, method="nearest")
quicklook(cube).plot.imshow()
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from attrs import frozen

from .._formats.globs import matches
from .._formats.zip_entry import is_raster
from ..errors import ConfigError
from ..events import Downloaded, Skipped, rasters_in

try:
    import dask.array
    import numpy
    import rasterio
    import rioxarray
    import xarray
except ImportError:
    raise ConfigError("DataArrays need an extra: pip install 'pixxel-async[xarray]'") from None

if TYPE_CHECKING:
    from .fs import PixxelFileSystem

__all__ = ["open", "quicklook"]

_REMOTE = "pixxel://"

SCALE = 0.00002
"""Reflectance of a pixel of 1; L2A pixels are 0 to 50,000. Source: the vendor's product processing page."""
_CHUNKS = {"band": 1, "y": 1024, "x": 1024}
_VISIBLE = (665.0, 560.0, 490.0)
"""Wavelengths of red, green and blue in nm."""
_FAR = 60.0
"""nm from these beyond which a band does not stand for a colour."""
_SHARE = (2, 98)
"""Percentiles that become black and white."""
_NAME = re.compile(r"B[0-9]{1,3}[A-Z]?")
"""Files of a single band that are named as it."""


def open(
    done_or_path: Downloaded | Skipped | str | Path,
    which: str = "*",
    *,
    reflectance: bool = False,
    files: PixxelFileSystem | None = None,
) -> xarray.DataArray:
    """Open the rasters of a package as one lazy array; nothing is unpacked, and pixels are read when computed.

    Args:
        done_or_path: the outcome of `fetch`; the path of a package, of its unpacked folder, or of a raster; or
            `pixxel://job:W/J` for a package that stays in the storage, of which only the blocks of these pixels are
            fetched (it needs the extra `fs`).
        which: pattern of the names inside, such as `outputs/ndvi/*.tif`; without a slash it is matched against the last
            part of a name. Rasters of the same grid become the bands of one array, such as the files of an asset.
        reflectance: whether to return reflectance as float32, NaN where there is no data, by the raster's own scale or
            else that of L2A; else pixels are as stored, and `rio.nodata` says which value has no data.
        files: the file system of `pixxel://`, with settings of its own; None for those of the environment.

    Returns:
        An array of (band, y, x) with one chunk of at most 1,024 by 1,024 pixels a band, its CRS at `rio.crs`. The
        coordinate `band` has the names of the bands. `wavelength` has their centres in nm, by which they are ordered:
        `cube.sel(wavelength=660, method="nearest")`. Where these are not known for all bands the coordinate is missing,
        and a `UserWarning` says so.

    Raises:
        ConfigError: there is no such raster, the rasters have several grids or the same bands, or reflectance is wanted
            of something else, such as an index.
    """
    if str(done_or_path).startswith(_REMOTE):
        named = _choose_remote(str(done_or_path), which, files)
    else:
        named = _choose_local(done_or_path, which)
    arrays = [_read(source, name) for name, source in named.items()]
    first = arrays[0]
    if any(not _same_grid(first, other) for other in arrays[1:]):
        raise ConfigError(f"the rasters have several grids or pixel types: choose by which, among {_list_some(named)}")
    cube = first if len(arrays) == 1 else xarray.concat(arrays, "band", join="override", combine_attrs="override")
    bands = [str(name) for name in cube["band"].values]
    if len(set(bands)) < len(bands):
        raise ConfigError(f"several rasters have the same bands: choose by which, among {_list_some(named)}")
    cube = _with_wavelengths(cube, [length for array in arrays for length in array.attrs["wavelengths"]])
    del cube.attrs["wavelengths"]
    return _to_reflectance(cube) if reflectance else cube


def _choose_local(source: Downloaded | Skipped | str | Path, which: str) -> dict[str, str]:
    """Return the URLs of the wanted rasters by their names in the package."""
    if isinstance(source, Downloaded | Skipped):
        path, folder, urls = source.path, source.folder, source.rasters
    else:
        path = Path(source)
        folder = path if path.is_dir() else None
        urls = rasters_in(path, folder, None)
    if path is None or (not urls and not path.exists()):
        raise ConfigError(f"there is no package on disk to open: {path or source!r}")
    base = f"{folder}/" if folder is not None else str(path)
    return _choose({_member_name(url, base): url for url in urls}, which, path.name)


def _choose_remote(url: str, which: str, files: PixxelFileSystem | None) -> dict[str, Any]:
    """Return the wanted rasters of a package in the storage as files of fsspec, by their names in the package."""
    from fsspec.core import OpenFile

    from .fs import PixxelFileSystem, split

    files = files or PixxelFileSystem()
    package, _ = split(url.removeprefix(_REMOTE))
    paths = [path for path in files.find(url) if is_raster(path)]
    names = {path.removeprefix(f"{package}/"): OpenFile(files, path) for path in paths}
    return _choose(names, which, str(package))


def _choose(names: dict[str, Any], which: str, title: str) -> dict[str, Any]:
    glob = which if "/" in which else f"**/{which}"
    chosen = {name: source for name, source in names.items() if matches(name, glob)}
    if not chosen:
        contents = f"it holds {_list_some(names)}" if names else "it holds none"
        raise ConfigError(f"{title} has no raster {which!r}: {contents}")
    return chosen


def _member_name(url: str, base: str) -> str:
    """Return a raster's name inside of its package."""
    _, match, rest = url.partition(base)
    return rest.lstrip("}/") if match and rest.strip("}/") else Path(url).name


def _list_some(names: Sequence[str] | dict[str, str]) -> str:
    listed = list(names)
    return ", ".join(listed[:6]) + (f" and {len(listed) - 6} more" if len(listed) > 6 else "")


def _read(source: Any, name: str) -> xarray.DataArray:
    """Open one raster, its band names as the coordinate `band` and its wavelengths in the attributes."""
    try:
        array = (
            rioxarray.open_rasterio(source, chunks=_CHUNKS) if isinstance(source, str) else _lazily_from_storage(source)
        )
        with rasterio.open(source) as raster:
            described = list(raster.descriptions)
            lengths = [_wavelength(raster.tags(at), raster.tags(at, ns="IMAGERY")) for at in raster.indexes]
    except rasterio.errors.RasterioIOError as error:
        raise ConfigError(f"{name} cannot be read as a raster: {error}") from None
    stem = PurePosixPath(name).stem
    single = stem if len(described) == 1 and _NAME.fullmatch(stem) else None
    bands = [str(described_name or single or at) for at, described_name in enumerate(described, 1)]
    attributes = {
        key: value for key, value in array.attrs.items() if "wavelength" not in key.lower() and key != "long_name"
    }
    array = array.assign_coords(band=bands)
    array.attrs = {**attributes, "wavelengths": lengths}
    return array


@frozen
class _StoredRaster:
    """Pixels of a raster in the storage, to be sliced by dask.

    Each read opens and closes the raster: rasterio finds a file's opener in the context that opened it only, and
    crashes where the garbage collector closes a dataset in another thread. The header's blocks are cached.
    """

    source: Any
    shape: tuple[int, ...]
    dtype: Any
    ndim: int = 3

    def __getitem__(self, key: tuple[int | slice, ...]) -> Any:
        """Read a window; its indices count bands, lines and columns from 0."""
        ranges = [
            range(size)[index] if isinstance(index, slice) else range(index, index + 1)
            for size, index in zip(self.shape, key, strict=True)
        ]
        shape = tuple(map(len, ranges))
        if not all(shape):
            return numpy.empty(shape, self.dtype)
        bands, lines, columns = (slice(min(each), max(each) + 1) for each in ranges)
        with rasterio.open(self.source) as raster:
            window = rasterio.windows.Window.from_slices(lines, columns)
            pixels = raster.read(list(range(bands.start + 1, bands.stop + 1)), window=window)
        steps = (slice(None, None, each.step) for each in ranges)
        return pixels[tuple(step if isinstance(index, slice) else 0 for step, index in zip(steps, key, strict=True))]


def _lazily_from_storage(source: Any) -> xarray.DataArray:
    """Open a raster in the storage, with the coordinates and attributes that rioxarray gives those on disk."""
    with rasterio.open(source) as raster:
        pixels = _StoredRaster(source, (raster.count, raster.height, raster.width), numpy.dtype(raster.dtypes[0]))
        a, b, c, d, e, f = raster.transform[:6]
        attrs = {"AREA_OR_POINT": raster.tags().get("AREA_OR_POINT", "Area")}
        attrs |= {"scale_factor": raster.scales[0], "add_offset": raster.offsets[0]}
        crs, transform, nodata = raster.crs, raster.transform, raster.nodata
    data = dask.array.from_array(
        pixels, tuple(_CHUNKS.values()), name=f"pixxel-{source.path}-{uuid4().hex}", fancy=False,
        meta=numpy.empty((0, 0, 0), pixels.dtype),
    )  # fmt: skip
    array = xarray.DataArray(data, dims=("band", "y", "x"), attrs=attrs).rename(None)
    if b == d == 0:
        _, lines, columns = pixels.shape
        array = array.assign_coords(y=(numpy.arange(lines) + 0.5) * e + f, x=(numpy.arange(columns) + 0.5) * a + c)
    array = array.rio.write_transform(transform)
    array = array if crs is None else array.rio.write_crs(crs)
    return array if nodata is None else array.rio.write_nodata(nodata)


def _wavelength(tags: dict[str, str], imagery: dict[str, str]) -> float | None:
    """Return the centre of a band in nm as GDAL's own domain has it, or as ENVI's headers do."""
    try:
        if "CENTRAL_WAVELENGTH_UM" in imagery:
            return round(float(imagery["CENTRAL_WAVELENGTH_UM"]) * 1000, 6)
        value = float(tags["wavelength"])
    except (KeyError, ValueError):
        return None
    return value * 1000 if tags.get("wavelength_units", "").lower().startswith("micro") else value


def _same_grid(first: xarray.DataArray, second: xarray.DataArray) -> bool:
    alike = first.rio.crs == second.rio.crs and first.shape[1:] == second.shape[1:] and first.dtype == second.dtype
    return bool(alike and first.rio.transform() == second.rio.transform())


def _with_wavelengths(cube: xarray.DataArray, lengths: list[float | None]) -> xarray.DataArray:
    """Order the bands by their wavelengths, which become an index beside their names."""
    unknown = [str(name) for name, length in zip(cube["band"].values, lengths, strict=True) if length is None]
    if unknown:
        warnings.warn(f"no wavelength is known for {_list_some(unknown)}: select by band", UserWarning, stacklevel=3)
        return cube
    ordered = cube.assign_coords(wavelength=("band", [float(length or 0) for length in lengths])).sortby("wavelength")
    ordered["wavelength"].attrs.update(units="nm", long_name="central wavelength")
    return ordered.set_xindex("wavelength")


def _to_reflectance(cube: xarray.DataArray) -> xarray.DataArray:
    """Return reflectance, without data where the pixels have none."""
    if cube.dtype.kind not in "ui":
        raise ConfigError(f"the pixels are {cube.dtype}, no reflectance: open them with reflectance=False")
    scale, offset = cube.attrs.get("scale_factor", 1.0), cube.attrs.get("add_offset", 0.0)
    scale, offset = (SCALE, 0.0) if (scale, offset) == (1.0, 0.0) else (scale, offset)
    nodata = cube.rio.nodata
    valid = cube if nodata is None else cube.where(cube != nodata)
    reflectance = (valid.astype("float32") * numpy.float32(scale) + numpy.float32(offset)).astype("float32")
    attributes = {
        key: value for key, value in cube.attrs.items() if key not in ("_FillValue", "scale_factor", "add_offset")
    }
    return reflectance.assign_attrs(attributes | {"units": "1", "long_name": "surface reflectance"}).rio.write_nodata(
        float("nan")
    )


def quicklook(da: xarray.DataArray, *, size: int = 1024) -> xarray.DataArray:
    """Return a picture of an array: `quicklook(cube).plot.imshow()`.

    Args:
        da: an array of `open`, or any of (band, y, x).
        size: pixels of the longer edge at most; every nth line and column is read.

    Returns:
        An array of (y, x, rgba) of uint8: the bands nearest to red, green and blue by wavelength, else the first three,
        or grey from a single one; the values between their 2nd and 98th percentile, and transparent without data.
    """
    if da.ndim == 2:
        da = da.expand_dims("band")
    step = max(1, -(-max(da.sizes["y"], da.sizes["x"]) // size))
    chosen = da.isel(band=_choose_colors(da), y=slice(None, None, step), x=slice(None, None, step)).load()
    nodata = da.rio.nodata
    values = chosen.values.astype("float64")
    blank = numpy.isnan(values) | (values == nodata if nodata is not None else False)
    values[blank] = numpy.nan
    pixels = numpy.zeros((*values.shape[1:], 4), "uint8")
    for at, plane in enumerate(values):
        valid = plane[~numpy.isnan(plane)]
        low, high = numpy.percentile(valid, _SHARE) if valid.size else (0.0, 1.0)
        stretched = (plane - low) / max(high - low, 1e-12) * 255
        pixels[..., at] = numpy.nan_to_num(stretched.clip(0, 255)).astype("uint8")
    pixels[..., 3] = numpy.where(blank.any(axis=0), 0, 255)
    coords = {name: chosen[name] for name in ("y", "x") if name in chosen.coords}
    image = xarray.DataArray(pixels, dims=("y", "x", "rgba"), coords=coords)
    return image if da.rio.crs is None else image.rio.write_crs(da.rio.crs)


def _choose_colors(da: xarray.DataArray) -> list[int]:
    """Return the positions of the bands for red, green and blue."""
    count = da.sizes["band"]
    if "wavelength" in da.coords and da["wavelength"].ndim == 1:
        lengths = numpy.asarray(da["wavelength"].values)
        nearest = [int(numpy.abs(lengths - wavelength).argmin()) for wavelength in _VISIBLE]
        if all(abs(lengths[at] - wavelength) <= _FAR for at, wavelength in zip(nearest, _VISIBLE, strict=True)):
            return nearest
    return [0, 1, 2] if count >= 3 else [0, 0, 0]
