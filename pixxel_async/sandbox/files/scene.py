"""Synthetic ground: smooth seamless fields, determined by a text."""

from __future__ import annotations

import math
from array import array
from functools import lru_cache

from ..rules.ids import number, share

SIDE = 256
"""Pixels across a tile."""
ROWS = 64
"""Lines of a tile, which repeats below."""
NODATA = 0
"""Surface reflectance without data."""
FULL = 50_000
"""Surface reflectance of 1.0. Source: the vendor's product processing page."""
_EDGE = 4
"""Columns without data at the left edge, so that readers meet some."""


def _wave(length: int, height: int, *parts: object) -> list[int]:
    turns, phase = 1 + number(4, *parts, "turns"), share(*parts, "phase")
    return [round(height * (1 + math.sin(math.tau * (turns * at / length + phase)))) for at in range(length)]


@lru_cache(maxsize=256)
def reflectance(scene: str, band: str) -> array[int]:
    """Return one band's tile line by line: integers from 1 to 50,000, and 0 without data."""
    base = 1500 + number(9000, scene, band, "base")
    columns = _wave(SIDE, 2500, scene, band, "columns")
    lines = _wave(ROWS, 1800, scene, band, "lines")
    tile = array("H")
    for line in lines:
        tile.extend([NODATA] * _EDGE)
        tile.extend([base + line + column for column in columns[_EDGE:]])
    return tile


@lru_cache(maxsize=64)
def ratio(scene: str, first: str, second: str) -> array[float]:
    """Return the normalised difference of two bands as 32-bit floats, and -9999 without data."""
    pairs = zip(reflectance(scene, first), reflectance(scene, second), strict=True)
    return array("f", [(a - b) / (a + b) if a + b else -9999.0 for a, b in pairs])
