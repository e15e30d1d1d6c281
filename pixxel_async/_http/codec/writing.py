"""cattrs converter that writes models as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
from cattrs import BaseConverter, Converter
from cattrs.fns import identity
from cattrs.gen import make_dict_unstructure_fn, override

from .dataclass_view import without_dataclass_view
from .serialize import write_hook

__all__ = ["converter"]


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


converter = Converter()
converter.register_unstructure_hook_factory(attrs.has, _make_writer)
