"""cattrs converter between JSON and models; reading never raises on the content of an object."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

import attrs
from cattrs import BaseConverter, Converter
from cattrs.fns import identity
from cattrs.gen import make_dict_unstructure_fn, override

from ...errors import DecodeError
from .dataclass_view import without_dataclass_view
from .drift import Drift, drift_now
from .open_enum import OpenEnum
from .scalars import read_flag, read_number, read_text, read_time, read_whole
from .serialize import write_hook
from .structure import Reader, is_list, is_map, is_union, list_hook, map_hook, union_hook

__all__ = ["Drift", "members_of", "read", "read_list", "write"]


class HasExtra(Protocol):
    """A model as the converter sees it: with a place for members that its class does not know."""

    extra: dict[str, Any]


M = TypeVar("M", bound=HasExtra)

_LEAVES = {str: read_text, bool: read_flag, int: read_whole, float: read_number, dt.datetime: read_time}
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
    reader: Any = _converter.get_structure_hook(model)
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
    written: dict[str, Any] = _converter.unstructure(model)
    if not model.extra:
        return written
    reader: Any = _converter.get_structure_hook(type(model))
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


def _make_writer(kind: type[Any], converter: BaseConverter) -> Callable[[Any], Any]:
    fields = attrs.fields(attrs.resolve_types(kind))
    members: dict[str, Any] = {a.name: _member_override(a) for a in fields}
    with without_dataclass_view():
        flat = make_dict_unstructure_fn(kind, converter, _cattrs_omit_if_default=True, **members)
    within = {a.metadata.get("wire", a.name): a.metadata["within"] for a in fields if "within" in a.metadata}
    retained = {a.metadata.get("wire", a.name): a.default for a in fields if "keep" in a.metadata}
    if not within and not retained and all(a.default is not attrs.NOTHING for a in fields):
        return flat
    return lambda value: _finish(
        flat(value), within, {name: retained[name] for name in retained if name not in value.extra}
    )


def _member_override(field: attrs.Attribute[Any]) -> Any:
    facts = field.metadata
    return override(
        omit=field.name == "extra" or "lent" in facts,
        rename=facts.get("wire"),
        unstruct_hook=facts.get("write") or write_hook(field.type, field.name) or identity,
    )


def _finish(written: dict[str, Any], within: Mapping[str, str], retained: Mapping[str, Any]) -> dict[str, Any]:
    """Add constants, drop required members without a value, and move members into the object that holds them."""
    row = dict(retained)
    for name, value in written.items():
        if name in within:
            row.setdefault(within[name], {})[name] = value
        elif value is not None:
            row[name] = value
    return row


def _build() -> Converter:
    converter = Converter(detailed_validation=False)
    for kind, leaf in _LEAVES.items():
        converter.register_structure_hook(kind, leaf)
    converter.register_structure_hook(OpenEnum, lambda value, kind: kind(read_text(value)))
    converter.register_structure_hook_factory(attrs.has, Reader)
    converter.register_structure_hook_factory(is_list, list_hook)
    converter.register_structure_hook_factory(is_map, map_hook)
    converter.register_structure_hook_factory(is_union, union_hook)
    converter.register_unstructure_hook_factory(attrs.has, _make_writer)
    return converter


_converter = _build()
