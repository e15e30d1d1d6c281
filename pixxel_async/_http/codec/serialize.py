"""Python values as JSON: the members of models, and whatever users hand in."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, Protocol, get_args, runtime_checkable

import attrs

from ...errors import ConfigError
from .scalars import write_time
from .structure import is_list, is_map, without_none

Write = Callable[[Any], Any]


@runtime_checkable
class HasGeoInterface(Protocol):
    """Anything that can say in GeoJSON what it is: shapely, geopandas, our own models."""

    @property
    def __geo_interface__(self) -> Mapping[str, Any]:
        """A GeoJSON object as plain values."""
        ...


def write_hook(kind: Any, name: str = "a list") -> Write | None:
    """What turns a member of this type and name into JSON; None when it is JSON already."""
    kind = without_none(kind)
    if kind is dt.datetime:
        return to_wire
    if attrs.has(kind):
        return _write_model
    if is_list(kind):
        return _rows(name, write_hook(get_args(kind)[0]))
    if is_map(kind):
        return _each_value(write_hook(get_args(kind)[1]))
    return None


def _rows(name: str, write: Write | None) -> Write:
    def written(rows: Any) -> Any:
        if rows is None:
            return None
        several(name, rows)
        return [write(row) for row in rows] if write else rows

    return written


def _each_value(write: Write | None) -> Write | None:
    return write and (lambda rows: {name: write(row) for name, row in rows.items()})


def _write_model(value: Any) -> Any:
    return value.to_dict() if attrs.has(type(value)) else to_wire(value)


def to_wire(value: Any) -> Any:
    """A value as plain JSON values: models, words, times, GeoJSON-like objects, mappings, sequences, scalars.

    Raises:
        ConfigError: a value, at any depth, has no place in JSON; the text names its type.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, dt.datetime):
        return _moment(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if attrs.has(type(value)) and hasattr(value, "to_dict"):
        return to_wire(value.to_dict())
    if isinstance(value, Mapping):
        return {_name(name): to_wire(each) for name, each in value.items()}
    if isinstance(value, HasGeoInterface):
        return to_wire(value.__geo_interface__)
    if isinstance(value, Sequence | Set) and not isinstance(value, bytes | bytearray | memoryview):
        return [to_wire(each) for each in value]
    raise ConfigError(f"cannot send {_what(value)} as JSON")


def _moment(value: dt.datetime) -> str:
    if value.tzinfo is None:
        raise ConfigError(f"{value} has no time zone; say which, such as tzinfo=datetime.UTC")
    return write_time(value)


def _name(name: Any) -> str:
    if isinstance(name, str):
        return name
    raise ConfigError(f"cannot send a mapping whose keys are {type(name).__name__}; JSON wants texts")


def _what(value: Any) -> str:
    return f"the number {value}" if isinstance(value, float) else f"a value of type {type(value).__name__}"


def to_body(members: Mapping[str, Any]) -> dict[str, Any]:
    """A request's members as JSON: None means left out here, and is sent as null further down.

    Raises:
        ConfigError: a value has no place in JSON.
    """
    try:
        return {name: to_wire(value) for name, value in members.items() if value is not None}
    except RecursionError:
        raise ConfigError("cannot send as JSON what is nested that deep, or holds itself") from None


def several(name: str, value: Any) -> Any:
    """What was given for an argument that takes several; None stays None.

    Raises:
        ConfigError: it is a single text or mapping, which Python would take apart into letters or keys.
    """
    if isinstance(value, str | bytes | bytearray | Mapping) or attrs.has(type(value)):
        raise ConfigError(f"{name} takes a list: give [value], not a single {type(value).__name__}")
    return value


def geometry_of(value: Any) -> Any:
    """A bare GeoJSON geometry from a geometry, a feature or a collection of one; None stays None.

    Raises:
        ConfigError: it is none of these.
    """
    if value is None:
        return None
    shape = _geojson(value)
    if shape["type"] == "FeatureCollection":
        features = shape.get("features") or []
        if len(features) != 1:
            raise ConfigError(f"one geometry is needed here, not a collection of {len(features)} features")
        shape = features[0]
    return shape["geometry"] if shape.get("type") == "Feature" else shape


def feature_collection(value: Any) -> Any:
    """A GeoJSON FeatureCollection from a geometry, a feature or a collection; None stays None.

    Raises:
        ConfigError: it is none of these.
    """
    if value is None:
        return None
    if attrs.has(type(value)) and hasattr(value, "features"):
        return value.to_dict()
    shape = _geojson(value)
    if shape["type"] == "FeatureCollection":
        return shape
    feature = shape if shape["type"] == "Feature" else {"type": "Feature", "geometry": shape, "properties": {}}
    return {"type": "FeatureCollection", "features": [feature]}


def _geojson(value: Any) -> dict[str, Any]:
    shape = to_wire(value)
    if isinstance(shape, dict) and isinstance(shape.get("type"), str):
        return shape
    raise ConfigError(f"a geometry is GeoJSON or has __geo_interface__; {type(value).__name__} is neither")


def exactly_one(body: dict[str, Any], *names: str, each: str = "") -> dict[str, Any]:
    """The body, once exactly one of the members is there; `each` names the list whose rows are checked instead.

    Raises:
        ConfigError: none, or more than one, is given.
    """
    for row in several(each, body.get(each, [None])) if each else [body]:
        given = [name for name in names if isinstance(row, dict) and row.get(name)]
        if len(given) != 1:
            raise ConfigError(f"give exactly one of {' and '.join(names)}, not {len(given)}")
    return body


def required_when(body: dict[str, Any], name: str, **condition: str) -> dict[str, Any]:
    """The body, once `name` is there if the other member has that value.

    Raises:
        ConfigError: it is missing.
    """
    for other, value in condition.items():
        if body.get(other) == value and name not in body:
            raise ConfigError(f"{name} is needed when {other} is {value!r}")
    return body
