"""The description as plain values, and ways through it."""

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
    """Method, path and operation, each."""
    for path, item in DOCUMENT["paths"].items():
        yield from ((method.upper(), path, item[method]) for method in METHODS if method in item)


def by_name() -> dict[str, dict[str, Any]]:
    """The operations by their names."""
    return {operation["operationId"]: operation for _, _, operation in operations()}


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    """What a node refers to, or itself; raises KeyError when it refers to nothing."""
    while "$ref" in node:
        target: Any = DOCUMENT
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def references(node: Any) -> Iterator[str]:
    """Every `$ref` below a node."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from references(child)


def parameters(operation: dict[str, Any]) -> list[dict[str, Any]]:
    """Its parameters, references followed."""
    return [resolve(parameter) for parameter in operation.get("parameters", [])]


def body(operation: dict[str, Any]) -> dict[str, Any]:
    """The schema of its JSON body; empty when it has none."""
    content = operation.get("requestBody", {}).get("content", {})
    schema: dict[str, Any] = content.get("application/json", {}).get("schema", {})
    return schema


def answers(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The schemas of its good answers by status; empty for those that are no JSON."""
    good = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
    return {
        status: answer.get("content", {}).get("application/json", {}).get("schema", {})
        for status, answer in good.items()
    }


def members(name: str, schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Dotted name and schema of every member that is written at this place."""
    for member, value in schema.get("properties", {}).items():
        yield f"{name}.{member}", value
        yield from members(f"{name}.{member}", value)
