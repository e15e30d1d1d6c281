"""Generate the type stub of `pixxel_async.sync` from the sources of the asynchronous classes."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from .text import HEADER

__all__ = ["sync_stub"]

_ABSOLUTE = {
    r"\bPages\[": "Listing[",
    r"\bAsyncIterator\[": "Iterator[",
    r"\bEventSubscription\b": "Iterator[Event]",
    r"\b(?:PackageStream|MemberStream)\b": "Stream",
    r"\bbuiltins\.": "builtins.",
}
"""Asynchronous types by pattern, and their synchronous replacements."""
_LEFT_OUT = {"aclose", "open", "follow_job", "storage", "span", "record", "destination", "body", "__init_subclass__"}
"""Members that plain code has no use for, or that have another form below."""
_OWN = """
class Listing(Generic[_T]):
    \"\"\"A listing: `for row in listing` reads all rows, `listing[0]` the first, `listing.page()` the first page.\"\"\"

    def __iter__(self) -> Iterator[_T]: ...
    @overload
    def __getitem__(self, index: int) -> _T: ...
    @overload
    def __getitem__(self, index: slice) -> list[_T]: ...
    def by_page(self) -> Iterator[Page[_T]]: ...
    def page(self) -> Page[_T]: ...
    def take(self, count: int) -> Listing[_T]: ...

class Outcomes:
    \"\"\"The outcomes of a batch: `for outcome in manager.fetch_all(…)`.\"\"\"

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def __iter__(self) -> Iterator[Outcome]: ...

class Transfer:
    \"\"\"A package on its way: `result()` waits for it.\"\"\"

    def result(self) -> Downloaded: ...
    @property
    def done(self) -> bool: ...
    @property
    def progress(self) -> Progress: ...
    def cancel(self) -> None: ...

class Stream:
    \"\"\"The bytes of a package or of a member: `with … as stream: for chunk in stream: …`.\"\"\"

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def __iter__(self) -> Iterator[bytes]: ...
    def close(self) -> None: ...
    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> dict[str, str]: ...
    @property
    def member(self) -> Member: ...
"""
_DOOR = """
    def open(self) -> Self: ...
    def close(self{more}) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
