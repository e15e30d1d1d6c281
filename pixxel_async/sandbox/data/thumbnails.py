"""Thumbnails of scenes: pictures of their red, green and blue bands, which anyone may fetch."""

from __future__ import annotations

from ..files.png import draw_rgb
from ..files.scene import SIDE, reflectance
from .bands import composite
from .entities.imagery import Scene

_BRIGHT = 20_000
"""Surface reflectance that is shown in full brightness."""


def thumbnail_key(scene_id: str) -> str:
    """Return the path of a scene's thumbnail in the storage."""
    return f"thumbnails/{scene_id}.png"


def thumbnail(seed: int | str, scene: Scene) -> bytes:
    """Render the first tile of a scene as a PNG, from the pixels that its raster has."""
    tiles = [reflectance(f"{seed}/{scene.id}", band) for band in composite(scene.satellite.bands)]
    return draw_rgb([bytes(min(255, 255 * value // _BRIGHT) for value in tile) for tile in tiles], SIDE)
