"""Local names are nouns of their subject, and properties are described as values."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import PACKAGE, ROOT, parsed

VAGUE = {
    *("asked", "came", "given", "got", "here", "it", "made", "mine", "one", "ours", "said", "that", "theirs", "there"),
    *("these", "thing", "this", "those", "told", "took", "what", "whole", "who", "whose", "why"),
}
"""Pronouns and participles that say nothing about a value: a reader has to look for what they stand for."""

FILES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")])


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the functions and methods of a file."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def locals_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, int]]:
    """Yield the names that a function binds, parameters included, each with its line."""
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno


def test_local_names_are_nouns() -> None:
    """No parameter or local variable is a pronoun: it has the name of what it holds."""
    vague = {
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in FILES
        for function in functions(path)
        for name, line in locals_of(function)
        if name in VAGUE
    }
    assert not vague, f"name these by what they hold: {sorted(vague)}"


@pytest.mark.parametrize("kind", ["property", "cached_property"])
def test_properties_are_described_as_values(kind: str) -> None:
    """The docstring of a property names the value, as that of an attribute does; it does not begin with "Return"."""
    imperative = {
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}"
        for path in FILES
        for function in functions(path)
        if any(ast.unparse(decorator).split(".")[-1] == kind for decorator in function.decorator_list)
        and (ast.get_docstring(function) or "").startswith("Return ")
    }
    assert not imperative, f"write `The …` or `Whether …`: {sorted(imperative)}"


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> set[str] | None:
    """Return the names of a function's parameters, or of those of a class's `__init__`; None if it has none."""
    if isinstance(node, ast.ClassDef):
        own = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
        return parameters(own[0]) if own else None
    every = node.args
    named = [*every.posonlyargs, *every.args, *every.kwonlyargs, every.vararg, every.kwarg]
    return {argument.arg for argument in named if argument is not None}


def test_described_arguments_exist() -> None:
    """Each entry below `Args:` is a parameter: a renamed one is renamed in its docstring, too."""
    unknown = set()
    for path in FILES:
        for node in ast.walk(parsed(path)):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            section = re.search(r"Args:\n((?:    .*\n?|\n)*)", ast.get_docstring(node) or "")
            known = parameters(node)
            if section is None or known is None:
                continue
            entries = re.findall(r"^ {4}(\w[\w, *]*):", section[1], re.MULTILINE)
            described = {name.strip(" *") for entry in entries for name in entry.split(",")}
            unknown |= {f"{path.relative_to(ROOT)}:{node.lineno} {name}" for name in described - known}
    assert not unknown, f"no such parameters: {sorted(unknown)}"
