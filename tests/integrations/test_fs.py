"""Packages as fsspec files: byte ranges are read from the archive in storage, and nothing else is transferred."""

from __future__ import annotations

import importlib
import io
import json
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rasterio
from rasterio.windows import Window

from pixxel_async import PixxelClient, Settings
from pixxel_async.errors import ConfigError, DownloadError, TooLarge
from pixxel_async.sandbox import Fault, Sandbox
from pixxel_async.sandbox.files.virtual_bytes import VirtualBytes

fsspec = pytest.importorskip("fsspec", reason="needs the extra fs")
from fsspec.core import OpenFile  # noqa: E402

from pixxel_async.integrations.fs import PixxelFileSystem, split  # noqa: E402

GB = 1 << 30


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Serve a sandbox from a thread, with packages ready at once."""
    with Sandbox(packing=0) as served:
        yield served


def settings_of(sandbox: Sandbox) -> Settings:
    """Return settings for the sandbox."""
    return Settings().with_values(sandbox.api_key, base_url=sandbox.url)


@pytest.fixture
def files(sandbox: Sandbox) -> Iterator[PixxelFileSystem]:
    """Return the file system of the sandbox."""
    made = PixxelFileSystem(settings=settings_of(sandbox))
    yield made
    made.close()


def moved(sandbox: Sandbox) -> int:
    """Return the number of bytes that the storage has sent."""
    return sum(seen.sent for seen in sandbox.requests if seen.host == "storage")


def job_of(sandbox: Sandbox, **options: Any) -> str:
    """Add a job and return the text form of its package."""
    run = sandbox.add_job(**options)
    return f"job:{run.workflow_id}/{run.id}"


def test_files_folders_and_parts(sandbox: Sandbox, files: PixxelFileSystem, tmp_path: Path) -> None:
    """Listings, sizes and bytes equal the archive's, and its directory is read once."""
    package = job_of(sandbox, tasks=4)
    names = files.find(package)
    assert f"{package}/outputs/ndvi/ndvi.tif" in names
    assert sandbox.count("storage") == 1
    assert files.ls(package, detail=False) == [f"{package}/inputs", f"{package}/outputs"]
    assert files.isdir(f"{package}/outputs/ndvi") and files.isfile(f"{package}/outputs/ndvi/ndvi.tif")
    assert files.glob(f"pixxel://{package}/outputs/**/*.tif") == sorted(
        n for n in names if n.endswith(".tif") and "outputs" in n
    )
    whole = files.cat_file(f"{package}/outputs/ndvi/ndvi.tif")
    assert len(whole) == files.size(f"{package}/outputs/ndvi/ndvi.tif") and whole[:4] == b"II*\0"
    assert files.cat_file(f"{package}/outputs/ndvi/ndvi.tif", start=-7) == whole[-7:]
    assert files.cat_file(f"{package}/outputs/ndvi/ndvi.tif", start=5, end=9) == whole[5:9]
    assert json.loads(files.cat(f"{package}/outputs/ndvi/spec.json"))["name"] == "ndvi"
    with files.open(f"pixxel://{package}/outputs/ndvi/ndvi.tif") as file:
        file.seek(100)
        assert file.read(50) == whole[100:150] and file.tell() == 150
        assert file.read() == whole[150:] and file.read() == b""
    files.get(f"{package}/outputs", str(tmp_path / "here"), recursive=True)
    assert (tmp_path / "here" / "ndvi" / "ndvi.tif").read_bytes() == whole


def test_a_window_of_a_large_archive_transfers_its_blocks() -> None:
    """Reading a window of a 1 GB archive transfers at most twice the bytes of the raster blocks that it covers."""
    with Sandbox(packing=0, package_size=GB) as large:
        files = PixxelFileSystem(settings=settings_of(large))
        package = job_of(large)
        name = next(name for name in files.find(package) if name.endswith(".tif"))
        with rasterio.open(name, opener=files) as raster:
            lines, columns = raster.block_shapes[0]
            top = raster.height // lines // 2 * lines
            wanted = raster.count * lines * columns * 2
            window = Window(0, top, columns, lines)
            pixels = raster.read(window=window)
            assert pixels.any() and pixels.shape == (raster.count, lines, columns)
            requests = large.count("storage")
            assert (raster.read(window=window) == pixels).all()
        assert large.count("storage") == requests
        assert moved(large) <= 2 * wanted
        files.close()


