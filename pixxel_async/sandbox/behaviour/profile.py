"""Shape responses as the profile says, where the vendor's pages and its service may differ."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from ..rules.checks import JsonSchema, resolve
from .realistic import realistic

ProfileName = Literal["literal", "realistic"]
Shaper = Callable[[Any, JsonSchema], Any]
Change = Callable[[Any], Any]
RAW = frozenset({"spec", "inputs", "outputs", "input", "output", "result", "info_logs"})
"""Members that hold arbitrary JSON, which the vendor's document calls lists of integers."""


def make_shaper(profile: ProfileName, components: JsonSchema) -> Shaper:
    """Return the function that shapes a response by its schema."""
    return Documented(components) if profile == "literal" else partial(realistic, components)


class Documented:
    """Shape responses as documented: lists of integers where the document says so.

    The changes are computed once for each schema, since most of a response stays as it is.
    """

    def __init__(self, components: JsonSchema) -> None:
        self._components = components
        self._changes: dict[int, Change | None] = {}

    def __call__(self, value: Any, schema: JsonSchema) -> Any:
        """Return the response as documented."""
        change = self._change(schema)
        return value if change is None else change(value)

    def _change(self, schema: JsonSchema) -> Change | None:
        """Return the change for a value of this schema; None for no change."""
        schema = resolve(schema, self._components)
        if id(schema) not in self._changes:
            self._changes[id(schema)] = partial(self, schema=schema)  # for schemas that contain themselves
            self._changes[id(schema)] = self._derive(schema)
        return self._changes[id(schema)]

    def _derive(self, schema: JsonSchema) -> Change | None:
        members = {name: self._member(name, inner) for name, inner in schema.get("properties", {}).items()}
        named = {name: change for name, change in members.items() if change is not None}
        additional, items = schema.get("additionalProperties"), schema.get("items")
        rest = self._change(additional) if isinstance(additional, dict) else None
        each = self._change(items) if items else None
        return partial(_apply, named, rest, each) if named or rest or each else None

    def _member(self, name: str, schema: JsonSchema) -> Change | None:
        raw = name in RAW and not schema.keys() & {"$ref", "type"}
        return _integers if raw else self._change(schema)


def _apply(named: dict[str, Change], rest: Change | None, each: Change | None, value: Any) -> Any:
    if isinstance(value, list):
        return [each(item) for item in value] if each else value
    if not isinstance(value, dict):
        return value
    row = {name: rest(item) for name, item in value.items()} if rest else dict(value)
    for name, change in named.items():
        if name in value:
            row[name] = change(value[name])
    return row


def _integers(value: Any) -> Any:
    """Return a short list of integers, which the document calls raw bytes."""
    return list(range(len(value))) if isinstance(value, list) else [] if isinstance(value, dict) else value
