"""Hooks that read models, lists and maps: attributes always have their announced type, and no value is lost.

A class is compiled at its first use into a function that reads member after member. There are three cases of a member:

1. It fits, and becomes the attribute.
2. It is read, but is not all that came (`Altered`): a number as text, an id as number, a list with an odd element. The
   attribute has what was read; the raw value is kept in `extra` under its wire name, and `to_dict` gives it.
3. It does not fit (`Misfit`): the attribute is None, and `extra` has the raw value, as it has unknown members.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from threading import Lock
from types import UnionType
from typing import Any, Union, get_args, get_origin

import attrs

from ..drift import Drift, drift_now
from ..json_text import unpack
from ..lazy import Pending, unsettled_extra
from ..open_enum import OpenEnum
from .compiled import Hook, ReadMember, WordReader, compile_reader
from .scalars import (
    Altered,
    Misfit,
    read_any,
    read_flag,
    read_id,
    read_number,
    read_numbers,
    read_text,
    read_time,
    read_whole,
)

_log = logging.getLogger("pixxel_async.http")
_compiling = Lock()
_NOTHING: Mapping[str, Any] = {}
_LEAVES: dict[Any, Hook] = {
    str: read_text,
    bool: read_flag,
    int: read_whole,
    float: read_number,
    dt.datetime: read_time,
    list[float]: read_numbers,
}


@cache
def hook_of(kind: Any) -> Hook:
    """Return the hook of an annotation: a scalar, a list, a map, a model, or a union, of which the first type counts.

    Values of any other annotation are taken as they are.
    """
    if kind in _LEAVES:
        return _LEAVES[kind]
    if is_union(kind):
        first, hook = without_none(kind), hook_of(without_none(kind))
        return lambda value, _: None if value is None else hook(value, first)
    if is_list(kind):
        return _list_hook(get_args(kind)[0])
    if is_map(kind):
        return _map_hook(get_args(kind)[1])
    if isinstance(kind, type) and issubclass(kind, OpenEnum):
        return lambda value, _: kind(read_text(value))
    return Reader(kind) if attrs.has(kind) else read_any


class Reader:
    """Hook of one class, compiled at its first use."""

    def __init__(self, model: type[Any]) -> None:
        self._model = model
        self._read: Callable[[dict[str, Any]], Any] | None = None

    def _compile(self) -> Callable[[Any], Any]:
        fields = [a for a in attrs.fields(attrs.resolve_types(self._model)) if a.name != "extra"]
        members = [self._member(a) for a in fields]
        self._extra = unsettled_extra(self._model)
        self._members = {member.wire: member for member in members if member.hook}
        self._within = {a.metadata.get("wire", a.name): a.metadata["within"] for a in fields if "within" in a.metadata}
        self._lends: dict[str, Mapping[str, str]] = {
            a.name: a.metadata["lends"] for a in fields if "lends" in a.metadata
        }
        return compile_reader(
            self._model,
            members,
            odd=self._read_odd,
            unknown=self._keep_unknown,
            missing=self._report_missing,
            lift=self._lift if self._within else None,
            fill=self.fill_lent if self._lends else None,
        )

    def _member(self, field: attrs.Attribute[Any]) -> ReadMember:
        factory = getattr(field.default, "factory", None)
        default = factory() if factory else None if field.default is attrs.NOTHING else field.default
        hook = None if field.metadata.get("lent") else self._hook(field)
        wire, required = field.metadata.get("wire", field.name), "required" in field.metadata
        return ReadMember(field.name, wire, hook, field.type, repr(default), required)

    def _hook(self, field: attrs.Attribute[Any]) -> Hook:
        kind = without_none(field.type)
        if field.metadata.get("lazy"):
            return self._lazy_hook(field.metadata.get("wire", field.name), hook_of(kind), kind)
        if isinstance(kind, type) and issubclass(kind, OpenEnum):
            return WordReader(kind, f"{self._model.__name__}.{field.name}")
        if kind is str and (field.name == "id" or field.name.endswith("_id")):
            return read_id
        if field.name.endswith("_ids") and is_list(kind) and get_args(kind) == (str,):
            return _list_reader(read_id, str, skips_odd=True)
        return hook_of(kind)

    def _lazy_hook(self, wire: str, hook: Hook, kind: Any) -> Hook:
        """Return a hook that leaves an object of an answer, packed or not, for later, when its drift is counted.

        Outside of an answer, where nothing counts drift, the object may be the caller's, who may change it.
        """

        def decode(raw: Any, drift: Drift) -> tuple[Any, Any]:
            raw = unpack(raw) if isinstance(raw, bytes) else raw
            before = drift_now.set(drift)
            try:
                return hook(raw, kind), None
            except Altered as altered:
                self._report_odd(wire, raw)
                return altered.value, raw
            finally:
                drift_now.reset(before)

        def postpone(value: Any, _: object) -> Any:
            drift = drift_now.get()
            if drift is None or not isinstance(value, dict | bytes):
                return hook(value, kind)
            return Pending(value, partial(decode, drift=drift))

        return postpone

    def __call__(self, raw: Any, _: object = None) -> Any:
        return (self._read or self._compile_once())(raw)

    def _compile_once(self) -> Callable[[Any], Any]:
        with _compiling:
            if self._read is None:
                self._read = self._compile()
            return self._read

    def reads_as(self, name: str, raw: Any, instance: Any) -> bool:
        """Return whether a raw value under this wire name is still what the attribute of `instance` was read from."""
        self._compile_once()
        member = self._members.get(name)
        if member is None or member.hook is None:
            return False
        try:
            value = member.hook(raw, member.kind)
        except Altered as altered:
            value = altered.value
        except Exception:  # a hook refuses by whatever its parser raises
            return False
        return bool(value == getattr(instance, member.name))

    def _read_odd(self, instance: Any, wire: str, value: Any, error: Exception, default: Any) -> None:
        """Set a member from a value that is not all of the attribute, or does not fit, and keep the raw value."""
        altered, holder, extra = isinstance(error, Altered), self._within.get(wire), self._extra(instance)
        setattr(instance, self._members[wire].name, error.value if isinstance(error, Altered) else default)
        if holder is None:
            extra[wire] = value
        elif not altered:
            extra.setdefault(holder, {})[wire] = value
        if not altered or isinstance(value, list | dict):
            self._report_odd(wire, value)

    def _report_odd(self, wire: str, value: Any) -> None:
        _log.debug("misfit", extra={"model": self._model.__name__, "member": wire})
        if (drift := drift_now.get()) is not None:
            drift.note_member(f"{self._model.__name__}.{wire} as {type(value).__name__}")

    def _report_missing(self, name: str) -> None:
        if (drift := drift_now.get()) is not None:
            drift.note_member(f"{self._model.__name__} without {name}")

    def _lift(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Lift members out of their wrapping object; an object with other members is left unchanged."""
        flat = dict(raw)
        for holder in set(self._within.values()):
            inner = flat.get(holder)
            if isinstance(inner, dict) and all(self._within.get(name) == holder for name in inner):
                flat.update(flat.pop(holder))
        return flat

    def _keep_unknown(self, instance: Any, raw: dict[str, Any]) -> None:
        drift, members, extra = drift_now.get(), self._members, self._extra(instance)
        for name, value in raw.items():
            if name in members:
                continue
            extra[name] = value
            if drift is not None:
                drift.note_member(f"{self._model.__name__}.{name}")

    def fill_lent(self, instance: Any, lent: Mapping[str, Any] = _NOTHING) -> None:
        """Fill absent members from the caller's values, then members of inner rows from this row."""
        for name, value in lent.items():
            if not getattr(instance, name):
                setattr(instance, name, value)
        for rows, lends in self._lends.items():
            for row in getattr(instance, rows):
                for name, source in lends.items():
                    setattr(row, name, getattr(instance, source))


