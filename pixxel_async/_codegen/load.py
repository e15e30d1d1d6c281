"""Convert plain values to records; refuse unknown keys by name and line."""

from __future__ import annotations

from typing import Any

import attrs
from cattrs import Converter
from cattrs.errors import (
    AttributeValidationNote,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn, override

from .records import Document, SchemaRecord, key_of
from .source import BadDescription, Path, SourceCode


def load(source: SourceCode) -> Document:
    """Load the records of a description.

    Raises:
        BadDescription: a key is misspelt or missing, or a value has the wrong type; names key and line.
    """
    try:
        return _make_converter().structure(source.plain, Document)
    except ClassValidationError as error:
        raise _explain(source, error, ()) from None


def _make_converter() -> Converter:
    converter = Converter(forbid_extra_keys=True, detailed_validation=True)

    def factory(kind: type[Any]) -> Any:
        attrs.resolve_types(kind)
        keys: dict[str, Any] = {a.name: override(rename=key_of(a)) for a in attrs.fields(kind)}
        return make_dict_structure_fn(kind, converter, **keys)

    converter.register_structure_hook_factory(attrs.has, factory)
    for scalar in (str, bool, int):
        converter.register_structure_hook(scalar, _require_type)
    converter.register_structure_hook(str | list[str] | None, lambda value, _: value)
    converter.register_structure_hook(bool | SchemaRecord | None, lambda value, _: _open_or_schema(converter, value))
    converter.register_structure_hook_func(lambda kind: kind == dict[str, str], lambda value, _: _read_words(value))
    return converter


def _require_type(value: Any, kind: type[Any]) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _open_or_schema(converter: Converter, value: Any) -> Any:
    return value if value is None or isinstance(value, bool) else converter.structure(value, SchemaRecord)


def _read_words(value: Any) -> dict[str, str]:
    """Read a map of texts; a list of words stands for words without an explanation."""
    if isinstance(value, list):
        value = dict.fromkeys(value, "")
    for each in (*value, *value.values()):
        _require_type(each, str)
    return dict(value)


def _explain(source: SourceCode, error: Exception, path: Path) -> BadDescription:
    """Find the cause of an error group; a misspelt key is reported before the key that is missing because of it."""
    if isinstance(error, ClassValidationError | IterableValidationError):
        misspelt = [each for each in error.exceptions if isinstance(each, ForbiddenExtraKeysError)]
        cause = [*misspelt, *error.exceptions][0]
        step = _step(error, cause)
        return _explain(source, cause, path if step is None else (*path, step))
    if isinstance(error, ForbiddenExtraKeysError):
        extra = sorted(error.extra_fields)[0]
        return source.error((*path, extra), f"no such key in {error.cl.__name__}")
    if isinstance(error, KeyError):
        return source.error(path, f"the key {error} is missing")
    return source.error(path, str(error))


def _step(error: Exception, cause: Exception) -> str | int | None:
    for note in getattr(cause, "__notes__", ()):
        if isinstance(note, IterableValidationNote):
            return note.index
        if isinstance(note, AttributeValidationNote) and isinstance(error, ClassValidationError):
            return key_of(getattr(attrs.fields(error.cl), note.name))
    return None
