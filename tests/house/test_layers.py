"""Who may know whom: the arrows between the folders of the package point down, and nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "pixxel_async"

ALLOWED = {
    "cli": {"contact", "downloads", "packages", "waiting", "client", "resources", "settings", "errors", "events"},
    "integrations": {"downloads", "packages", "client", "models", "settings", "events", "errors"},
    "contact": {"packages", "client", "_http", "errors"},
    "pytest_plugin": {"client", "settings"},
    "downloads": {"packages", "waiting", "client", "models", "settings", "events", "errors"},
    "client": {"packages", "waiting", "resources", "_http", "settings", "errors"},
    "packages": {"waiting", "resources", "models", "_http", "settings", "events", "errors"},
    "waiting": {"resources", "models", "_http", "settings", "events", "errors"},
    "resources": {"models", "_http.call", "_http.model", "_http.pages"},
    "models": {"_http.model"},
    "_http": {"settings", "errors"},
    "settings": {"errors"},
    "events": {"errors"},
    "description": {"errors"},
    "errors": set(),
    "sandbox": {"description", "errors"},
    "_codegen": {"description"},
}
BY_NAME_ONLY = {
    "cli": {"sandbox", "integrations"},
    "downloads": {"integrations"},
    "pytest_plugin": {"sandbox"},
}
"""Imported inside a function, where it is asked for."""

DOORS = {"__init__", "__main__"}
"""They know every name, lazily."""

THIRD_PARTY = {
    "aiohttp": {"_http/transport.py", "_http/failures.py", "sandbox/"},
    "cattrs": {"_http/model.py", "_http/convert.py", "_codegen/"},
    "sqlite3": {"downloads/record.py", "downloads/record/"},
    "yaml": {"_codegen/"},
    "click": {"cli/"},
    "rich": {"cli/"},
    "obstore": {"integrations/"},
    "boto3": {"integrations/"},
    "botocore": {"integrations/"},
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


def modules() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def runtime_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs; what stands under `if TYPE_CHECKING` does not."""
    for child in ast.iter_child_nodes(node):
        if (
            isinstance(child, ast.If)
            and "TYPE_CHECKING" in ast.unparse(child.test)
            and "not" not in ast.unparse(child.test)
        ):
            for other in child.orelse:
                yield other
                yield from runtime_nodes(other)
            continue
        yield child
        yield from runtime_nodes(child)


def imports(path: Path) -> Iterator[tuple[str, ast.stmt]]:
    """Absolute dotted names that a module imports while it runs."""
    own = ["pixxel_async", *path.relative_to(ROOT).with_suffix("").parts]
    for node in runtime_nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = own[: -node.level] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((f"{source}.{alias.name}", node) for alias in node.names)


def ours(dotted: str) -> str | None:
    prefix, _, rest = dotted.partition(".")
    return rest if prefix == "pixxel_async" and rest else None


def slice_of(name: str) -> str:
    return name.split(".")[0]


def allowed(source: str, target: str) -> bool:
    permitted = ALLOWED[source] | {source}
    return any(target == name or target.startswith(name + ".") for name in permitted)


@pytest.mark.parametrize(
    "path", [path for path in modules() if path.parent != ROOT or path.stem not in DOORS], ids=name_of
)
def test_arrows_point_down(path: Path) -> None:
    """A module imports from its own slice and from the slices below it only."""
    source = slice_of(name_of(path))
    for dotted, node in imports(path):
        target = ours(dotted)
        if target is None or target == "__version__":
            continue
        if slice_of(target) in BY_NAME_ONLY.get(source, set()):
            assert node.col_offset > 0, f"{path}: {target} is imported where it is used, in a function"
            continue
        assert allowed(source, target), f"{path.relative_to(ROOT)} imports {target}"


@pytest.mark.parametrize("library", THIRD_PARTY)
def test_libraries_stay_at_their_edge(library: str) -> None:
    """A library is imported only in the places that exist for it: it can be replaced, and loads when it is needed."""
    for path in modules():
        here = path.relative_to(ROOT).as_posix()
        if not any(here == place or (place.endswith("/") and here.startswith(place)) for place in THIRD_PARTY[library]):
            assert all(dotted.split(".")[0] != library for dotted, _ in imports(path)), f"{here} imports {library}"


@pytest.mark.parametrize(
    "path", [path for path in modules() if "rules" in path.parts and path.stem != "__init__"], ids=name_of
)
def test_rules_are_pure(path: Path) -> None:
    """A rule knows plain values: no I/O, no clock, no dice; they are handed in."""
    source = slice_of(name_of(path))
    for dotted, _ in imports(path):
        assert dotted.split(".")[0] not in IMPURE, f"{path} imports {dotted}"
        target = ours(dotted)
        if target is not None:
            assert slice_of(target) in {source, "settings", "errors", "packages", "waiting"}, f"{path} imports {target}"
    calls = {
        ast.unparse(node.func)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    }
    assert not calls & {"open", "print", "datetime.now", "dt.datetime.now", "datetime.utcnow"}, path


def test_no_import_goes_round() -> None:
    """No two modules need each other to load: the graph of module-level imports has no cycle."""
    names = {name_of(path): path for path in modules()}
    graph: dict[str, set[str]] = {}
    for name, path in names.items():
        edges = set()
        for dotted, node in imports(path):
            target = ours(dotted)
            while target and target not in names:
                target = target.rpartition(".")[0]
            if target and target != name and node.col_offset == 0 and not name.startswith(target + "."):
                edges.add(target)
        graph[name] = edges
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " → ".join([*trail[trail.index(name) :], name])
        if name not in done:
            for target in sorted(graph[name]):
                visit(target, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())
