"""The catalogue of faults: `CATALOGUE.md` is made from `faults.toml` and from the markers of the tests.

.venv/bin/python -m tests.faults --write     refresh CATALOGUE.md
"""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TESTS = HERE.parent
CATALOGUE = HERE / "CATALOGUE.md"
WRITE = ".venv/bin/python -m tests.faults --write"


def read_faults() -> dict[str, Any]:
    """Return `faults.toml`: the tables `groups`, `faults` and `reasons`, each from an id to a text."""
    return tomllib.loads((HERE / "faults.toml").read_text(encoding="utf-8"))


@cache
def marked_tests() -> dict[str, list[str]]:
    """Return the tests of each id, as `path::name` below `tests/`, from the decorators in the source."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        source = path.read_text(encoding="utf-8")
        if "mark.fault(" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for fault in _ids(node):
                    found[fault].append(f"{path.relative_to(TESTS).as_posix()}::{node.name}")
    return dict(found)


def _ids(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """Yield the ids in the `pytest.mark.fault(…)` decorators of a test."""
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.fault":
            yield from (str(ast.literal_eval(argument)) for argument in decorator.args)


def mistakes(faults: Mapping[str, Any], tests: Mapping[str, Sequence[str]]) -> list[str]:
    """Return inconsistencies: ids without test and reason, with both, or without a description."""
    known, reasons = faults["faults"], faults["reasons"]
    untested = sorted(known.keys() - tests.keys() - reasons.keys())
    return (
        [f"{fault} has neither a test nor a reason" for fault in untested]
        + [f"{fault} has a test, so that its reason is out of date" for fault in sorted(tests.keys() & reasons.keys())]
        + [f"{fault} is not in faults.toml: {tests[fault][0]}" for fault in sorted(tests.keys() - known.keys())]
        + [f"{fault} has a reason but no description" for fault in sorted(reasons.keys() - known.keys())]
    )


def render(faults: Mapping[str, Any], tests: Mapping[str, Sequence[str]]) -> str:
    """Return the catalogue as Markdown: a table per group, with id, fault and tests."""
    lines = [
        "# Faults and their tests",
        "",
        f"Made by `{WRITE}` from `faults.toml` and the `fault` markers of the tests; do not edit.",
        f"{len(faults['faults'])} faults, {len({test for found in tests.values() for test in found})} tests.",
        "",
        "Run the tests of one fault: `.venv/bin/python -m pytest $(.venv/bin/python -m tests.faults --tests B-04)`.",
    ]
    for group, title in faults["groups"].items():
        lines += ["", f"## {group}. {title}", "", "| id | fault and what must happen | tests |", "| --- | --- | --- |"]
        for fault, text in faults["faults"].items():
            if fault.startswith(f"{group}-"):
                named = "<br>".join(f"`{test}`" for test in tests.get(fault, ()))
                lines.append(f"| {fault} | {text} | {named or 'none: ' + faults['reasons'][fault]} |")
    return "\n".join(lines) + "\n"
