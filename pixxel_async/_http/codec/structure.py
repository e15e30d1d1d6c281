"""cattrs hooks that read models, lists and maps: attributes always have their announced type, and no value is lost.

A class is compiled at its first use into a function that reads a well-formed object in one go (the fast path). If a
value does not fit, this one object is read again member by member (the slow path). There are three cases of a member:

1. It fits, and becomes the attribute.
2. It is read, but is not all that came (`Altered`): a number as text, an id as number, a list with an odd element. The
   attribute has what was read; the raw value is kept in `extra` under its wire name, and `to_dict` gives it.
3. It does not fit (`Misfit`): the attribute is None, and `extra` has the raw value, as it has unknown members.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from threading import Lock
from types import UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

import attrs

from .drift import Drift, drift_now
from .json_text import JsonText, loads
from .lazy import Pending, unsettled_extra
from .open_enum import OpenEnum
from .scalars import Altered, Misfit, read_id, read_text

if TYPE_CHECKING:
    from cattrs import BaseConverter

Hook = Callable[[Any, Any], Any]
Compile = Callable[[type[Any], "BaseConverter", Mapping[str, tuple[str, Hook]]], Callable[[Any], Any]]
"""Builds the fast path of a class from the class, the converter, and wire name and hook by attribute."""

_log = logging.getLogger("pixxel_async.http")
_compiling = Lock()


class Reader:
    """Hook of one class; `compiler` builds its fast path."""

    def __init__(self, model: type[Any], converter: BaseConverter, compiler: Compile) -> None:
        self._model, self._converter, self._compiler = model, converter, compiler
        self._fast: Callable[[dict[str, Any]], Any] | None = None

    def _compile(self) -> Callable[[Any], Any]:
        fields = attrs.fields(attrs.resolve_types(self._model))
        members = [a for a in fields if a.name != "extra" and not a.metadata.get("lent")]
        hooks = {a.name: self._hook(a) for a in members}
        self._extra = unsettled_extra(self._model)
        wire = {a.name: a.metadata.get("wire", a.name) for a in members}
        self._members = {wire[a.name]: (a.alias, hooks[a.name], a.type) for a in members}
        self._within = {wire[a.name]: a.metadata["within"] for a in members if "within" in a.metadata}
        self._required = [(a.name, wire[a.name]) for a in members if a.metadata.get("required")]
        self._blank = {a.alias: None for a in members if a.default is attrs.NOTHING}
        self._lends: dict[str, Mapping[str, str]] = {
            a.name: a.metadata["lends"] for a in members if "lends" in a.metadata
        }
        return self._compiler(self._model, self._converter, {a.name: (wire[a.name], hooks[a.name]) for a in members})

    def _hook(self, field: attrs.Attribute[Any]) -> Hook:
        kind = without_none(field.type)
        if field.metadata.get("lazy"):
            return self._lazy_hook(
                field.metadata.get("wire", field.name), self._converter.get_structure_hook(kind), kind
            )
        if isinstance(kind, type) and issubclass(kind, OpenEnum):
            return _word_hook(kind, f"{self._model.__name__}.{field.name}")
        if kind is str and (field.name == "id" or field.name.endswith("_id")):
            return read_id
        if field.name.endswith("_ids") and is_list(kind) and get_args(kind) == (str,):
            return _list_reader(read_id, str, skips_odd=True)
        return self._converter.get_structure_hook(kind)

    def _lazy_hook(self, wire: str, hook: Hook, kind: Any) -> Hook:
        """Return a hook that leaves an object of an answer for later; its drift is counted when it is read.

        Outside of an answer, where nothing counts drift, the object may be the caller's, who may change it.
        """

        def decode(raw: Any, drift: Drift) -> tuple[Any, Any]:
            raw = loads(raw) if isinstance(raw, JsonText) else raw
            before = drift_now.set(drift)
            try:
                return hook(raw, kind), None
            except Altered as altered:
                self._report_odd({wire: raw}, [wire])
                return altered.value, raw
            finally:
                drift_now.reset(before)

        def postpone(value: Any, _: object) -> Any:
            drift = drift_now.get()
            if drift is None or not isinstance(value, dict | JsonText):
                return hook(value, kind)
            return Pending(value, partial(decode, drift=drift))

        return postpone

    def __call__(self, raw: Any, _: object = None) -> Any:
        if not isinstance(raw, dict):
            raise Misfit
        fast = self._fast or self._compile_once()
        if self._within:
            raw = self._lift(raw)
        try:
            made = fast(_without_nulls(raw) if None in raw.values() else raw)
        except Exception:  # the slow path finds out which member it was
            made = self._slow(raw)
        if not raw.keys() <= self._members.keys():
            self._keep_unknown(made, raw)
        if self._lends:
            self.fill_lent(made, {})
        for name, wire in self._required:
            if not getattr(made, name) and raw.get(wire) is None:
                self._report_missing(wire)
        return made

    def _compile_once(self) -> Callable[[Any], Any]:
        with _compiling:
            if self._fast is None:
                self._fast = self._compile()
            return self._fast

    def reads_as(self, name: str, raw: Any, made: Any) -> bool:
        """Return whether a raw value under this wire name is still what the attribute of `made` was read from."""
        self._compile_once()
        if name not in self._members:
            return False
        alias, hook, kind = self._members[name]
        try:
            value = hook(raw, kind)
        except Altered as altered:
            value = altered.value
        except Exception:  # a hook refuses by whatever its parser raises
            return False
        return bool(value == getattr(made, alias))

    def _slow(self, raw: dict[str, Any]) -> Any:
        fit: dict[str, Any] = dict(self._blank)
        kept: dict[str, Any] = {}
        odd: list[str] = []
        for name, (alias, hook, kind) in self._members.items():
            value = raw.get(name)
            if value is None:
                continue
            try:
                fit[alias] = hook(value, kind)
            except Altered as altered:
                fit[alias] = altered.value
                if name not in self._within:
                    kept[name] = value
                if isinstance(value, list | dict):
                    odd.append(name)
            except Exception:  # a hook refuses by whatever its parser raises
                holder = self._within.get(name)
                kept |= {holder: {name: value}} if holder else {name: value}
                odd.append(name)
        if odd:
            self._report_odd(raw, odd)
        return self._model(**fit, extra=kept)

    def _report_odd(self, raw: dict[str, Any], names: list[str]) -> None:
        _log.debug("misfit", extra={"model": self._model.__name__, "members": sorted(names)})
        if (drift := drift_now.get()) is not None:
            for name in names:
                drift.note_member(f"{self._model.__name__}.{name} as {type(raw[name]).__name__}")

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

    def _keep_unknown(self, made: Any, raw: dict[str, Any]) -> None:
        drift, members, extra = drift_now.get(), self._members, self._extra(made)
        for name, value in raw.items():
            if name in members:
                continue
            extra[name] = value
            if drift is not None:
                drift.note_member(f"{self._model.__name__}.{name}")

    def fill_lent(self, made: Any, lent: Mapping[str, Any]) -> None:
        """Fill absent members from the caller's values, then members of inner rows from this row."""
        for name, value in lent.items():
            if not getattr(made, name):
                setattr(made, name, value)
        for rows, lends in self._lends.items():
            for row in getattr(made, rows):
                for name, source in lends.items():
                    setattr(row, name, getattr(made, source))