def _list_hook(row: Any) -> Hook:
    """Return the hook of a list of this type; a text is no list.

    Among objects or texts, nulls and odd elements are left out; among numbers and times the position of each counts,
    so that one that does not fit spoils the list.
    """
    skips_odd = isinstance(row, type) and (attrs.has(row) or issubclass(row, str))
    return _list_reader(hook_of(row), row, skips_odd=skips_odd)


def _list_reader(hook: Hook, row: Any, *, skips_odd: bool) -> Hook:
    def read_rows(value: Any, _: object) -> list[Any]:
        if not isinstance(value, list):
            raise Misfit
        items: list[Any] = []
        altered = False
        for each in value:
            if each is None and skips_odd:
                continue
            try:
                items.append(hook(each, row))
            except Altered as odd:
                altered = True
                items.append(odd.value)
            except Exception:  # a hook refuses by whatever its parser raises
                altered = True
                if not skips_odd:
                    raise Misfit from None
        if altered:
            raise Altered(items)
        return items

    return read_rows


def _map_hook(row: Any) -> Hook:
    """Return the hook of a map with any names; odd values, and nulls without meaning, are left out."""
    hook, keeps_null = hook_of(row), row is Any or is_union(row)

    def read_map(value: Any, _: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Misfit
        entries: dict[str, Any] = {}
        altered = False
        for name, each in value.items():
            if each is None and not keeps_null:
                continue
            try:
                entries[name] = hook(each, row)
            except Altered as odd:
                altered = True
                entries[name] = odd.value
            except Exception:  # a hook refuses by whatever its parser raises
                altered = True
        if altered:
            raise Altered(entries)
        return entries

    return read_map


def is_list(kind: Any) -> bool:
    """Return whether an annotation is a list, or a sequence that users give."""
    return get_origin(kind) in (list, Sequence)


def is_map(kind: Any) -> bool:
    """Return whether an annotation is a map, or a mapping that users give."""
    return get_origin(kind) in (dict, Mapping)


def is_union(kind: Any) -> bool:
    """Return whether an annotation is a union."""
    return get_origin(kind) in (Union, UnionType)


def without_none(kind: Any) -> Any:
    """Return the first type of a union that is not None; any other annotation unchanged."""
    return next(part for part in get_args(kind) if part is not type(None)) if is_union(kind) else kind
