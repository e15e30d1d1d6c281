"""Validate JSON against the description's schemas, and say where it fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

JsonSchema = Mapping[str, Any]
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}


def resolve(schema: JsonSchema, components: JsonSchema) -> JsonSchema:
    """Resolve a schema's reference, if it is one."""
    while "$ref" in schema:
        _, _, kind, name = schema["$ref"].split("/")
        schema = components[kind][name]
    return schema


def problems(value: Any, schema: JsonSchema, components: JsonSchema, place: str = "body") -> Iterator[str]:
    """Return one line for each error in a value."""
    schema = resolve(schema, components)
    names = types(schema)
    if names and not any(_is(value, name) for name in names):
        yield f"{place} must be of type {' or '.join(names)}"
    elif "const" in schema and value != schema["const"]:
        yield f"{place} must be {schema['const']}"
    elif "x-values" in schema and not schema.get("x-open") and value not in list(schema["x-values"]):
        yield f"{place} must be one of {', '.join(schema['x-values'])}"
    elif outside := _outside(value, schema):
        yield f"{place} must be {outside}"
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from problems(item, schema.get("items", {}), components, f"{place}[{at}]")
    elif isinstance(value, dict):
        yield from _members(value, schema, components, place)


def types(schema: JsonSchema) -> list[str]:
    """Return the types that a schema names: none, one or several."""
    named = schema.get("type", [])
    return [named] if isinstance(named, str) else list(named)


def _is(value: Any, name: str) -> bool:
    kinds = _TYPES[name]
    return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))


def _outside(value: Any, schema: JsonSchema) -> str:
    """Describe the bound that a value breaks; empty if none."""
    if isinstance(value, str) and len(value) > schema.get("maxLength", len(value)):
        return f"at most {schema['maxLength']} characters"
    if not isinstance(value, int | float) or isinstance(value, bool):
        return ""
    if value < schema.get("minimum", value):
        return f"at least {schema['minimum']}"
    return f"at most {schema['maximum']}" if value > schema.get("maximum", value) else ""


def _members(value: dict[str, Any], schema: JsonSchema, components: JsonSchema, place: str) -> Iterator[str]:
    for name in schema.get("required", ()):
        if value.get(name) is None:
            yield f"{place}.{name} is required"
    yield from combinations(value, schema, place)
    properties, additional = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name, inner in value.items():
        kind = properties.get(name, additional)
        left_out = inner is None and name in properties
        if isinstance(kind, Mapping) and not left_out:
            yield from problems(inner, kind, components, f"{place}.{name}")


def combinations(value: Mapping[str, Any], rules: JsonSchema, place: str = "body") -> Iterator[str]:
    """Describe broken constraints between members: exactly one of several, one that requires another."""
    exclusive = rules.get("x-exactly-one", ())
    if exclusive and sum(bool(value.get(name)) for name in exclusive) != 1:
        yield f"{place} must have exactly one of {', '.join(exclusive)}"
    for name, when in rules.get("x-requires", {}).items():
        if value.get(name) is None and all(value.get(condition) == word for condition, word in when.items()):
            yield f"{place}.{name} is required here"


def argument(text: str, parameter: JsonSchema, components: JsonSchema) -> str | None:
    """Return the error of a query argument, or None."""
    name, schema = parameter["name"], resolve(parameter.get("schema", {}), components)
    kind = schema.get("type")
    if kind == "integer":
        lowest = 0 if name in ("offset", "page_num") else 1
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 16 and int(text) >= lowest):
            return f"{name} must be a whole number of at least {lowest}"
    if kind == "boolean" and text not in ("true", "false"):
        return f"{name} must be true or false"
    if text and schema.get("format") == "date-time" and not _is_time(text):
        return f"{name} must be a time such as 2025-04-14T00:00:00Z"
    # A list of words with a source is the vendor's own; the others are samples, so that further words are possible.
    if text and "x-source" in schema and text not in schema.get("x-values", (text,)):
        return f"{name} must be one of {', '.join(schema['x-values'])}"
    return None


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
