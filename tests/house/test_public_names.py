"""The names that users import are a promise: sorted, complete, documented, and cheap until used."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pixxel_async
from pixxel_async.resources import RESOURCES
from tests.house.tree import parsed

SURFACES = [
    "pixxel_async",
    "pixxel_async.downloads",
    "pixxel_async.errors",
    "pixxel_async.events",
    "pixxel_async.models",
    "pixxel_async.packages",
    "pixxel_async.sandbox",
    "pixxel_async.settings",
]
SOURCE = Path(pixxel_async.__file__).parent


@pytest.mark.parametrize("surface", SURFACES)
def test_all_is_sorted_and_importable(surface: str) -> None:
    """`__all__` is sorted, without doubles, and every name of it can be had."""
    module = importlib.import_module(surface)
    assert list(module.__all__) == sorted(set(module.__all__))
    for name in module.__all__:
        assert getattr(module, name) is not None


@pytest.mark.parametrize("surface", SURFACES)
def test_every_public_name_says_what_it_is(surface: str) -> None:
    """Every public class and function has a docstring of its own."""
    module = importlib.import_module(surface)
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert (value.__doc__ or "").strip(), f"{surface}.{name} has no docstring"
            assert not (value.__doc__ or "").startswith(f"{name}("), f"{surface}.{name} has only a made-up docstring"


def test_no_public_class_name_has_two_meanings() -> None:
    """A class that users import shares its name with no other class of the package, public or not.

    `sync` offers the same things under the same names.
    """
    homes: dict[str, list[str]] = {}
    for path in [path for path in SOURCE.rglob("*.py") if path.parent.name != "sync"]:
        for node in parsed(path).body:
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(path.relative_to(SOURCE).as_posix())
    public = {name for surface in SURFACES for name in importlib.import_module(surface).__all__}
    assert {name: found for name, found in homes.items() if len(found) > 1 and name in public} == {}


def test_what_completion_offers_on_a_client() -> None:
    """`client.<TAB>` lists every resource, and `help(PixxelClient)` has a line for each."""
    client = pixxel_async.PixxelClient("a-key")
    described = re.findall(r"^ {8}(\w+): ", pixxel_async.PixxelClient.__doc__ or "", re.MULTILINE)
    assert {*RESOURCES, "packages"} <= set(dir(client)) & set(described)


def test_dir_lists_the_public_names() -> None:
    """`dir()` shows what is there, although most of it loads on first use."""
    assert set(pixxel_async.__all__) <= set(dir(pixxel_async))


def test_a_wrong_name_is_an_attribute_error() -> None:
    """A name that is not there says so at once, as every module does."""
    with pytest.raises(AttributeError, match="NoSuchName"):
        pixxel_async.NoSuchName  # noqa: B018


def test_importing_the_package_loads_nothing_heavy() -> None:
    """`import pixxel_async` reads none of the libraries and none of the models: they load on first use."""
    heavy = ["aiohttp", "attrs", "cattrs", "anyio", "sqlite3", "yaml", "pixxel_async.models", "pixxel_async.client"]
    code = f"import sys, pixxel_async; print([name for name in {heavy!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert loaded == "[]"
