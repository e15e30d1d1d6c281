"""The tree of the package: each folder and file says in one line what it is for; CONTRIBUTING shows the folders."""

from __future__ import annotations

from . import tree


def test_every_folder_and_file_has_a_summary() -> None:
    """The first docstring line is what the tree shows; an `__init__.py` speaks for its folder."""
    silent = [branch.strip("│├└─ ") for branch, text in tree.rows(tree.PACKAGE, files=True) if not text]
    assert not silent, f"give each of these a docstring: {', '.join(silent)}"
