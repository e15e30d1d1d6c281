"""The description as plain values, and functions that walk it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

import pixxel_async.description

FILE = Path(pixxel_async.description.__file__).with_name("pixxel.yaml")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's loader, ten times as fast, where it is there."""
DOCUMENT: dict[str, Any] = yaml.load(FILE.read_text(encoding="utf-8"), _LOADER)
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
METHODS = ("get", "post", "put", "patch", "delete")


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path and operation of each operation."""
    for path, item in DOCUMENT["paths"].items():
        yield from ((method.upper(), path, item[method]) for method in METHODS if method in item)


def by_name() -> dict[str, dict[str, Any]]:
    """Return the operations by name."""
    return {operation["operationId"]: operation for _, _, operation in operations()}


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    """Return the target of a reference, or the node itself; raises KeyError for a dangling reference."""
    while "$ref" in node:
        target: Any = DOCUMENT
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def references(node: Any) -> Iterator[str]:
    """Yield every `$ref` below a node."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from references(child)


def parameters(operation: dict[str, Any]) -> list[dict[str, Any]]:
    """Return an operation's parameters with references resolved."""
    return [resolve(parameter) for parameter in operation.get("parameters", [])]


def body(operation: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an operation's JSON body, or an empty mapping."""
    content = operation.get("requestBody", {}).get("content", {})
    schema: dict[str, Any] = content.get("application/json", {}).get("schema", {})
    return schema


def answers(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the schemas of an operation's 2xx responses by status; empty for those that are not JSON."""
    good = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
    return {
        status: answer.get("content", {}).get("application/json", {}).get("schema", {})
        for status, answer in good.items()
    }


def members(name: str, schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield dotted name and schema of every inline member of a schema."""
    for member, value in schema.get("properties", {}).items():
        yield f"{name}.{member}", value
        yield from members(f"{name}.{member}", value)
