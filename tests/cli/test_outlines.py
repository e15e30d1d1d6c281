"""The footprint of a package is read from its GeoJSON members."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pixxel_async._formats.geo.footprint import read_outline

POINT = {"type": "Point", "coordinates": [1, 2]}
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}


def archive(folder: Path, members: dict[str, Any]) -> Path:
    path = folder / "package.zip"
    with zipfile.ZipFile(path, "w") as written:
        for name, value in members.items():
            written.writestr(name, value if isinstance(value, str) else json.dumps(value))
    return path


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"a/footprint.geojson": SQUARE, "a/fields.geojson": POINT}, SQUARE),
        ({"fields.geojson": {"type": "Feature", "geometry": POINT}}, POINT),
        (
            {"footprint_1.geojson": SQUARE, "footprint_2.geojson": POINT},
            {"type": "GeometryCollection", "geometries": [SQUARE, POINT]},
        ),
        ({"footprint.geojson": "no JSON", "x.txt": "x"}, None),
        ({"footprint.geojson": {"type": "Feature", "geometry": None}}, None),
        ({"footprint.geojson": " " * (1 << 20) + json.dumps(SQUARE)}, None),
        ({}, None),
    ],
)
def test_outlines(tmp_path: Path, members: dict[str, Any], expected: Any) -> None:
    """An outline precedes other GeoJSON, several become a collection, and an invalid or too large member is ignored."""
    assert read_outline(archive(tmp_path, members)) == expected


def test_no_archive(tmp_path: Path) -> None:
    """A file that is not a ZIP or is missing has no footprint."""
    (tmp_path / "x.tif").write_bytes(b"II*")
    assert read_outline(tmp_path / "x.tif") is None
    assert read_outline(tmp_path / "gone.zip") is None
