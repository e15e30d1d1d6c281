"""Fixtures: a small description and the package generated from it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from pixxel_async._codegen.output import PACKAGE, render, write

SMALL = (Path(__file__).parent / "small.yaml").read_text(encoding="utf-8")


@pytest.fixture
def small() -> str:
    """Return the text of the small description."""
    return SMALL


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """Generate a package from the small description, on top of this package's `_http`."""
    folder = tmp_path_factory.mktemp("generated")
    package = folder / "made_from_small"
    package.mkdir()
    (package / "__init__.py").write_text("")
    for path in PACKAGE.iterdir():
        if path.name not in ("__init__.py", "__pycache__", "models", "resources", "sync", "description"):
            (package / path.name).symlink_to(path)
    write(render(SMALL), package)
    sys.path.insert(0, str(folder))
    importlib.import_module("made_from_small.resources")
    yield importlib.import_module("made_from_small")
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.startswith("made_from_small")]:
        del sys.modules[name]
