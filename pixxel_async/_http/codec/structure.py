"""The hooks of cattrs that read models, lists and maps: types never lie, nothing is lost.

A class is compiled at its first use into a function that takes a well-formed object in one go. When anything does not
fit, this one object is read again member by member, and what does not fit goes to `extra` under its wire name, as do
members that the class does not have.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from types import UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

import attrs

from .drift import drift_now
from .open_enum import OpenEnum
from .scalars import Misfit, read_text

if TYPE_CHECKING:
    from cattrs import BaseConverter

Hook = Callable[[Any, Any], Any]
Compile = Callable[[type[Any], "BaseConverter", Mapping[str, tuple[str, Hook]]], Callable[[Any], Any]]
"""Makes the fast path of a class: the class, the converter, and by attribute the wire name and the hook."""

_log = logging.getLogger("pixxel_async.http")
_compiling = Lock()


class Reader:
    """The hook of one class; `compiler` makes its fast path."""

    def __init__(self, model: type[Any], converter: BaseConverter, compiler: Compile) -> None:
        self._model, self._converter, self._compiler = model, converter, compiler
        self._fast: Callable[[dict[str, Any]], Any] | None = None

    def _compile(self) -> Callable[[Any], Any]:
        fields = attrs.fields(attrs.resolve_types(self._model))
        members = [a for a in fields if a.name != "extra" and not a.metadata.get("lent")]
        hooks = {a.name: self._hook(a) for a in members}
        wire = {a.name: a.metadata.get("wire", a.name) for a in members}
        self._members = {wire[a.name]: (a.alias, hooks[a.name], a.type) for a in members}
        self._within = {wire[a.name]: a.metadata["within"] for a in members if "within" in a.metadata}
        self._blank = {a.alias: None for a in members if a.default is attrs.NOTHING}
        self._lends: dict[str, Mapping[str, str]] = {
            a.name: a.metadata["lends"] for a in members if "lends" in a.metadata
        }
        return self._compiler(self._model, self._converter, {a.name: (wire[a.name], hooks[a.name]) for a in members})

    def _hook(self, field: attrs.Attribute[Any]) -> Hook:
        kind = without_none(field.type)
        if isinstance(kind, type) and issubclass(kind, OpenEnum):
            return _word_hook(kind, f"{self._model.__name__}.{field.name}")
        return self._converter.get_structure_hook(kind)

    def __call__(self, raw: Any, _: object = None) -> Any:
        if not isinstance(raw, dict):
            raise Misfit
        if self._fast is None:
            with _compiling:
                self._fast = self._compile()
        if self._within:
            raw = self._lifted(raw)
        try:
            made = self._fast(_without_nulls(raw) if None in raw.values() else raw)
        except Exception:  # whatever it was, the slow path finds out which member it was
            made = self._slow(raw)
        if not raw.keys() <= self._members.keys():
            self._keep_unknown(made, raw)
        if self._lends:
            self.lend(made, {})
        return made

    def _slow(self, raw: dict[str, Any]) -> Any:
        fit: dict[str, Any] = dict(self._blank)
        misfit: dict[str, Any] = {}
        for name, (alias, hook, kind) in self._members.items():
            value = raw.get(name)
            if value is None:
                continue
            try:
                fit[alias] = hook(value, kind)
            except Exception:  # a hook refuses by whatever its parser raises
                holder = self._within.get(name)
                misfit |= {holder: {name: value}} if holder else {name: value}
        if misfit:
            _log.debug("misfit", extra={"model": self._model.__name__, "members": sorted(misfit)})
        return self._model(**fit, extra=misfit)

    def _lifted(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Members that stand in an object of their own, one level up; an object with others stays as it is."""
        flat = dict(raw)
        for holder in set(self._within.values()):
            inner = flat.get(holder)
            if isinstance(inner, dict) and all(self._within.get(name) == holder for name in inner):
                flat.update(flat.pop(holder))
        return flat

    def _keep_unknown(self, made: Any, raw: dict[str, Any]) -> None:
        drift = drift_now.get()
        for name in raw.keys() - self._members.keys():
            made.extra[name] = raw[name]
            if drift is not None:
                drift.note_member(f"{self._model.__name__}.{name}")

    def lend(self, made: Any, lent: Mapping[str, Any]) -> None:
        """Fill absent members with what the caller knows, then tell the rows inside what they cannot know."""
        for name, value in lent.items():
            if getattr(made, name) is None:
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
    """Reads a list; a text is none, and one element that does not fit spoils it.

    A null among objects or texts means nothing and is left out; among numbers and times the place of each one counts.
    """
    (row,) = get_args(kind)
    hook = converter.get_structure_hook(row)
    skips_null = isinstance(row, type) and (attrs.has(row) or issubclass(row, str))

    def read_rows(value: Any, _: object) -> list[Any]:
        if not isinstance(value, list):
            raise Misfit
        return [hook(each, row) for each in value if each is not None or not skips_null]

    return read_rows


def map_hook(kind: Any, converter: BaseConverter) -> Hook:
    """Reads a map with any names; one value that does not fit spoils it, a null that means nothing is left out."""
    _, row = get_args(kind)
    hook, keeps_null = converter.get_structure_hook(row), row is Any or is_union(row)

    def read_map(value: Any, _: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Misfit
        return {name: hook(each, row) for name, each in value.items() if each is not None or keeps_null}

    return read_map


def union_hook(kind: Any, converter: BaseConverter) -> Hook:
    """Reads `X | None`, and `X | what users may give for it` as X."""
    first = without_none(kind)
    hook = converter.get_structure_hook(first)
    return lambda value, _: None if value is None else hook(value, first)


def is_list(kind: Any) -> bool:
    """Whether an annotation is a list, or a sequence that users give."""
    return get_origin(kind) in (list, Sequence)


def is_map(kind: Any) -> bool:
    """Whether an annotation is a map, or a mapping that users give."""
    return get_origin(kind) in (dict, Mapping)


def is_union(kind: Any) -> bool:
    """Whether an annotation is a union."""
    return get_origin(kind) in (Union, UnionType)


def without_none(kind: Any) -> Any:
    """The first type of a union that is not None; any other annotation as it is."""
    return next(part for part in get_args(kind) if part is not type(None)) if is_union(kind) else kind
