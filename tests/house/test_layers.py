"""Imports between the folders of the package point downwards."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.house.tree import parsed

ROOT = Path(__file__).parents[2] / "pixxel_async"

SHARED = {
    "_aio", "_files", "_formats", "_hints", "_html", "_lazy", "_protocol", "_publish", "_redact", "_version",
    "errors", "settings",
}  # fmt: skip
"""Shared ground that every slice may stand on; its own arrows are below."""

ALLOWED = {
    "cli": SHARED | {"_area", "probe", "downloads", "packages", "waiting", "client", "resources", "models", "events"},
    "sync": SHARED | {"client", "downloads", "packages", "events", "_http.pages", "_http.resource"},
    "integrations": SHARED | {"downloads", "packages", "client", "models", "events", "waiting"},
    "_area": {"errors", "models", "_formats"},
    "probe": SHARED | {"packages", "client", "_http"},
    "pytest_plugin": SHARED | {"client"},
    "downloads": SHARED | {"packages", "waiting", "client", "models", "events", "_http.streaming"},
    "client": SHARED | {"packages", "waiting", "resources", "_http"},
    "packages": SHARED | {"waiting", "resources", "models", "_http", "events"},
    "waiting": SHARED | {"resources", "models", "_http", "events"},
    "resources": {
        "_lazy",
        "models",
        "_http.call",
        "_http.codec.geometry",
        "_http.codec.model",
        "_http.pages",
        "_http.resource",
    },
    "models": {"_http.codec.geometry", "_http.codec.model", "_lazy"},
    "_http": SHARED,
    "sandbox": {"description", "errors", "_files", "_formats", "_protocol.hosts", "_version"},
    "_codegen": {"description"},
    "description": {"errors"},
    "events": {"errors", "packages", "_formats", "_hints", "_html"},
    "settings": {"errors", "_files", "_formats", "_protocol", "_redact"},
    "_protocol": {"errors", "_redact"},
    "_formats": {"errors", "_files"},
    "_aio": {"errors"},
    "_files": {"errors"},
    "_publish": {"_files"},
    "_html": {"_redact"},
    "_redact": {"settings"},
    "_lazy": set(),
    "_version": set(),
    "_hints": set(),
    "errors": set(),
}
"""Which slices a slice may import from, type-only imports included."""

LADDERS = {
    "downloads": (
        "manager", "startup plan batch", "engine", "pipeline", "body forget", "schedule services", "limits item verify",
        "disk", "record", "rules prove events_hub transfer",
    ),
    "_http": (
        "rest", "listing", "sender", "channel", "storage", "resource host_limiter", "pages edge", "rules hooks",
        "streaming reply", "call", "codec",
    ),
    "packages": ("packages", "reading state", "rules link kinds"),
    "cli": (
        "mcp", "commands", "run_export", "processes", "choose open_record report", "app", "options",
        "output_file running show", "session errors", "text values malloc",
    ),
    "sandbox": (
        "server", "api", "handlers state privileges storage start_page", "start_page_html", "data",
        "routes behaviour http", "answers", "files", "rules clock",
    ),
}  # fmt: skip
"""The rooms of the larger slices, from the top down: a room imports from itself and from rooms on lower rungs."""

BY_NAME_ONLY = {
    "cli": {"sandbox", "integrations"},
    "downloads": {"integrations"},
    "pytest_plugin": {"sandbox"},
}
"""Imported inside a function, where it is asked for."""

DOORS = {"__init__", "__main__"}
"""They know every name, lazily."""

THIRD_PARTY = {
    "aiohttp": {"_http/edge/", "sandbox/"},
    "cattrs": {"_http/codec/", "_codegen/"},
    "sqlite3": {"downloads/record/"},
    "yaml": {"_codegen/"},
    "click": {"cli/"},
    "rich": {"cli/"},
    "mcp": {"cli/mcp/"},
    "jsonschema": {"cli/mcp/"},
    "obstore": {"integrations/"},
    "airflow": {"integrations/"},
    "boto3": {"integrations/"},
    "distributed": {"integrations/dask/"},
    "pandas": {"integrations/"},
    "botocore": {"integrations/"},
    "pystac": {"integrations/"},
    "geopandas": {"integrations/"},
    "fsspec": {"integrations/"},
    "rioxarray": {"integrations/"},
    "xarray": {"integrations/"},
    "dask": {"integrations/"},
    "shapely": {"integrations/"},
}
IMPURE = {
    "asyncio",
    "os",
    "pathlib",
    "random",
    "secrets",
    "shutil",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "threading",
    "time",
}


@cache
def modules() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py"))


@cache
def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def statements(block: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements inside a block at every depth; expressions, which hold no import, are passed over."""
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        for inner in getattr(block, name, ()):
            if isinstance(inner, ast.stmt):
                yield inner
            yield from statements(inner)


