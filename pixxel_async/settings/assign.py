"""Assignment of values to settings by dotted names, such as `http.connect_timeout`."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar, Union, cast

import attrs

from ..errors import ConfigError

T = TypeVar("T")


@functools.cache
def _member_types(settings: type) -> dict[str, Any]:
    """Return the types of the fields that may be assigned by name."""
    hints = typing.get_type_hints(settings)
    return {each.name: hints[each.name] for each in attrs.fields(settings) if not each.metadata.get("internal")}


_FLAGS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}

_WANTED = {int: "a whole number", float: "a number", bool: "true or false"}


def assign(settings: T, values: Mapping[str, Any], group: str = "") -> T:
    """Return a copy of the settings with values assigned; text is converted to the type of the field.

    Args:
        settings: instance of an attrs class whose fields may be such instances.
        values: values by dotted name; a mapping assigns to a group.
        group: dotted name of `settings` itself, for error messages.

    Raises:
        ConfigError: an unknown name, with similar names; or a value out of bounds.
    """
    fields = _member_types(cast("Any", type(settings)))
    changes: dict[str, Any] = {}
    groups: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        head, _, rest = name.partition(".")
        nested = head in fields and attrs.has(type(getattr(settings, head)))
        if head not in fields or (rest and not nested):
            raise ConfigError(_unknown(f"{group}{name}", [group + field for field in fields]))
        if rest:
            groups.setdefault(head, {})[rest] = value
        elif nested and isinstance(value, Mapping):
            groups.setdefault(head, {}).update(value)
        elif nested and not attrs.has(type(value)):
            raise ConfigError(f"{group}{name} is a group of settings; set a member of it, such as {group}{name}.…")
        else:
            changes[head] = read_as(fields[head], value, f"{group}{name}")
    for head, inner in groups.items():
        changes[head] = assign(getattr(settings, head), inner, f"{group}{head}.")
    try:
        changed: T = attrs.evolve(cast("Any", settings), **changes)
        return changed
    except ConfigError as error:
        text = str(error)
    raise ConfigError(f"{group}{text}")


def read_as(kind: Any, value: Any, name: str) -> Any:
    """Return the value as the type of a setting: numbers and flags from text, tuples from lists."""
    options = typing.get_args(kind) if typing.get_origin(kind) in (Union, types.UnionType) else (kind,)
    if isinstance(value, list):
        return tuple(value)
    if not isinstance(value, str):
        return value
    if value.lower() in ("", "none") and type(None) in options:
        return None
    if str in options or any(typing.get_origin(choice) is typing.Literal for choice in options):
        return value
    readings = [reading for choice in options if (reading := _reader_of(choice)) is not None]
    try:
        return readings[0](value) if readings else value
    except (ValueError, KeyError):
        expected = " or ".join(
            _WANTED.get(choice, f"a {choice}") for choice in options if _reader_of(choice) is not None
        )
    raise ConfigError(f"{name} must be {expected}, not {value!r}")


def _reader_of(kind: Any) -> Any:
    if kind is bool:
        return lambda text: _FLAGS[text.strip().lower()]
    if kind in (int, float):
        return kind
    if typing.get_origin(kind) is tuple:
        item = typing.get_args(kind)[0]
        return lambda text: tuple(item(part.strip()) for part in text.replace("/", ",").split(",") if part.strip())
    return None


def _unknown(name: str, names: list[str]) -> str:
    import difflib

    similar = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    return f"there is no setting {name!r}" + (f"; similar: {', '.join(similar)}" if similar else "")
