"""Public names are sorted, importable, documented, and loaded lazily."""

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
    """`__all__` is sorted and unique, and each of its names can be imported."""
    module = importlib.import_module(surface)
    assert list(module.__all__) == sorted(set(module.__all__))
    for name in module.__all__:
        assert getattr(module, name) is not None


@pytest.mark.parametrize("surface", SURFACES)
def test_every_public_name_has_a_docstring(surface: str) -> None:
    """Every public class and function has a docstring of its own."""
    module = importlib.import_module(surface)
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert (value.__doc__ or "").strip(), f"{surface}.{name} has no docstring"
            assert not (value.__doc__ or "").startswith(f"{name}("), f"{surface}.{name} has only a made-up docstring"


def test_no_public_class_name_has_two_meanings() -> None:
    """A public class shares its name with no other class of the package.

    `sync` offers the same classes under the same names.
    """
    homes: dict[str, list[str]] = {}
    for path in [path for path in SOURCE.rglob("*.py") if path.parent.name != "sync"]:
        for node in parsed(path).body:
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(path.relative_to(SOURCE).as_posix())
    public = {name for surface in SURFACES for name in importlib.import_module(surface).__all__}
    assert {name: found for name, found in homes.items() if len(found) > 1 and name in public} == {}


def test_completion_lists_the_resources() -> None:
    """`client.<TAB>` lists every resource, and `help(PixxelClient)` has a line for each."""
    client = pixxel_async.PixxelClient("a-key")
    described = re.findall(r"^ {8}(\w+): ", pixxel_async.PixxelClient.__doc__ or "", re.MULTILINE)
    assert {*RESOURCES, "packages"} <= set(dir(client)) & set(described)


def test_dir_lists_the_public_names() -> None:
    """`dir()` lists the public names, although most are loaded on first use."""
    assert set(pixxel_async.__all__) <= set(dir(pixxel_async))


def test_a_wrong_name_is_an_attribute_error() -> None:
    """An unknown name raises AttributeError."""
    with pytest.raises(AttributeError, match="NoSuchName"):
        pixxel_async.NoSuchName  # noqa: B018


def test_importing_the_package_loads_nothing_heavy() -> None:
    """`import pixxel_async` loads none of the libraries and no models."""
    heavy = ["aiohttp", "attrs", "cattrs", "anyio", "sqlite3", "yaml", "pixxel_async.models", "pixxel_async.client"]
    code = f"import sys, pixxel_async; print([name for name in {heavy!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert loaded == "[]"


FIRST_CALL = """
import asyncio, sys
from pixxel_async import ConnectionFailed, PixxelClient, Settings

async def main():
    settings = Settings(api_key="k", base_url="http://127.0.0.1:9").with_values(**{"http.call_timeout": 0.5})
    async with PixxelClient(settings=settings) as client:
        await client.jobs.get("w", "j")

try:
    asyncio.run(main())
except Exception as error:
    print(type(error).__name__)
from pixxel_async.models import Job
Job.from_dict({"id": "j", "tasks": [{"id": "t"}]})
print([name for name in UNUSED if name in sys.modules])
"""


def test_a_first_call_loads_only_what_it_uses() -> None:
    """A client that reads one object loads nothing of listings, waits and the storage, and no cattrs."""
    http, rules = "pixxel_async._http", "pixxel_async._http.rules"
    unused = ["cattrs", "anyio", "sqlite3", "encodings.idna", "pixxel_async.waiting", f"{http}.listing",
              f"{http}.storage", f"{rules}.paging", f"{rules}.json_rows", "pixxel_async.models.orders"]  # fmt: skip
    code = FIRST_CALL.replace("UNUSED", repr(unused))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["ConnectionFailed", "[]"]


def test_importing_the_manager_loads_no_models() -> None:
    """`import DownloadManager` loads no model: each package kind loads those of its answers when it is asked for."""
    code = (
        "import sys; from pixxel_async import DownloadManager; "
        "print([name for name in sys.modules if name.startswith('pixxel_async.models.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
