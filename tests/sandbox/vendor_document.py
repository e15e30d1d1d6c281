"""Facts about responses in the vendor's OpenAPI document.

`vendor.json` beside this file has, for every operation, the statuses and content types of its responses with their
schemas: no sentence, sample or summary of the document, no parameter, no request. It is made by

python -m tests.sandbox.vendor_document DOCUMENT.json

from the document of July 2026, and a test checks that making it again from itself changes nothing.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

FILE = Path(__file__).with_name("vendor_document.json")
_FACTS = frozenset({"type", "format", "required", "enum", "minimum", "maximum", "maxLength", "uniqueItems", "$ref"})
"""What is kept of a schema as it is; `properties`, `items`, `additionalProperties` and `allOf` are kept reduced."""


def reduced(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts about responses in a document."""
    paths = {
        path: {
            method: {"responses": {status: _answer(one) for status, one in operation["responses"].items()}}
            for method, operation in item.items()
        }
        for path, item in document["paths"].items()
    }
    schemas = document["components"]["schemas"]
    kept = sorted(set(_mentioned(paths, schemas)))
    return {"paths": paths, "components": {"schemas": {name: _schema(schemas[name]) for name in kept}}}


def _answer(response: Mapping[str, Any]) -> dict[str, Any]:
    content = response.get("content", {}).items()
    return {"content": {kind: {"schema": _schema(media.get("schema", {}))} for kind, media in content}}


def _schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    made = {name: schema[name] for name in schema if name in _FACTS}
    if "properties" in schema:
        made["properties"] = {name: _schema(one) for name, one in schema["properties"].items()}
    for name in ("items", "additionalProperties"):
        if name in schema:
            made[name] = _schema(schema[name]) if isinstance(schema[name], dict) else schema[name]
    if "allOf" in schema:
        made["allOf"] = [_schema(one) for one in schema["allOf"]]
    return made


def _mentioned(node: Any, schemas: Mapping[str, Any], seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the names of schemas that a node refers to, directly or not."""
    if isinstance(node, dict) and isinstance(node.get("$ref"), str):
        name = node["$ref"].rpartition("/")[2]
        if name not in seen:
            yield name
            yield from _mentioned(schemas[name], schemas, seen | {name})
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _mentioned(inner, schemas, seen)


@cache
def load() -> dict[str, Any]:
    """Return the facts as stored; callers must not change them."""
    document: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return document


def declared(method: str, template: str) -> dict[str, Any]:
    """Return the responses of an operation by status; names of path arguments do not matter."""
    wanted = _nameless(template)
    items = (item for path, item in load()["paths"].items() if _nameless(path) == wanted)
    (found,) = [item[method.lower()] for item in items if method.lower() in item]
    responses: dict[str, Any] = found["responses"]
    return responses


def _nameless(template: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", template)


def problems(value: Any, schema: Mapping[str, Any]) -> list[str]:
    """Return violations of a schema of the document, one line each."""
    whole = {**schema, "components": load()["components"]}
    errors = jsonschema.Draft4Validator(whole).iter_errors(value)
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in errors]


def written(document: Mapping[str, Any]) -> str:
    """Return the facts as text, one line for each path and schema."""
    parts = {"paths": document["paths"], **document["components"]}
    paths, schemas = (
        ",\n".join(f"{json.dumps(name)}: {json.dumps(part[name])}" for name in part) for part in parts.values()
    )
    return f'{{"paths": {{\n{paths}\n}}, "components": {{"schemas": {{\n{schemas}\n}}}}}}\n'


if __name__ == "__main__":
    FILE.write_text(written(reduced(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))), encoding="utf-8")
