"""Each folder and file of the package has a one-line summary, and CONTRIBUTING shows the folders."""

from __future__ import annotations

import re

from tests.house import tree


def test_every_folder_and_file_has_a_summary() -> None:
    """Every module has a docstring; that of an `__init__.py` describes its folder."""
    silent = [branch.strip("│├└─ ") for branch, text in tree.rows(tree.PACKAGE, files=True) if not text]
    assert not silent, f"give each of these a docstring: {', '.join(silent)}"


def test_contributing_shows_the_current_tree() -> None:
    """The tree in CONTRIBUTING is up to date."""
    shown = tree.BLOCK.search(tree.CONTRIBUTING.read_text(encoding="utf-8"))
    assert shown is not None and shown[0] == tree.block(), f"CONTRIBUTING shows an old tree: run {tree.WRITE}"


def test_contributing_names_existing_paths() -> None:
    """Every path in CONTRIBUTING exists."""
    prose = tree.BLOCK.sub("", tree.CONTRIBUTING.read_text(encoding="utf-8"))
    named = re.findall(r"`([\w./]+(?:/|\.py|\.yaml|\.json|\.md|\.toml|\.cff))`", prose)
    bases = (tree.ROOT, tree.PACKAGE, tree.CONTRIBUTING.parent)
    gone = [path for path in named if not any((base / path).exists() for base in bases)]
    assert named and not gone