"""
_IMPORTS = {
    "Generic": "typing", "overload": "typing", "Iterator": "collections.abc", "Self": "typing", "TypeVar": "typing",
    "Downloaded": "pixxel_async.events", "Event": "pixxel_async.events", "Outcome": "pixxel_async.events",
    "Member": "pixxel_async.packages", "Page": "pixxel_async._http.pages", "Progress": "pixxel_async.downloads",
}  # fmt: skip


class _Source:
    """One module: its classes, and where its names come from."""

    def __init__(self, text: str, module: str) -> None:
        self._tree = ast.parse(text)
        self._package = module.split(".")[:-1]
        self.imports = dict(self._find_imports())

    def _find_imports(self) -> Iterator[tuple[str, str]]:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.ImportFrom):
                up = self._package[: len(self._package) - node.level + 1] if node.level else []
                home = ".".join([*up, *([node.module] if node.module else [])])
                yield from ((name.asname or name.name, home) for name in node.names)
            elif isinstance(node, ast.Import):
                yield from ((name.asname or name.name, f"import {name.name}") for name in node.names)

    def members(self, name: str) -> list[str]:
        """Return the public members of a class, as a stub has them."""
        [definition] = [node for node in self._tree.body if isinstance(node, ast.ClassDef) and node.name == name]
        methods = [node for node in definition.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        overloaded = {node.name for node in methods if _is_overload(node)}
        return [text for node in methods if node.name not in overloaded or _is_overload(node) for text in _member(node)]


def _is_overload(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(ast.unparse(each) == "overload" for each in node.decorator_list)


def _member(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    if _is_hidden(node):
        return
    decorators = [ast.unparse(each) for each in node.decorator_list]
    if "abstractmethod" in decorators:
        return
    head = "".join(f"    @{each}\n" for each in decorators if each in ("property", "overload"))
    returned = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    about = textwrap.shorten((ast.get_docstring(node) or "").split("\n\n")[0], 100, placeholder=" …")
    arguments = ast.unparse(node.args)
    body = f'\n        """{about}"""\n' if about and "overload" not in decorators else " ...\n"
    yield f"{head}    def {node.name}({_simplify(arguments)}){_simplify(returned)}:{body}"


def _is_hidden(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return node.name in _LEFT_OUT or (node.name.startswith("_") and node.name != "__init__")


def _simplify(text: str) -> str:
    for pattern, instead in _ABSOLUTE.items():
        text = re.sub(pattern, instead, text)
    return text


def sync_stub(resources: Mapping[str, str], package: Path) -> str:
    """Return the stub, unformatted.

    Args:
        resources: the generated modules of `resources/` by name.
        package: folder of `pixxel_async`, for the classes that are written by hand.
    """
    sources: list[_Source] = []

    def source(name: str, text: str | None = None) -> _Source:
        path = package / f"{name.replace('.', '/')}.py"
        parsed = _Source(path.read_text(encoding="utf-8") if text is None else text, f"pixxel_async.{name}")
        sources.append(parsed)
        return parsed

    classes, attributes = [_OWN], ["    packages: _Packages"]
    for file, text in resources.items():
        resource = file.removesuffix(".py")
        kind = re.findall(r"^class (\w+)\(Resource\)", text, re.MULTILINE)
        for name in kind:
            members = source(f"resources.{resource}", text).members(name)
            classes.append(f"class _{name}:\n{''.join(members)}")
            attributes.append(f"    {resource}: _{name}")
    packages = source("packages.packages").members("Packages")
    packages += source("packages.reading.reader").members("PackageReader")
    classes.append("class _Packages:\n" + "".join(each for each in packages if "def __init__" not in each))
    client = source("client").members("PixxelClient")
    classes.append("class PixxelClient:\n" + "\n".join(attributes) + "\n" + "".join(client) + _DOOR.format(more=""))
    manager = source("downloads.manager").members("DownloadManager")
    drain = ", *, drain: float | None = None"
    classes.append("class DownloadManager:\n" + "".join(manager) + _DOOR.format(more=drain))
    return _module("\n\n".join(classes), sources)


def _module(code: str, sources: Iterable[_Source]) -> str:
    code = f"_T = TypeVar('_T')\n{code}"
    used = _names(code)
    defined = set(re.findall(r"^class (\w+)", code, re.MULTILINE)) | {"_T"}
    homes = {name: home for each in sources for name, home in each.imports.items()} | _IMPORTS
    aliases = "".join(_aliases(used - set(homes) - defined, sources))
    used |= _names(aliases)
    lines = []
    for name in sorted((used & set(homes)) - defined):
        home = homes[name]
        if home.startswith("import "):
            lines.append(home if home == f"import {name}" else f"{home} as {name}")
        else:
            lines.append(f"from {home} import {name}")
    public = [name for name in sorted(defined) if not name.startswith("_")]
    return "\n".join([HEADER, *lines, "", f"__all__ = {public!r}", "", aliases, code])


def _names(code: str) -> set[str]:
    """Return the names that code uses, docstrings and names of functions aside."""
    return set(re.findall(r"(?<![.\w])[A-Za-z_]\w*", re.sub(r'"""[\s\S]*?"""|\bdef \w+', "", code)))


def _aliases(names: set[str], sources: Iterable[_Source]) -> Iterator[str]:
    """Yield the module-level aliases, such as `Given = Package | object`, that annotations use."""
    for each in sources:
        for node in each._tree.body:
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            if isinstance(target, ast.Name) and target.id in names:
                yield ast.unparse(node) + "\n"
                names = names - {target.id}