def _without_nulls(raw: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in raw.items() if value is not None}


def _word_hook(kind: type[OpenEnum], place: str) -> Hook:
    listed = {str(word): word for word in kind.words()}

    def read_word(value: Any, _: object) -> OpenEnum:
        if (word := listed.get(value)) is not None:
            return word
        made = kind(read_text(value))
        if made and not made.known and (drift := drift_now.get()) is not None:
            drift.note_word(f"{place}={made}")
        return made

    return read_word


def list_hook(kind: Any, converter: BaseConverter) -> Hook:
    """Return the hook of a list type; a text is no list.

    Among objects or texts, nulls and odd elements are left out; among numbers and times the position of each counts,
    so that one that does not fit spoils the list.
    """
    (row,) = get_args(kind)
    skips_odd = isinstance(row, type) and (attrs.has(row) or issubclass(row, str))
    return _list_reader(converter.get_structure_hook(row), row, skips_odd=skips_odd)


def _list_reader(hook: Hook, row: Any, *, skips_odd: bool) -> Hook:
    def read_rows(value: Any, _: object) -> list[Any]:
        if not isinstance(value, list):
            raise Misfit
        rows = [each for each in value if each is not None] if skips_odd else value
        try:
            return [hook(each, row) for each in rows]
        except Exception:  # find out which element it was
            made = list(_read_each(rows, hook, row, skips_odd))
        raise Altered(made)

    return read_rows


def _read_each(values: Iterable[Any], hook: Hook, row: Any, skips_odd: bool) -> Iterator[Any]:
    for each in values:
        try:
            yield hook(each, row)
        except Altered as altered:
            yield altered.value
        except Exception:  # a hook refuses by whatever its parser raises
            if not skips_odd:
                raise Misfit from None


def map_hook(kind: Any, converter: BaseConverter) -> Hook:
    """Return the hook of a map type with any names; odd values, and nulls without meaning, are left out."""
    _, row = get_args(kind)
    hook, keeps_null = converter.get_structure_hook(row), row is Any or is_union(row)

    def read_map(value: Any, _: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Misfit
        rows = {name: each for name, each in value.items() if each is not None or keeps_null}
        try:
            return {name: hook(each, row) for name, each in rows.items()}
        except Exception:  # find out which value it was
            found = {name: list(_read_each([each], hook, row, skips_odd=True)) for name, each in rows.items()}
        raise Altered({name: each[0] for name, each in found.items() if each})

    return read_map


def union_hook(kind: Any, converter: BaseConverter) -> Hook:
    """Return the hook of `X | None` and of `X | accepted inputs`: that of X."""
    first = without_none(kind)
    hook = converter.get_structure_hook(first)
    return lambda value, _: None if value is None else hook(value, first)


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
