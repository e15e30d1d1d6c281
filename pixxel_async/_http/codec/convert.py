"""The cattrs converter: answers become models, models become JSON. Reading never raises on content."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

import attrs
from cattrs import BaseConverter, Converter
from cattrs.fns import identity
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from ...errors import DecodeError
from .drift import Drift, drift_now
from .open_enum import OpenEnum
from .scalars import read_flag, read_number, read_text, read_time, read_whole
from .serialize import write_hook
from .structure import Hook, Reader, is_list, is_map, is_union, list_hook, map_hook, union_hook

__all__ = ["Drift", "read", "read_list", "write"]


class HasExtra(Protocol):
    """What the converter needs of a model: room for the members that its class does not know."""

    extra: dict[str, Any]


M = TypeVar("M", bound=HasExtra)

_LEAVES = {str: read_text, bool: read_flag, int: read_whole, float: read_number, dt.datetime: read_time}
_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}


def read(model: type[M], value: Any, drift: Drift | None = None, lent: Mapping[str, Any] | None = None) -> M:
    """One object of an answer; may run in any thread.

    Args:
        model: the class to read it as.
        value: parsed JSON.
        drift: is told of unknown members and words.
        lent: values for members that came absent or null.

    Raises:
        DecodeError: the value is no JSON object.
    """
    if not isinstance(value, dict):
        raise DecodeError(f"expected an object to read as {model.__name__}, got {_KINDS.get(type(value), 'a number')}")
    return _read(model, [value], drift, lent)[0]


def read_list(model: type[M], value: Any, drift: Drift | None = None, lent: Mapping[str, Any] | None = None) -> list[M]:
    """The rows of an answer: a list, or a map whose values are the rows; null is no rows.

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
        made: list[M] = [reader(row) for row in rows]
    finally:
        drift_now.reset(before)
    for one in made if lent else ():
        reader.lend(one, lent)
    return made


def write(model: HasExtra) -> dict[str, Any]:
    """The members under their wire names, `extra` included; those that equal their default are left out."""
    written: dict[str, Any] = _converter.unstructure(model)
    return {**model.extra, **written} if model.extra else written


def _reader(kind: type[Any], converter: BaseConverter) -> Reader:
    return Reader(kind, converter, _compile)


def _compile(
    kind: type[Any], converter: BaseConverter, members: Mapping[str, tuple[str, Hook]]
) -> Callable[[Any], Any]:
    told: dict[str, Any] = {a.name: override(omit=True) for a in attrs.fields(kind)}
    told |= {name: override(rename=wire, struct_hook=hook) for name, (wire, hook) in members.items()}
    return make_dict_structure_fn(kind, converter, **told)


def _writer(kind: type[Any], converter: BaseConverter) -> Callable[[Any], Any]:
    fields = attrs.fields(attrs.resolve_types(kind))
    members: dict[str, Any] = {a.name: _written(a) for a in fields}
    flat = make_dict_unstructure_fn(kind, converter, _cattrs_omit_if_default=True, **members)
    within = {a.metadata.get("wire", a.name): a.metadata["within"] for a in fields if "within" in a.metadata}
    kept = {a.metadata.get("wire", a.name): a.default for a in fields if "keep" in a.metadata}
    if not within and not kept and all(a.default is not attrs.NOTHING for a in fields):
        return flat
    return lambda value: _finished(flat(value), within, {name: kept[name] for name in kept if name not in value.extra})


def _written(field: attrs.Attribute[Any]) -> Any:
    facts = field.metadata
    return override(
        omit=field.name == "extra" or "lent" in facts,
        rename=facts.get("wire"),
        unstruct_hook=facts.get("write") or write_hook(field.type, field.name) or identity,
    )


def _finished(written: dict[str, Any], within: Mapping[str, str], kept: Mapping[str, Any]) -> dict[str, Any]:
    """Adds constants, drops required members that nobody gave, and moves members into the object that holds them."""
    made = dict(kept)
    for name, value in written.items():
        if name in within:
            made.setdefault(within[name], {})[name] = value
        elif value is not None:
            made[name] = value
    return made


def _build() -> Converter:
    made = Converter(detailed_validation=False)
    for kind, leaf in _LEAVES.items():
        made.register_structure_hook(kind, leaf)
    made.register_structure_hook(OpenEnum, lambda value, kind: kind(read_text(value)))
    made.register_structure_hook_factory(attrs.has, _reader)
    made.register_structure_hook_factory(is_list, list_hook)
    made.register_structure_hook_factory(is_map, map_hook)
    made.register_structure_hook_factory(is_union, union_hook)
    made.register_unstructure_hook_factory(attrs.has, _writer)
    return made


_converter = _build()
