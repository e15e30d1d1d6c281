"""PNG pictures of a raster coloured by classes, with a legend."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

_LEGEND = 16
"""Columns of the legend at the right edge."""
_TRUE_COLOR, _PALETTE = 2, 3
"""Colour types of the format."""


class Class(NamedTuple):
    """A class: values from `low` up to below `high`, and its colour as `#rrggbb`."""

    low: float
    high: float
    color: str


def draw_classes(values: Sequence[float], width: int, classes: Sequence[Class], scale: int = 1) -> bytes:
    """Draw values line by line in the colours of their classes, transparent outside of all classes, and a legend.

    Each value becomes `scale` pixels along both edges.
    """
    height = len(values) // width
    palette = [(0, 0, 0, 0), *(_parse_rgba(entry.color) for entry in classes)]
    lines = []
    for line in range(height):
        picked = bytes(_class_of(value, classes) for value in values[line * width : (line + 1) * width])
        legend_class = len(classes) - line * len(classes) // height
        wide = b"".join(bytes([entry]) * scale for entry in picked) if scale > 1 else picked
        lines += [b"\0" + wide + bytes([legend_class]) * _LEGEND] * scale
    size = width * scale + _LEGEND, height * scale
    colors = b"".join(bytes(color[:3]) for color in palette)
    alphas = bytes(color[3] for color in palette)
    return _png(size, _PALETTE, [(b"PLTE", colors), (b"tRNS", alphas)], b"".join(lines))


def draw_rgb(planes: Sequence[bytes], width: int) -> bytes:
    """Draw the red, green and blue plane of an image, a byte a pixel."""
    height, pixels = len(planes[0]) // width, bytes(value for pixel in zip(*planes, strict=True) for value in pixel)
    lines = (b"\0" + pixels[line * width * 3 : (line + 1) * width * 3] for line in range(height))
    return _png((width, height), _TRUE_COLOR, [], b"".join(lines))


def _png(size: tuple[int, int], colors: int, chunks: Sequence[tuple[bytes, bytes]], lines: bytes) -> bytes:
    head = (b"IHDR", struct.pack(">IIBBBBB", *size, 8, colors, 0, 0, 0))
    every = [head, *chunks, (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_encode_chunk(kind, data) for kind, data in every)


def _class_of(value: float, classes: Sequence[Class]) -> int:
    return next((at for at, entry in enumerate(classes, 1) if entry.low <= value < entry.high), 0)


def _parse_rgba(color: str) -> tuple[int, int, int, int]:
    red, green, blue = bytes.fromhex(color.removeprefix("#"))
    return red, green, blue, 255


def _encode_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
