"""Conversion between JSON and models; reading never raises on the content of an object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, TypeVar

import attrs

from ...errors import DecodeError
from .drift import Drift, drift_now
from .reading.hooks import hook_of

__all__ = ["Drift", "members_of", "read", "read_list", "write"]


class HasExtra(Protocol):
    """A model as the converter sees it: with a place for members that its class does not know."""

    extra: dict[str, Any]


M = TypeVar("M", bound=HasExtra)

_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}


def read(model: type[M], value: Any, drift: Drift | None = None, lent: Mapping[str, Any] | None = None) -> M:
    """Read one object of a response; may run in any thread.

    Args:
        model: class of the result.
        value: parsed JSON.
        drift: counts unknown members and words.
        lent: values for members that are absent or null.

    Raises:
        DecodeError: the value is no JSON object.
    """
    if not isinstance(value, dict):
        raise DecodeError(f"expected an object to read as {model.__name__}, got {_KINDS.get(type(value), 'a number')}")
    return _read(model, [value], drift, lent)[0]


def read_list(model: type[M], value: Any, drift: Drift | None = None, lent: Mapping[str, Any] | None = None) -> list[M]:
    """Read the rows of a response: a list, or a map whose values are the rows; null means none.

    A row that is no object becomes an empty one with the raw value in `extra[""]`.

    Raises:
        DecodeError: the value is neither list, map nor null.
    """
    rows = [] if value is None else list(value.values()) if isinstance(value, dict) else value
    if not isinstance(rows, list):
        raise DecodeError(f"expected a list of {model.__name__}, got {_KINDS.get(type(value), 'a number')}")
    return _read(model, [row if isinstance(row, dict) else {"": row} for row in rows], drift, lent)


def _read(model: type[M], rows: list[dict[str, Any]], drift: Drift | None, lent: Mapping[str, Any] | None) -> list[M]:
    reader: Any = hook_of(model)
    before = drift_now.set(drift)
    try:
        instances: list[M] = [reader(row) for row in (_fill(rows, members_of(model), lent) if lent else rows)]
    finally:
        drift_now.reset(before)
    for instance in instances if lent else ():
        reader.fill_lent(instance, lent)
    return instances


def _fill(rows: list[dict[str, Any]], members: frozenset[str], lent: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows with the caller's values for members that are absent or null."""
    usable = {name: value for name, value in lent.items() if name in members}
    for row in rows:
        absent = [name for name in usable if not row.get(name)]
        yield {**row, **{name: usable[name] for name in absent}} if absent else row


def write(model: HasExtra) -> dict[str, Any]:
    """Return the members by wire name, `extra` included; those equal to their default are left out.

    A raw value in `extra` wins while the attribute still has what was read from it.
    """
    from .writing import converter  # loads cattrs, which a client that only reads does without

    written: dict[str, Any] = converter.unstructure(model)
    if not model.extra:
        return written
    reader: Any = hook_of(type(model))
    raw = {
        name: value for name, value in model.extra.items() if name in written and reader.reads_as(name, value, model)
    }
    return {**model.extra, **written, **raw}


def members_of(model: type[Any]) -> frozenset[str]:
    """Return the wire names of a model's members."""
    if (members := _members.get(model)) is None:
        fields = [a for a in attrs.fields(model) if a.name != "extra"]
        members = frozenset(a.metadata.get("within") or a.metadata.get("wire", a.name) for a in fields)
        _members[model] = members
    return members


_members: dict[type[Any], frozenset[str]] = {}
