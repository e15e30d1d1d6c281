"""Glob patterns of member names."""

from __future__ import annotations

import pytest

from pixxel_async._formats.globs import matches


@pytest.mark.parametrize(
    ("name", "glob", "fits"),
    [
        ("a/b/B04.tif", "**/B04.tif", True),
        ("B04.tif", "**/B04.tif", True),
        ("a/B04.tif.aux", "**/B04.tif", False),
        ("a/b/B04.tif", "*/B04.tif", False),
        ("a/b/B04.tif", "a/**/*.tif", True),
        ("a/B04.tif", "a/**/*.tif", True),
        ("a/b/c", "a/**", True),
        ("a/b/c", "**", True),
        ("a/b", "a/?", True),
        ("a/b/c", "a?b?c", False),
        ("a/B04.tif", "a/B0[1-4].tif", True),
        ("a/B04.tif", "a/B0[!1-4].tif", False),
        ("a/b04.tif", "a/B04.tif", False),
        ("a/b", "", False),
        ("a.tif", "a[.tif", False),
    ],
)
def test_patterns(name: str, glob: str, fits: bool) -> None:
    """`*`, `?` and sets match within a folder, `**` any number of folders, case-sensitively."""
    assert matches(name, glob) is fits


def test_matching_is_bounded() -> None:
    """Matching takes time proportional to pattern times name, for any pattern."""
    assert not matches("/".join(["a" * 200] * 50), "/".join(["**", "*a*a*a*a*a*a*a*a*b"] * 30))
