"""Profiles: what the answers look like where the vendor's pages and its service may differ."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from .realistic import realistic
from .rules.checks import Schema, resolve

ProfileName = Literal["literal", "realistic"]
Shaper = Callable[[Any, Schema], Any]
RAW = frozenset({"spec", "inputs", "outputs", "input", "output", "result", "info_logs"})
"""Members that hold JSON of any kind, which the vendor's document calls lists of integers."""


def shaper(profile: ProfileName, components: Schema) -> Shaper:
    """The function that gives an answer the look of the profile, by the answer's schema."""
    return partial(literal if profile == "literal" else realistic, components)


def literal(components: Schema, value: Any, schema: Schema) -> Any:
    """The answer as the vendor's document has it: lists of integers where it says so."""
    schema = resolve(schema, components)
    if isinstance(value, list):
        return [literal(components, one, schema.get("items", {})) for one in value]
    if not isinstance(value, dict):
        return value
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    rest = others if isinstance(others, dict) else {}
    return {
        name: _member(components, name, one, known.get(name, rest)) if isinstance(one, dict | list) else one
        for name, one in value.items()
    }


def _member(components: Schema, name: str, value: Any, schema: Schema) -> Any:
    raw = name in RAW and not schema.keys() & {"$ref", "type"}
    return _integers(value) if raw else literal(components, value, schema)


def _integers(value: Any) -> list[int]:
    """A short stand-in for what the document calls raw bytes."""
    return list(range(len(value))) if isinstance(value, list) else []