def test_readers_accept_it_as_a_file(sandbox: Sandbox, files: PixxelFileSystem) -> None:
    """rasterio reads it as a file of fsspec or by its opener, and zarr 2 through a mapper."""
    package = job_of(sandbox, tasks=4)
    name = f"{package}/outputs/ndvi/ndvi.tif"
    with rasterio.open(name, opener=files) as raster:
        pixels = raster.read(1)
        assert raster.crs is not None and pixels.any()
    for source in (OpenFile(files, name), files.open(name)):
        with rasterio.open(source) as raster:
            assert (raster.read(1) == pixels).all()
    mapper = files.get_mapper(f"{package}/outputs/ndvi")
    assert sorted(mapper) == ["ndvi.tif", "spec.json"] and len(mapper["ndvi.tif"]) == files.size(name)


@pytest.mark.filterwarnings("ignore:Use .@. matmul:PendingDeprecationWarning")  # of rioxarray
def test_an_array_of_a_package_in_the_storage(sandbox: Sandbox, files: PixxelFileSystem, tmp_path: Path) -> None:
    """`xarray.open` takes `pixxel://`: the same cube as from the disk, whose windows are read in dask's threads."""
    pytest.importorskip("rioxarray", reason="needs the extra xarray")
    from pixxel_async.integrations.xarray import open as open_array

    package = job_of(sandbox, tasks=4)
    path = next(path for path in files.find(package) if path.endswith("imagery.tif"))
    files.get(path, str(tmp_path / "imagery.tif"))
    here, cube = open_array(tmp_path / "imagery.tif"), open_array(f"pixxel://{package}", "**/imagery.tif", files=files)
    assert cube.identical(here)
    assert cube.chunks == here.chunks and cube.rio.nodata == here.rio.nodata and cube.rio.crs == here.rio.crs
    for key in ((1, slice(3, 40, 7), 5), (slice(None, None, -1), 3, slice(9, 2, -2)), (0, slice(4, 4), slice(None))):
        assert (cube[key].values == here[key].values).all() and cube[key].shape == here[key].shape
    with pytest.raises(ConfigError, match=r"no raster 'none\.tif': it holds .*ndvi\.tif"):
        open_array(f"pixxel://{package}/outputs", "none.tif", files=files)


