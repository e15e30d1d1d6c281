"""The tree of the package: each folder and file says in one line what it is for; CONTRIBUTING shows the folders."""

from __future__ import annotations

import re

from tests.house import tree


def test_every_folder_and_file_has_a_summary() -> None:
    """The first docstring line is what the tree shows; an `__init__.py` speaks for its folder."""
    silent = [branch.strip("│├└─ ") for branch, text in tree.rows(tree.PACKAGE, files=True) if not text]
    assert not silent, f"give each of these a docstring: {', '.join(silent)}"


def test_contributing_shows_the_tree_as_it_is() -> None:
    """The folders in CONTRIBUTING are those of today, with what their docstrings say."""
    shown = tree.BLOCK.search(tree.CONTRIBUTING.read_text(encoding="utf-8"))
    assert shown is not None and shown[0] == tree.block(), f"CONTRIBUTING shows an old tree: run {tree.WRITE}"


def test_contributing_names_what_is_there() -> None:
    """Every path in CONTRIBUTING exists, below the checkout or the package."""
    prose = tree.BLOCK.sub("", tree.CONTRIBUTING.read_text(encoding="utf-8"))
    named = re.findall(r"`([\w./]+(?:/|\.py|\.yaml|\.json|\.md|\.toml|\.cff))`", prose)
    bases = (tree.ROOT, tree.PACKAGE, tree.CONTRIBUTING.parent)
    gone = [path for path in named if not any((base / path).exists() for base in bases)]
    assert named and not gone
