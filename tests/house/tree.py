"""Print the package as a tree, with the first docstring line of each folder and file.

.venv/bin/python -m tests.house.tree             every folder and file
.venv/bin/python -m tests.house.tree --folders   folders alone
.venv/bin/python -m tests.house.tree --write     refresh the tree in .github/CONTRIBUTING.md
"""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "pixxel_async"
CONTRIBUTING = ROOT / ".github" / "CONTRIBUTING.md"
WRITE = ".venv/bin/python -m tests.house.tree --write"
BLOCK = re.compile(r"(?<=^<!-- tree -->\n).*?(?=^<!-- /tree -->$)", re.DOTALL | re.MULTILINE)
"""What stands in CONTRIBUTING between the two marks."""


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a file; each is parsed once for all tests, which must not change it."""
    return ast.parse(path.read_text(encoding="utf-8"))


def summary(path: Path) -> str:
    """Return the first docstring line of a file, or of a folder's `__init__.py`; empty where there is none."""
    module = path / "__init__.py" if path.is_dir() else path
    docstring = ast.get_docstring(parsed(module)) or ""
    return docstring.partition("\n")[0]


def children(folder: Path, *, files: bool) -> list[Path]:
    """Return the packages in a folder and, after them, its modules, each sorted by name."""
    packages = sorted(path.parent for path in folder.glob("*/__init__.py"))
    modules = sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")
    return packages + (modules if files else [])


def rows(folder: Path, *, files: bool, indent: str = "") -> Iterator[tuple[str, str]]:
    """Yield the branch and the summary of everything below a folder, depth first."""
    below = children(folder, files=files)
    for path in below:
        last = path is below[-1]
        yield f"{indent}{'└── ' if last else '├── '}{path.name}{'/' if path.is_dir() else ''}", summary(path)
        if path.is_dir():
            yield from rows(path, files=files, indent=indent + ("    " if last else "│   "))


def tree(folder: Path = PACKAGE, *, files: bool = True) -> str:
    """Return the tree as text, one line for each folder and file, the summaries in one column."""
    lines = [(f"{folder.name}/", summary(folder)), *rows(folder, files=files)]
    width = max(len(branch) for branch, _ in lines) + 2
    return "".join(f"{branch:<{width}}{text}".rstrip() + "\n" for branch, text in lines)


def block() -> str:
    """Return the tree of folders as CONTRIBUTING shows it."""
    return f"```text\n{tree(files=False)}```\n"


def main() -> None:
    """Print the tree, or write it into CONTRIBUTING."""
    parser = argparse.ArgumentParser(description="Print the package as a tree.")
    parser.add_argument("--folders", action="store_true", help="folders alone")
    parser.add_argument("--write", action="store_true", help=f"refresh the tree in {CONTRIBUTING.relative_to(ROOT)}")
    options = parser.parse_args()
    if options.write:
        text = CONTRIBUTING.read_text(encoding="utf-8")
        CONTRIBUTING.write_text(BLOCK.sub(lambda _: block(), text), encoding="utf-8", newline="\n")
    else:
        print(tree(files=not options.folders), end="")


if __name__ == "__main__":
    main()