def test_zarr_reads_chunks(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """zarr 3, in its own event loop, and xarray open a store in an archive; a window moves its chunks, and no more."""
    zarr = pytest.importorskip("zarr", minversion="3")
    numpy = pytest.importorskip("numpy")
    values = numpy.random.default_rng(1).random((2048, 2048))
    zarr.create_array(tmp_path / "cube.zarr", name="a", data=values, chunks=(512, 512), dimension_names=("y", "x"))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
            archive.write(path, f"outputs/{path.relative_to(tmp_path).as_posix()}")
    monkeypatch.setattr(sandbox.world, "bundle", lambda *_: lambda: VirtualBytes.of(made.getvalue()))
    url = f"pixxel://{job_of(sandbox)}/outputs/cube.zarr"
    options = {"settings": settings_of(sandbox)}
    read = zarr.open_group(url, mode="r", storage_options=options)["a"]
    assert (read[600:700, 600:700] == values[600:700, 600:700]).all()
    assert moved(sandbox) <= 2 * 512 * 512 * 8
    xarray = pytest.importorskip("xarray", reason="needs the extra xarray")
    with xarray.open_zarr(url, storage_options=options, consolidated=False, chunks=None) as dataset:
        assert float(dataset["a"][2000, 7]) == values[2000, 7]


def test_expired_links_are_renewed(sandbox: Sandbox, files: PixxelFileSystem) -> None:
    """A file opened before its link expired stays readable; the package is requested once more."""
    package = job_of(sandbox)
    name = next(name for name in files.find(package) if name.endswith(".tif"))
    with files.open(name) as file:
        first = file.read(10)
        asked = sandbox.count("jobs.request_download")
        sandbox.step(hours=24 * 7)
        file.seek(200_000)
        later = file.read(10)
        assert len(later) == 10 and file.seek(0) == 0 and file.read(10) == first
    assert sandbox.count("jobs.request_download") == asked + 1


def test_the_block_cache_is_bounded(sandbox: Sandbox) -> None:
    """The block cache is bounded, and the least recently used block is evicted first."""
    files = PixxelFileSystem(settings=settings_of(sandbox), block_size=1000, cache_size=5000)
    name = next(name for name in files.find(job_of(sandbox)) if name.endswith(".tif"))
    whole = files.cat_file(name)
    assert len(whole) > 50_000
    before = sandbox.count("storage")
    assert files.cat_file(name, len(whole) - 500, len(whole)) == whole[-500:]
    assert sandbox.count("storage") == before
    assert files.cat_file(name, 0, 10) == whole[:10] and sandbox.count("storage") == before + 1
    assert len(files._blocks) <= 5
    files.close()


def test_missing_paths_and_writes_raise(sandbox: Sandbox, files: PixxelFileSystem) -> None:
    """Missing paths, folders and writes raise the errors of file systems, and no key is in repr, JSON or attributes."""
    package = job_of(sandbox)
    for path in (f"{package}/none.tif", "job:w/none/x.tif"):
        with pytest.raises(FileNotFoundError):
            files.open(path)
        assert not files.exists(path)
    with pytest.raises(IsADirectoryError):
        files.cat_file(f"{package}/outputs")
    with pytest.raises(OSError, match="read-only"):
        files.open(f"{package}/x.tif", "wb")
    with pytest.raises(FileNotFoundError, match="names no package"):
        files.ls("nowhere/x.tif")
    stranger = PixxelFileSystem(settings=Settings().with_values("sandbox-wrong-key", base_url=sandbox.url))
    with pytest.raises(PermissionError):
        stranger.ls(package)
    for made in (files, stranger):
        assert "sandbox-" not in f"{made!r} {made.to_json()} {made.__dict__}"
        made.close()


def test_splitting() -> None:
    """The package is the longest prefix that parses as a package; the rest is the member's name."""
    assert split("job:w/j/outputs/x.tif") == split("job:w/j/outputs/x.tif/")
    package, name = split("insight:a/i/outputs=ndvi/outputs/ndvi.tif")
    assert (str(package), name) == ("insight:a/i/outputs=ndvi", "outputs/ndvi.tif")
    assert split("task:w/j/t") == (split("task:w/j/t/x")[0], "")
    assert split("catalog:catalog_ids=c,d/x/x.tif")[1] == "x/x.tif"


def test_fsspec_finds_it() -> None:
    """The fsspec entry point names an existing class."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    module, _, name = project["entry-points"]["fsspec.specs"]["pixxel"].partition(":")
    assert getattr(importlib.import_module(module), name) is PixxelFileSystem


async def test_a_part_of_a_member(sandbox: Sandbox) -> None:
    """Reading part of a stored member takes two requests the first time and one after; ranges are clipped."""
    package = job_of(sandbox)
    async with PixxelClient(settings=settings_of(sandbox)) as client:
        member = next(one for one in await client.packages.members(package) if one.name.endswith(".tif"))
        whole = await client.packages.fetch_member(package, member)
        before = sandbox.count("storage")
        read = client.packages.read_member
        assert await read(package, member, 10, 20) == whole[10:20]
        assert sandbox.count("storage") == before + 2
        assert await read(package, member, len(whole) - 5, len(whole) + 100) == whole[-5:]
        assert await read(package, member, 7, 7) == b"" == await read(package, member, len(whole), None)
        assert sandbox.count("storage") == before + 3
        assert await read(package, member.name, 3, 5) == whole[3:5]
        with pytest.raises(TooLarge, match="allowed 10"):
            await read(package, member, 0, 11, max_bytes=10)
        for start, stop in ((-1, 5), (5, 4)):
            with pytest.raises(ConfigError, match="0 <= start"):
                await read(package, member, start, stop)
        sandbox.inject(Fault(route="storage", kind="etag"))
        with pytest.raises(DownloadError, match="another version"):
            await read(package, member, 30, 40)


async def test_a_part_of_a_compressed_member(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Part of a compressed member is read by inflating from its start only as far as needed."""
    text = b"".join(b"%06d\n" % at for at in range(200_000))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("long.csv", text)
    monkeypatch.setattr(sandbox.world, "bundle", lambda *_: lambda: VirtualBytes.of(made.getvalue()))
    async with PixxelClient(settings=settings_of(sandbox)) as client:
        package, read = job_of(sandbox), client.packages.read_member
        assert await read(package, "long.csv", 700_000, 700_014) == text[700_000:700_014]
        assert await read(package, "long.csv", len(text) - 3, None) == text[-3:]
