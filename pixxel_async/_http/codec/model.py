"""Base class and class decorator of the generated models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import UnionType
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar, Union, dataclass_transform, get_args, get_origin

import attrs

from ..._hints import no_attribute
from ..._html import member_table, short_repr
from ..._redact import mask_value
from .convert import read, write
from .dataclass_view import DataclassView
from .lazy import make_lazy
from .open_enum import OpenEnum, word
from .serialize import (
    HasGeoInterface,
    Id,
    as_list,
    id_member,
    require_one,
    require_when,
    rows_of,
    to_body,
    to_wire,
)

__all__ = [
    "GeoModel",
    "HasGeoInterface",
    "Id",
    "Model",
    "OpenEnum",
    "as_list",
    "member",
    "model",
    "require_one",
    "require_when",
    "rows_of",
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
    lazy: bool = False,
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
        lazy: decoded when it is first read, if it came in an answer of the service.
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
        "lazy": lazy,
        "write": write,
        "within": within,
    }
    metadata = {name: value for name, value in facts.items() if value}
    representation = _mask_secret if secret else True
    if factory is not None:
        return attrs.field(factory=factory, metadata=metadata, repr=representation)
    return attrs.field(default=default, metadata=metadata, repr=representation)


def _mask_secret(value: object) -> str:
    """Return the mask of a secret member; an empty one is shown."""
    return "'***'" if value else repr(value)


@dataclass_transform(kw_only_default=True, field_specifiers=(member,))
def model(cls: type[T]) -> type[T]:
    """Make an attrs class with keyword-only arguments, slots and equality by value."""
    defined = attrs.define(kw_only=True, slots=True, repr=False)(cls)
    make_lazy(defined)
    return defined


@model
class Model:
    """An object that the API sends or takes.

    It counts as a dataclass where one is asked for, so that `pandas.DataFrame(page)` has a column for each member.

    Reading is tolerant: absent or null scalars and objects are None, absent lists and maps are empty, an absent id is
    an empty text if every answer should have it, and values that do not fit their type are kept in `extra`, with the
    members that this version does not know.
    """

    if not TYPE_CHECKING:
        __dataclass_fields__ = DataclassView()
        __dataclass_params__ = DataclassView()

        def __getattr__(self, name: str) -> NoReturn:
            """Name the member that was meant, such as `aoi_id` for `id`."""
            raise AttributeError(_no_member(type(self), name), name=name, obj=self)

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

    def _members(self) -> list[tuple[str, Any]]:
        """Return the members that are shown, id and status first; secrets masked, empty ones left out."""
        kind: Any = type(self)
        first = [id_member(kind), "status"]
        fields = [each for each in attrs.fields(kind) if each.name != "extra"]
        fields.sort(key=lambda each: first.index(each.name) if each.name in first else len(first))
        values = [(each, getattr(self, each.name)) for each in fields]
        shown = [
            (each.name, Masked("***") if each.metadata.get("secret") else value) for each, value in values if value
        ]
        return [*shown, ("extra", Names(self.extra))] if self.extra else shown

    def __repr__(self) -> str:
        return short_repr(type(self).__name__, self._members())

    def _repr_html_(self) -> str:
        """Return a table of the members for notebooks, and a map of their geometries."""
        shapes = [value for _, value in self._members() if hasattr(value, "__geo_interface__")]
        return member_table(type(self).__name__, self._members(), [self] if isinstance(self, GeoModel) else shapes)

    def __rich_repr__(self) -> Iterator[tuple[str, Any]]:
        """Yield the members that the repr shows, for printers that walk the fields of an object, such as rich's."""
        kind: Any = type(self)
        for field in attrs.fields(kind):
            value = getattr(self, field.name)
            if field.name == "extra":
                value = sorted(value)
            if value is not None and value != [] and value != {}:
                yield field.name, "***" if field.metadata.get("secret") else mask_value(value)


_ROW_IS_DATA = "a row is data; `client.….wait(…)` waits for its end, and `client.….get(…)` reads it again"
_INSTEAD = {
    **dict.fromkeys(("download", "fetch", "save"), "`DownloadManager(client, folder).fetch(row)` downloads a package"),
    **dict.fromkeys(("refresh", "reload", "wait"), _ROW_IS_DATA),
    "assets": "`client.assets.list(aoi_id)` lists the assets of an AOI",
    "insights": "`client.insights.list(aoi_id)` lists the insights of an AOI",
    "jobs": "`client.jobs.list(workflow_id)` lists the jobs of a workflow",
}
"""Guesses of a member, and what to use in its place."""


@lru_cache(1024)
def _no_member(kind: Any, name: str) -> str:
    """Return the message for a member that a model does not have; one of a nested object may be meant."""
    members = [each.name for each in attrs.fields(kind) if each.name != "extra"]
    return no_attribute(kind.__name__, name, members, _INSTEAD.get(name) or _nested(kind, members, name))


def _nested(kind: Any, members: Sequence[str], name: str) -> str:
    """Return where a nested object has a member of this name, or of this name behind a prefix; empty if none has."""
    if name.startswith("_") or any(each.endswith(f"_{name}") for each in members):
        return ""
    for outer in attrs.fields(attrs.resolve_types(kind)):
        parts = get_args(outer.type) if get_origin(outer.type) in (Union, UnionType) else ()  # no lists of objects
        for inner in filter(attrs.has, parts):
            for each in attrs.fields(inner):
                if each.name == name or each.name.endswith(f"_{name}"):
                    return f"`{outer.name}.{each.name}` may be meant"
    return ""


class Masked(str):
    """The mask of a secret, shown without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Names(list[str]):
    """Names of unknown members; their values are not shown, since they may be secret."""

    def __repr__(self) -> str:
        return f"{{{', '.join(sorted(self))}}}"


@model
class GeoModel(Model):
    """A model that is a GeoJSON object, accepted by shapely, geopandas and others (`__geo_interface__`)."""

    @property
    def __geo_interface__(self) -> dict[str, Any]:
        """The object as GeoJSON."""
        return self.to_dict()