@cache
def nested(path: Path) -> tuple[ast.stmt, ...]:
    """Return all statements of a module."""
    return tuple(statements(parsed(path)))


@cache
def imports(path: Path) -> tuple[tuple[str, ast.stmt], ...]:
    """Return the absolute dotted names that a module imports, those under `if TYPE_CHECKING` included."""
    own = ["pixxel_async", *path.relative_to(ROOT).with_suffix("").parts]
    found: list[tuple[str, ast.stmt]] = []
    for node in nested(path):
        if isinstance(node, ast.Import):
            found.extend((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = own[: -node.level] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            found.extend((f"{source}.{alias.name}", node) for alias in node.names)
    return tuple(found)


@cache
def lines_within(path: Path, blocks: Callable[[ast.AST], bool]) -> set[int]:
    """Return the line numbers of imports inside blocks that satisfy `blocks`."""
    inside = (node for block in nested(path) if blocks(block) for node in statements(block))
    return {node.lineno for node in inside if isinstance(node, ast.Import | ast.ImportFrom)}


def is_function(node: ast.AST) -> bool:
    """Return whether a node's imports run when it is called."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def is_for_types(node: ast.AST) -> bool:
    """Return whether a node's imports are for type checkers only."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def module_of(dotted: str, names: Collection[str]) -> str:
    """Return our module that a dotted name belongs to, or an empty text."""
    while dotted and dotted not in names:
        dotted = dotted.rpartition(".")[0]
    return dotted


@cache
def module_names() -> set[str]:
    """Return the dotted names of all modules below the package."""
    return {name_of(each) for each in modules()}


@cache
def arrows(path: Path) -> tuple[tuple[str, ast.stmt], ...]:
    """Return our modules that a module imports."""
    names = module_names()
    targets = ((module_of(ours(dotted) or "", names), node) for dotted, node in imports(path))
    return tuple((target, node) for target, node in targets if target and target != name_of(path))


def ours(dotted: str) -> str | None:
    prefix, _, rest = dotted.partition(".")
    return rest if prefix == "pixxel_async" and rest else None


def slice_of(name: str) -> str:
    return name.split(".")[0]


def allowed(source: str, target: str) -> bool:
    permitted = ALLOWED[source] | {source}
    return any(target == name or target.startswith(name + ".") for name in permitted)


def checked() -> list[Path]:
    """Return the modules whose imports have a direction."""
    return [path for path in modules() if path.parent != ROOT or path.stem not in DOORS]


def climbs(path: Path) -> Iterator[str]:
    """Return what is wrong with a module's imports from other slices."""
    source = slice_of(name_of(path))
    for target, node in arrows(path):
        if slice_of(target) in BY_NAME_ONLY.get(source, set()):
            late = lines_within(path, is_function) | lines_within(path, is_for_types)
            if node.lineno not in late:
                yield f"{path}:{node.lineno}: import {target} inside the function that needs it"
        elif not allowed(source, target):
            yield (
                f"turn this import around: {name_of(path)} -> {target} (line {node.lineno}). {source} may import "
                f"{', '.join(sorted(ALLOWED[source]))}; hand the value in, or move what both need to shared ground"
            )


def test_arrows_point_down() -> None:
    """A module imports only from its own slice and the slices below it."""
    wrong = [reason for path in checked() for reason in climbs(path)]
    assert not wrong, "\n".join(wrong)


def test_no_slice_imports_the_rules_of_another() -> None:
    """No slice imports another slice's rules; shared code is in `_protocol`, `_formats`, `_aio` or `_redact`."""
    wrong = [
        f"{name_of(path)} -> {target} (line {node.lineno}): export it at the door of {slice_of(target)}, "
        "or move it to shared ground"
        for path in checked()
        for target, node in arrows(path)
        if slice_of(target) != slice_of(name_of(path)) and "rules" in target.split(".")
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("slice_", LADDERS)
def test_rooms_form_a_ladder(slice_: str) -> None:
    """Within a slice a room imports from itself and lower rooms, and every room has its place on the ladder."""
    rung = {room: step for step, rooms in enumerate(LADDERS[slice_]) for room in rooms.split()}
    inside = [path for path in modules() if name_of(path).startswith(f"{slice_}.")]
    rooms = {name_of(path).split(".")[1] for path in inside}
    assert rooms == set(rung), f"give these a rung in LADDERS[{slice_!r}], or take it away: {rooms ^ set(rung)}"
    for path in inside:
        own = name_of(path).split(".")[1]
        for target, node in arrows(path):
            if slice_of(target) != slice_:
                continue
            other = target.partition(".")[2].partition(".")[0]
            assert other == own or rung.get(other, -1) > rung[own], (
                f"turn this import around: {name_of(path)} -> {target} (line {node.lineno}) climbs from "
                f"{own} to {other or 'the door'}; move what both need to {own} or to a lower room"
            )


CROWD = 12
"""Hand-written files in one folder at most, `__init__.py` and `__main__.py` aside."""
GENERATED = {"models", "resources"}


def test_no_room_is_crowded() -> None:
    """A hand-written folder holds at most a dozen files."""
    flat = Counter(path.parent for path in modules() if path.stem not in DOORS)
    crowded = {
        folder.relative_to(ROOT).as_posix(): count
        for folder, count in flat.items()
        if count > CROWD and folder.name not in GENERATED | {"_codegen"}
    }
    assert not crowded, f"make rooms inside of {crowded}"


@pytest.mark.slow
@pytest.mark.parametrize("library", THIRD_PARTY)
def test_libraries_stay_at_their_edge(library: str) -> None:
    """A library is imported only in its own places, so that it can be replaced and is loaded when needed."""
    for path in modules():
        here = path.relative_to(ROOT).as_posix()
        if not any(here == place or (place.endswith("/") and here.startswith(place)) for place in THIRD_PARTY[library]):
            found = {node.lineno for dotted, node in imports(path) if dotted.split(".")[0] == library}
            assert not found or found <= lines_within(path, is_for_types), (
                f"{here} imports {library}; only {THIRD_PARTY[library]} may"
            )


def impurities(path: Path) -> Iterator[str]:
    """Return what a rule takes that is no plain value."""
    pure = {slice_of(name_of(path)), *SHARED, "packages", "waiting", "_http"}
    for dotted, node in imports(path):
        target = ours(dotted)
        if dotted.split(".")[0] in IMPURE or (target is not None and slice_of(target) not in pure):
            yield f"{path}:{node.lineno} imports {dotted}"
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in ("open", "print", "datetime.now", "dt.datetime.now", "datetime.utcnow"):
                yield f"{path}:{node.lineno} calls {called}"


def test_rules_are_pure() -> None:
    """A rule handles plain values: it does no I/O and reads neither clock nor random numbers."""
    rules = [path for path in modules() if "rules" in path.parts and path.stem != "__init__"]
    wrong = [reason for path in rules for reason in impurities(path)]
    assert rules and not wrong, "\n".join(wrong)


def test_no_import_cycles() -> None:
    """The import graph has no cycle, type-only imports included, imports inside functions excluded."""
    graph: dict[str, set[str]] = {}
    for path in modules():
        lazy = lines_within(path, is_function)
        graph[name_of(path)] = {target for target, node in arrows(path) if node.lineno not in lazy}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, "turn one of these imports around: " + " -> ".join(
            [*trail[trail.index(name) :], name]
        )
        if name not in done:
            for target in sorted(graph[name]):
                visit(target, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())
