"""The base of the generated models, the decorator that makes them, and how they are written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar, dataclass_transform

import attrs

from .convert import read, write
from .open_enum import OpenEnum, word
from .serialize import (
    HasGeoInterface,
    exactly_one,
    feature_collection,
    geometry_of,
    required_when,
    several,
    to_body,
    to_wire,
)

__all__ = [
    "GeoModel",
    "HasGeoInterface",
    "Model",
    "OpenEnum",
    "exactly_one",
    "feature_collection",
    "geometry_of",
    "member",
    "model",
    "required_when",
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
    lent: bool = False,
    lends: Mapping[str, str] | None = None,
    secret: bool = False,
    write: Callable[[Any], Any] | None = None,
    within: str = "",
) -> Any:
    """Declares a member of a model.

    Args:
        default, factory: as in `attrs.field`.
        wire: its name in JSON, if that differs.
        keep: write it also when it equals its default.
        lent: not in JSON at all; filled by the object that holds this one.
        lends: for a list of models: which of their members get which of ours.
        secret: never shown in a repr.
        write: how it is written, if its type does not say.
        within: the object of its own in which it stands on the wire.
    """
    facts = {
        "wire": wire,
        "keep": keep,
        "lent": lent,
        "lends": lends,
        "secret": secret,
        "write": write,
        "within": within,
    }
    metadata = {name: value for name, value in facts.items() if value}
    if factory is not None:
        return attrs.field(factory=factory, metadata=metadata)
    return attrs.field(default=default, metadata=metadata)


@dataclass_transform(kw_only_default=True, field_specifiers=(member,))
def model(cls: type[T]) -> type[T]:
    """Makes an attrs class of a declaration: keywords only, slots, equality by value."""
    return attrs.define(kw_only=True, slots=True, repr=False)(cls)


@model
class Model:
    """What the API sends or takes, as an object.

    Reading is tolerant: scalars and objects that are absent or null are None, lists and maps are empty, and what does
    not fit its type stands in `extra` with the members that this version does not know.
    """

    extra: dict[str, Any] = member(factory=dict)
    """Members without an attribute here, and those of an unexpected type, by wire name."""

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Self:
        """Read a mapping as the API sends it; raises `DecodeError` when it is none."""
        return read(cls, dict(value) if isinstance(value, Mapping) else value)

    def to_dict(self) -> dict[str, Any]:
        """The members under their wire names, `extra` included; those that equal their default are left out."""
        return write(self)

    def __repr__(self) -> str:
        kind: Any = type(self)
        shown = [_shown(field, getattr(self, field.name)) for field in attrs.fields(kind) if field.name != "extra"]
        names = [f"extra={{{', '.join(sorted(self.extra))}}}"] if self.extra else []
        return f"{kind.__name__}({', '.join([*filter(None, shown), *names])})"


@model
class GeoModel(Model):
    """A model that is a GeoJSON object, so that shapely, geopandas and others take it as it is."""

    @property
    def __geo_interface__(self) -> dict[str, Any]:
        """The object as GeoJSON."""
        return self.to_dict()


_QUERY = re.compile(r"(https?://[^\s'\"?]*)\?[^\s'\"]*")


def _shown(field: attrs.Attribute[Any], value: Any) -> str:
    """A member in a repr: nothing when it is empty, no secret, no query of a link, since that signs it."""
    if value is None or value == [] or value == {}:
        return ""
    text = "***" if field.metadata.get("secret") else _QUERY.sub(r"\1?***", repr(value))
    return f"{field.name}={text}"
