"""Change a response like a live service that differs from its document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ..rules.checks import JsonSchema, resolve, types
from ..rules.ids import number

_OLD_WORDS = {
    "FULFILLED": "COMPLETED",
    "PARTIALLY_FULFILLED": "PARTIALLY_COMPLETED",
    "STANDARD": "EXPEDITED",
    "VNIR": "VNIR/SWIR",
}
"""Words of older documents and samples, in place of those of the description."""
_UNTOUCHED = frozenset({"signed_url", "href"})
_TIMES: tuple[Callable[[datetime], str], ...] = (
    lambda when: when.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    lambda when: when.strftime("%Y-%m-%d %H:%M:%S.%f+00:00"),
    lambda when: when.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
    lambda when: when.strftime("%Y-%m-%dT%H:%M:%S.%f") + "789Z",
)
_CASES: tuple[Callable[[str], str], ...] = (str, str.upper, str.title, str)
_NEW = {"revision": 7, "labels_v2": {"tier": "gold"}}
"""Members that no description has."""


def realistic(components: JsonSchema, value: Any, schema: JsonSchema, path: str = "") -> Any:
    """Add nulls, fractions, odd times, mixed case, old words and unknown members to a response."""
    schema = resolve(schema, components)
    if isinstance(value, list):
        inner = schema.get("items", {})
        return [realistic(components, item, inner, f"{path}[]") for item in value]
    if isinstance(value, dict):
        return _members(components, value, schema, path)
    return _scalar(value, schema, path)


def _members(components: JsonSchema, value: Mapping[str, Any], schema: JsonSchema, path: str) -> dict[str, Any]:
    properties, additional = schema.get("properties", {}), schema.get("additionalProperties")
    rest = additional if isinstance(additional, Mapping) else {}
    row = path + str(value.get("id", ""))
    shaped = {
        name: member
        if name in _UNTOUCHED
        else _member(components, member, properties.get(name, rest), f"{row}.{name}", name)
        for name, member in value.items()
    }
    return {**shaped, **_NEW} if "id" in properties and "type" not in properties else shaped


def _member(components: JsonSchema, value: Any, schema: JsonSchema, path: str, name: str) -> Any:
    if value in ("", []) and number(2, path) == 0:
        return None
    if name in ("status", "block_status") and isinstance(value, str):
        value = _OLD_WORDS.get(value, value)
        return _CASES[number(len(_CASES), path)](value)
    return realistic(components, value, schema, path)


def _scalar(value: Any, schema: JsonSchema, path: str) -> Any:
    kind = next(iter(types(schema)), "")
    if kind == "number" and isinstance(value, str):
        return float(value)
    if kind == "number" and isinstance(value, int) and number(2, path) == 0:
        return float(value) if value in (0, 100) else value + 0.5
    if isinstance(value, str) and value and schema.get("format") == "instant":
        when = datetime.fromisoformat(value)
        return _TIMES[number(len(_TIMES), path)](when)
    if isinstance(value, str) and "x-values" in schema and number(2, path) == 0:
        return _OLD_WORDS.get(value, value)
    return value
