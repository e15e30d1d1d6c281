"""The library takes no thread of asyncio's or anyio's default pools, which belong to the host."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "pixxel_async"
OWN_PROCESS = {"cli", "sandbox", "_codegen"}
"""Folders whose code runs in a process of its own."""


def shared_pools(source: str) -> Iterator[int]:
    """Yield line numbers that take a thread of a default pool."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        executor = name.endswith(".run_in_executor") and ast.unparse(node.args[0]) == "None"
        limiter = name.endswith("to_thread.run_sync") and all(each.arg != "limiter" for each in node.keywords)
        if name in ("asyncio.to_thread", "to_thread") or executor or limiter:
            yield node.lineno


@pytest.mark.parametrize(
    ("call", "shared"),
    [
        ("asyncio.to_thread(f)", True),
        ("loop.run_in_executor(None, f)", True),
        ("loop.run_in_executor(pool, f)", False),
        ("anyio.to_thread.run_sync(f, abandon_on_cancel=True)", True),
        ("anyio.to_thread.run_sync(f, limiter=ours)", False),
    ],
)
def test_the_check_detects_default_pools(call: str, shared: bool) -> None:
    """Each way into a default pool is detected."""
    assert list(shared_pools(call)) == [1] * shared


@pytest.mark.slow
def test_no_default_pool_is_used() -> None:
    """No module uses a default pool: `def` endpoints run in anyio's 40 threads, and could wait for themselves."""
    paths = [path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts[0] not in OWN_PROCESS]
    found = [f"{path.relative_to(ROOT)}:{line}" for path in paths for line in shared_pools(path.read_text("utf-8"))]
    assert not found, f"take a thread of `_aio.threads.Threads`, or pass a limiter of ours: {', '.join(found)}"
