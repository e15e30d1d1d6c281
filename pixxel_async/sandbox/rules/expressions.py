"""Index expressions such as `(B08 - B04) / (B08 + B04)`: parse, and evaluate over whole bands."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Sequence

Values = Sequence[float]
_BAND = re.compile(r"B\d[\dA]\d?")
_MOST = 2000
"""Longest expression in characters."""


def _divide(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else math.nan


_OPERATIONS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: _divide,
}


def bands(expression: str) -> list[str]:
    """Return the sorted band names of an expression."""
    return sorted(set(_BAND.findall(expression)))


def parts(expression: str) -> list[ast.expr]:
    """Parse the comma-separated expressions; raise ValueError if one is invalid."""
    try:
        tree = ast.parse(expression[:_MOST].strip(), mode="eval").body
        expressions = list(tree.elts) if isinstance(tree, ast.Tuple) else [tree]
        for part in expressions:
            _check(part)
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError("it cannot be read") from None
    return expressions


def _check(node: ast.expr) -> None:
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        _check(node.left)
        _check(node.right)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        _check(node.operand)
    elif isinstance(node, ast.Name) and _BAND.fullmatch(node.id):
        return
    elif not (isinstance(node, ast.Constant) and type(node.value) in (int, float)):
        raise ValueError("it knows bands, numbers, + - * / and parentheses")


def evaluate(node: ast.expr, band: Callable[[str], Values], size: int) -> Values:
    """Evaluate an expression for each pixel; NaN without a value.

    Args:
        node: one of `parts`.
        band: pixels of a band by its name.
        size: number of pixels.
    """
    if isinstance(node, ast.BinOp):
        left, right = evaluate(node.left, band, size), evaluate(node.right, band, size)
        return list(map(_OPERATIONS[type(node.op)], left, right))
    if isinstance(node, ast.UnaryOp):
        return [-value for value in evaluate(node.operand, band, size)]
    if isinstance(node, ast.Name):
        return band(node.id)
    value = node.value if isinstance(node, ast.Constant) else math.nan
    return [float(value) if isinstance(value, int | float) else math.nan] * size
