"""Georeferenced TIFFs as virtual bytes: one plane a band, uncompressed."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import accumulate
from typing import Literal
from xml.sax.saxutils import escape

from attrs import frozen

from .virtual_bytes import Piece, VirtualBytes

_ASCII, _SHORT, _LONG, _DOUBLE = 2, 3, 4, 12
_FORMATS = {_SHORT: "H", _LONG: "I", _DOUBLE: "d"}
DType = Literal["uint16", "float32"]
_SAMPLES: dict[DType, tuple[int, int]] = {"uint16": (16, 1), "float32": (32, 3)}
"""Bits and TIFF sample format of each type."""


@frozen
class BandLabel:
    """The description of a band.

    Attributes:
        name: its description in GDAL.
        wavelength, fwhm: centre and full width at half maximum in nm; None if the band has none.
    """

    name: str
    wavelength: float | None = None
    fwhm: float | None = None


@frozen
class Grid:
    """The position and size of a raster.

    Attributes:
        epsg: code of a projected coordinate system in metres.
        west, north: outer corner of the first pixel.
        pixel: edge of a pixel in metres.
        width, height: pixels.
    """

    epsg: int
    west: float
    north: float
    pixel: float
    width: int
    height: int


def make_geotiff(
    grid: Grid,
    planes: Sequence[bytes],
    dtype: DType,
    nodata: float,
    strip_rows: int = 64,
    labels: Sequence[BandLabel] = (),
) -> VirtualBytes:
    """Make a raster with one band for each plane.

    Args:
        grid: its position and size.
        planes: for each band the bytes of some whole lines, which repeat down to the last line.
        dtype: sample type.
        nodata: the value without data.
        strip_rows: lines of one strip.
        labels: descriptions of the bands, in order.
    """
    line = grid.width * _SAMPLES[dtype][0] // 8
    heights = [min(strip_rows, grid.height - top) for top in range(0, grid.height, strip_rows)]
    counts = [lines * line for lines in heights] * len(planes)
    metadata = _metadata(labels)
    size = len(_directory(_tags(grid, len(planes), dtype, nodata, strip_rows, counts, counts) | metadata))
    offsets = list(accumulate(counts[:-1], initial=size))
    head = _directory(_tags(grid, len(planes), dtype, nodata, strip_rows, offsets, counts) | metadata)
    return VirtualBytes([Piece(head, len(head)), *(Piece.repeat(plane, line * grid.height) for plane in planes)])


_Tags = dict[int, tuple[int, Sequence[float] | bytes]]
"""Type and values by tag."""


def _metadata(labels: Sequence[BandLabel]) -> _Tags:
    """Describe the bands as GDAL does, in its own tag."""
    if not labels:
        return {}
    items = "".join(_items(at, label) for at, label in enumerate(labels))
    return {42112: (_ASCII, f"<GDALMetadata>{items}</GDALMetadata>".encode() + b"\0")}


def _items(at: int, label: BandLabel) -> str:
    items = f'<Item name="DESCRIPTION" sample="{at}" role="description">{escape(label.name)}</Item>'
    if label.wavelength is None:
        return items
    values = {"wavelength": f"{label.wavelength:g}", "wavelength_units": "nanometers"}
    imagery = {"CENTRAL_WAVELENGTH_UM": label.wavelength / 1000, "FWHM_UM": (label.fwhm or 0) / 1000}
    items += "".join(f'<Item name="{name}" sample="{at}">{value}</Item>' for name, value in values.items())
    domain = 'domain="IMAGERY"'
    return items + "".join(
        f'<Item name="{name}" sample="{at}" {domain}>{um:.6g}</Item>' for name, um in imagery.items()
    )


def _tags(
    grid: Grid, bands: int, dtype: DType, nodata: float, rows: int, offsets: Sequence[int], counts: Sequence[int]
) -> _Tags:
    bits, kind = _SAMPLES[dtype]
    geokeys = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, grid.epsg)
    extra: _Tags = {338: (_SHORT, [0] * (bands - 1))} if bands > 1 else {}
    return extra | {
        256: (_LONG, [grid.width]),
        257: (_LONG, [grid.height]),
        258: (_SHORT, [bits] * bands),
        259: (_SHORT, [1]),
        262: (_SHORT, [1]),
        273: (_LONG, offsets),
        277: (_SHORT, [bands]),
        278: (_LONG, [rows]),
        279: (_LONG, counts),
        284: (_SHORT, [2]),
        339: (_SHORT, [kind] * bands),
        33550: (_DOUBLE, [grid.pixel, grid.pixel, 0.0]),
        33922: (_DOUBLE, [0.0, 0.0, 0.0, grid.west, grid.north, 0.0]),
        34735: (_SHORT, geokeys),
        42113: (_ASCII, f"{nodata:g}".encode() + b"\0"),
    }


def _directory(tags: _Tags) -> bytes:
    """Make the file's head: header, directory, and values too long for it."""
    entries, beyond = bytearray(), bytearray()
    start = 8 + 2 + 12 * len(tags) + 4
    for tag, (kind, values) in sorted(tags.items()):
        packed = values if isinstance(values, bytes) else struct.pack(f"<{len(values)}{_FORMATS[kind]}", *values)
        entries += struct.pack("<HHI", tag, kind, len(values))
        if len(packed) <= 4:
            entries += packed.ljust(4, b"\0")
        else:
            entries += struct.pack("<I", start + len(beyond))
            beyond += packed + b"\0" * (len(packed) % 2)
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + bytes(entries) + b"\0\0\0\0" + bytes(beyond)
