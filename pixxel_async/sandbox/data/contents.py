"""The contents of packages: rasters, tables and outlines, each with the spec.json that describes it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from attrs import frozen

from ..files.archive import ArchiveMember, make_archive
from ..files.geotiff import BandLabel, Grid, make_geotiff
from ..files.scene import ROWS, SIDE, ratio, reflectance
from ..files.utm import metres, zone
from ..files.virtual_bytes import Piece, VirtualBytes
from .bands import FWHM, WAVELENGTHS
from .entities.blocks import RASTER_BANDS, Port, SandboxBlock

PIXEL = 10.0
_MOST = 1 << 31
"""Largest raster in bytes, below the limit of classic TIFF."""
_FOLDER = "outputs/imagery"
_WIDE = 1 << 26
"""Package size in bytes from which rasters are eight tiles wide."""


@frozen
class SceneLocation:
    """A scene's centre: longitude and latitude in degrees."""

    name: str
    longitude: float
    latitude: float


PLACES = (
    SceneLocation("Punjab", 75.34, 30.91),
    SceneLocation("Pampas", -61.72, -34.55),
    SceneLocation("Po valley", 10.48, 45.12),
    SceneLocation("Darling Downs", 151.26, -27.41),
)


def grid(place: SceneLocation, width: int, height: int) -> Grid:
    """Return a grid of that many pixels centred on the location."""
    epsg = zone(place.longitude, place.latitude)
    east, north = metres(place.longitude, place.latitude, epsg)
    left, top = east - width * PIXEL / 2, north + height * PIXEL / 2
    return Grid(epsg, round(left / PIXEL) * PIXEL, round(top / PIXEL) * PIXEL, PIXEL, width, height)


def raster(place: SceneLocation, scene: str, bands: Iterable[str], lines: int, tiles: int = 1) -> VirtualBytes:
    """Make a GeoTIFF of reflectance, or of normalised differences for bands whose name joins two by `/`."""
    names = list(bands)
    floats = any("/" in band for band in names)
    planes = [_plane(scene, band, tiles) for band in names]
    shape = grid(place, SIDE * tiles, lines)
    return make_geotiff(
        shape, planes, "float32" if floats else "uint16", -9999 if floats else 0, ROWS, [_label(band) for band in names]
    )


def _label(band: str) -> BandLabel:
    length = WAVELENGTHS.get(band)
    return BandLabel(band, length, None if length is None else FWHM)


def _plane(scene: str, band: str, tiles: int) -> bytes:
    first, _, second = band.partition("/")
    tile = ratio(scene, first, second).tobytes() if second else reflectance(scene, band).tobytes()
    line = len(tile) // ROWS
    return b"".join(tile[at : at + line] * tiles for at in range(0, len(tile), line)) if tiles > 1 else tile


def list_block_members(block: SandboxBlock, place: SceneLocation, scene: str) -> Iterator[ArchiveMember]:
    """Yield the members of a block's outputs."""
    for port in block.outputs:
        group = f"{port.group}/" if port.group else ""
        yield from list_port_members(port, block.name, f"outputs/{group}{port.name}", place, scene)


def list_input_members(block: SandboxBlock, place: SceneLocation, scene: str) -> Iterator[ArchiveMember]:
    """Yield the members of those inputs of a block that are files."""
    for port in block.inputs:
        yield from list_port_members(port, block.name, f"inputs/{port.name}", place, scene)


def list_port_members(port: Port, block: str, folder: str, place: SceneLocation, scene: str) -> Iterator[ArchiveMember]:
    """Yield the file of one output or input and its spec.json; nothing for plain values."""
    format_and_maker = {"raster": ("tif", _raster), "vector": ("geojson", _vector), "tabular": ("csv", _table)}.get(
        port.format
    )
    if format_and_maker is None:
        return
    suffix, make = format_and_maker
    name = f"{port.name}.{suffix}"
    yield ArchiveMember(f"{folder}/{name}", make(port, place, f"{scene}/{port.name}"))
    yield ArchiveMember(f"{folder}/spec.json", _spec(port.data(block, value=name)))


def _raster(port: Port, place: SceneLocation, scene: str) -> VirtualBytes:
    return raster(place, scene, port.bands, port.lines)


def _vector(port: Port, place: SceneLocation, scene: str) -> VirtualBytes:
    return footprint(place)


def footprint(place: SceneLocation) -> VirtualBytes:
    """Return the square around a location as GeoJSON."""
    feature = {"type": "Feature", "properties": {"name": place.name}, "geometry": square(place)}
    return _spec({"type": "FeatureCollection", "features": [feature]})


def square(place: SceneLocation, half: float = 0.01) -> dict[str, Any]:
    """Return a polygon around a location, `half` degrees to each side."""
    west, east = round(place.longitude - half, 6), round(place.longitude + half, 6)
    south, north = round(place.latitude - half, 6), round(place.latitude + half, 6)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def _table(port: Port, place: SceneLocation, scene: str) -> VirtualBytes:
    lines = [f"{name},{1 + sum(scene.encode()) * at % 977}" for at, name in enumerate(("wheat", "rice", "other"), 1)]
    return VirtualBytes.of(("class,area_in_sq_m\n" + "\n".join(lines) + "\n").encode())


def _spec(value: object) -> VirtualBytes:
    return VirtualBytes.of(json.dumps(value, indent=1).encode())


def make_sized(place: SceneLocation, scene: str, key: str, size: int) -> VirtualBytes:
    """Make a package of exactly that size (or the smallest possible, about 4 KB), with rasters long enough to fill it.

    Args:
        place: centre of its rasters.
        scene: seed of its pixels; packages may share it, so that small ones are made quickly.
        key: text stored in it, so that no two packages are equal.
        size: in bytes.
    """
    files, tiles = 1 + size // _MOST, 8 if size >= _WIDE else 1
    line = SIDE * tiles * 2 * len(RASTER_BANDS) * files

    spec = _spec(Port("imagery").data("aoi-data", value=key))

    def pad(lines: int, blanks: int) -> VirtualBytes:
        rasters = [raster(place, f"{scene}/{at}", RASTER_BANDS, lines, tiles) for at in range(files)]
        return make_archive(
            [
                ArchiveMember(f"{_FOLDER}/spec.json", VirtualBytes([*spec.pieces, Piece.repeat(b" " * 4096, blanks)])),
                *(ArchiveMember(f"{_FOLDER}/imagery_{at:03}.tif", single) for at, single in enumerate(rasters, 1)),
            ]
        )

    lines = 1 + max(0, size - pad(1, 0).size) // line
    while (content := pad(lines, 0)).size > size and lines > 1:
        lines = max(1, lines - 1 - (content.size - size) // line)
    return pad(lines, max(0, size - content.size))
