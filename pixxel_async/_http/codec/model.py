"""Base class and class decorator of the generated models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self, TypeVar, dataclass_transform

import attrs

from ..._redact import mask_links, mask_value
from .convert import read, write
from .open_enum import OpenEnum, word
from .serialize import (
    HasGeoInterface,
    Id,
    exactly_one,
    feature_collection,
    geometry_of,
    required_when,
    rows_of,
    several,
    to_body,
    to_wire,
)

__all__ = [
    "GeoModel",
    "HasGeoInterface",
    "Id",
    "Model",
    "OpenEnum",
    "exactly_one",
    "feature_collection",
    "geometry_of",
    "member",
    "model",
    "required_when",
    "rows_of",
    "several",
    "to_body",
    "to_wire",
    "word",
]

T = TypeVar("T")


def member(
    *,
    default: Any = attrs.NOTHING,
    factory: Callable[[], Any] | None = None,
    wire: str = "",
    keep: bool = False,
    required: bool = False,
    lent: bool = False,
    lends: Mapping[str, str] | None = None,
    secret: bool = False,
    write: Callable[[Any], Any] | None = None,
    within: str = "",
) -> Any:
    """Declare a member of a model.

    Args:
        default, factory: as in `attrs.field`.
        wire: its name in JSON, if different.
        keep: write it even if it equals its default.
        required: an id that every answer has; one without it is reported in drift.
        lent: absent from JSON; filled in by the enclosing object.
        lends: for a list of models: their members by the member of ours that fills them.
        secret: masked in the repr.
        write: serializes the value, if its type does not determine how.
        within: name of the JSON object that holds it on the wire.
    """
    facts = {
        "wire": wire,
        "keep": keep,
        "required": required,
        "lent": lent,
        "lends": lends,
        "secret": secret,
        "write": write,
        "within": within,
    }
    metadata = {name: value for name, value in facts.items() if value}
    shown = _masked if secret else True
    if factory is not None:
        return attrs.field(factory=factory, metadata=metadata, repr=shown)
    return attrs.field(default=default, metadata=metadata, repr=shown)


def _masked(value: object) -> str:
    """Return the mask of a secret member; an empty one is shown."""
    return "'***'" if value else repr(value)


@dataclass_transform(kw_only_default=True, field_specifiers=(member,))
def model(cls: type[T]) -> type[T]:
    """Make an attrs class with keyword-only arguments, slots and equality by value."""
    return attrs.define(kw_only=True, slots=True, repr=False)(cls)


@model
class Model:
    """An object that the API sends or takes.

    Reading is tolerant: absent or null scalars and objects are None, absent lists and maps are empty, an absent id is
    an empty text if every answer should have it, and values that do not fit their type are kept in `extra`, with the
    members that this version does not know.
    """

    extra: dict[str, Any] = member(factory=dict)
    """By wire name: members without an attribute, those of an unexpected type, and raw values that hold more than the
    attribute can, such as a list with an odd element; `to_dict` gives these as they came."""

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Self:
        """Read a mapping as the API sends it; raises `DecodeError` if the value is none."""
        return read(cls, dict(value) if isinstance(value, Mapping) else value)

    def to_dict(self) -> dict[str, Any]:
        """Return the members by wire name, `extra` included; those equal to their default are left out."""
        return write(self)

    def __repr__(self) -> str:
        kind: Any = type(self)
        shown = [_shown(field, getattr(self, field.name)) for field in attrs.fields(kind) if field.name != "extra"]
        names = [f"extra={{{', '.join(sorted(self.extra))}}}"] if self.extra else []
        return f"{kind.__name__}({', '.join([*filter(None, shown), *names])})"

    def __rich_repr__(self) -> Iterator[tuple[str, Any]]:
        """Yield the members that the repr shows, for printers that walk the fields of an object, such as rich's."""
        kind: Any = type(self)
        for field in attrs.fields(kind):
            value = getattr(self, field.name)
            if field.name == "extra":
                value = sorted(value)
            if value is not None and value != [] and value != {}:
                yield field.name, "***" if field.metadata.get("secret") else mask_value(value)


@model
class GeoModel(Model):
    """A model that is a GeoJSON object, accepted by shapely, geopandas and others (`__geo_interface__`)."""

    @property
    def __geo_interface__(self) -> dict[str, Any]:
        """The object as GeoJSON."""
        return self.to_dict()


def _shown(field: attrs.Attribute[Any], value: Any) -> str:
    """Return a member for the repr: empty ones are left out, secrets and the queries of URLs masked."""
    if value is None or value == [] or value == {}:
        return ""
    text = "***" if field.metadata.get("secret") else mask_links(repr(value))
    return f"{field.name}={text}"
