"""Serialization of Python values into JSON: members of models, and arguments of users."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence, Set
from os import PathLike
from typing import Any, Protocol, TypeAlias, get_args, runtime_checkable
from uuid import UUID

import attrs

from ..._formats.geo.shape_file import in_degrees, read_shape
from ..._formats.geo.shapes import geojson_of
from ...errors import ConfigError
from .scalars import write_time
from .structure import is_list, is_map, without_none

Write = Callable[[Any], Any]


@runtime_checkable
class HasGeoInterface(Protocol):
    """Anything with a GeoJSON form: shapely, geopandas, our own models."""

    @property
    def __geo_interface__(self) -> Mapping[str, Any]:
        """The object as GeoJSON, in plain values."""
        ...


GeometryLike: TypeAlias = HasGeoInterface | Mapping[str, Any] | Sequence[float] | str | PathLike[str]
"""Whatever holds a geometry: GeoJSON as a model, a mapping or a text; well-known text; a box west, south, east, north;
the `Path` of a GeoJSON or WKT file; a shape of shapely, a frame or a series of geopandas, which is reprojected."""


@runtime_checkable
class HasId(Protocol):
    """A row that has an id, such as a `Job`."""

    def to_dict(self) -> dict[str, Any]:
        """Return the members by wire name."""
        ...


Id: TypeAlias = str | HasId | UUID
"""Accepted types of an id: its text, a UUID, or the row that has it."""


def id_member(kind: type[Any]) -> str | None:
    """Return the member of a model that holds its id: `id`, or one named after it, as `aoi_id` of an AOI; else None."""
    names = ("id", f"{kind.__name__.lower()}_id", "download_id")
    return next((name for name in names if hasattr(kind, name)), None)


def id_of(value: Any, name: str = "id") -> Any:
    """Return the id in a row, or the text of a UUID; other values unchanged.

    Args:
        name: the argument that it is for; a member of this name is preferred, so that a `Job` is a `workflow_id`, too.
    """
    if isinstance(value, UUID):
        return str(value)
    if not hasattr(type(value), "to_dict"):
        return value
    member = name if hasattr(value, name) else id_member(type(value))
    return value if member is None else getattr(value, member)


def write_hook(kind: Any, name: str = "a list") -> Write | None:
    """Return the function that serializes a member of this type and name; None if it is JSON already."""
    kind = without_none(kind)
    if kind is dt.datetime:
        return to_wire
    if attrs.has(kind):
        return _write_model
    if is_list(kind):
        return _rows(name, write_hook(get_args(kind)[0]))
    if is_map(kind):
        return _write_each(write_hook(get_args(kind)[1]))
    return None


def _rows(name: str, write: Write | None) -> Write:
    def written(rows: Any) -> Any:
        if rows is None:
            return None
        _require_list(name, rows)
        return [write(row) for row in rows] if write else rows

    return written


def _write_each(write: Write | None) -> Write | None:
    return write and (lambda rows: {name: write(row) for name, row in rows.items()})


def _write_model(value: Any) -> Any:
    return value.to_dict() if attrs.has(type(value)) else to_wire(value)


def to_wire(value: Any) -> Any:
    """Return a value as plain JSON values: models, words, times, GeoJSON-like objects, mappings, sequences, scalars.

    Raises:
        ConfigError: a value, at any depth, has no place in JSON; the text names its type.
    """
    kind = type(value)
    if kind is _Wire:
        return value
    if kind is list or kind is tuple:
        # The long ones are positions of a geometry, so two numbers are the fast path. `sum` is finite if both are.
        if len(value) <= 3 and all(type(each) is float for each in value) and math.isfinite(sum(value)):
            return list(value)
        return [each if type(each) in _EXACT else to_wire(each) for each in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, dt.datetime):
        return _moment(value)
    if isinstance(value, dt.date | UUID):
        return str(value)
    if attrs.has(type(value)) and hasattr(value, "to_dict"):
        return to_wire(value.to_dict())
    if isinstance(value, Mapping):
        return {_name(name): to_wire(each) for name, each in value.items()}
    if isinstance(value, HasGeoInterface):
        return to_wire(value.__geo_interface__)
    if isinstance(value, Sequence | Set) and not isinstance(value, bytes | bytearray | memoryview):
        return [to_wire(each) for each in value]
    raise ConfigError(f"cannot send {_describe(value)} as JSON")


class _Wire(dict[str, Any]):
    """A JSON object that was serialized already."""


_EXACT = frozenset({str, int, bool, type(None)})


def _moment(value: dt.datetime) -> str:
    if value.tzinfo is None:
        raise ConfigError(f"{value} has no time zone; say which, such as tzinfo=datetime.UTC")
    return write_time(value)


def _name(name: Any) -> str:
    if isinstance(name, str):
        return name
    raise ConfigError(f"cannot send a mapping whose keys are {type(name).__name__}; JSON needs texts")


def _describe(value: Any) -> str:
    return f"the number {value}" if isinstance(value, float) else f"a value of type {type(value).__name__}"


def to_body(members: Mapping[str, Any], *required: str) -> dict[str, Any]:
    """Return the members of a request as JSON: None is left out at the top, and sent as null further down.

    Args:
        required: names of members that may not be None.

    Raises:
        ConfigError: a value has no place in JSON, or a required one is None.
    """
    if missing := [name for name in required if members.get(name) is None]:
        raise ConfigError(f"{', '.join(missing)} may not be None")
    try:
        body = {name: to_wire(_ids(name, value)) for name, value in members.items() if value is not None}
    except RecursionError:
        raise ConfigError("cannot send as JSON a value that is nested too deeply, or contains itself") from None
    for name, value in body.items():
        if name in _FLAGS and not isinstance(value, bool):
            raise ConfigError(f"{name} is True or False, not {value!r}")
        if name in _NOT_EMPTY and not value:
            raise ConfigError(f"{name} is empty: there is nothing to order")
        check_time(name, value)
    return body


def _ids(name: str, value: Any) -> Any:
    """Return the ids that an argument named `…_id` or `…_ids` means; values of other arguments unchanged."""
    if name == "id" or name.endswith("_id"):
        return id_of(value, name)
    if name.endswith("_ids") and isinstance(value, Sequence | Set) and not isinstance(value, str | bytes):
        return [id_of(each, name.removesuffix("s")) for each in value]
    return value


_FLAGS = frozenset({"dry_run"})
_NOT_EMPTY = frozenset({"order_items"})
_TIMES = frozenset({"created_at", "created_on", "updated_at", "start_date", "end_date", "datetime"})
"""Arguments that are times: a day, an instant, or an interval of two with `/` between them."""


def check_time(name: str, value: Any) -> None:
    """Refuse a text that is no time where the argument is one; other arguments pass.

    Raises:
        ConfigError: it is none.
    """
    if name not in _TIMES or not isinstance(value, str):
        return
    parts = value.split("/")
    try:
        for part in parts:
            if part not in ("", "..") or len(parts) != 2:
                dt.datetime.fromisoformat(part)
        if len(parts) > 2:
            raise ValueError
    except ValueError:
        raise ConfigError(
            f"{name} is not a date: {value[:60]!r}; write 2024-05-27, 2024-05-27T06:50:00Z, or two with '/' between"
        ) from None


def as_list(name: str, value: Any) -> Any:
    """Return the value of an argument that takes a list; None stays None.

    Raises:
        ConfigError: it is a single text or mapping, which Python would take apart into letters or keys, or a box that
            is none.
    """
    _require_list(name, value)
    if name == "bbox" and value is not None:
        _check_box(list(value))
    return value


def rows_of(name: str, rows: Any, model: type[Any]) -> Any:
    """Return the objects of a list argument as mappings; None stays None.

    Args:
        name: name of the argument.
        rows: instances of `model`, or mappings with its members by wire name.

    Raises:
        ConfigError: no list, an element of another type, or one that lacks required members, which are all named.
    """
    _require_list(name, rows)
    return rows and [_row(f"{name}[{number}]", row, model) for number, row in enumerate(rows)]


def _row(where: str, row: Any, model: type[Any]) -> dict[str, Any]:
    if isinstance(row, model):
        row = row.to_dict()
    if not isinstance(row, Mapping):
        raise ConfigError(f"{where} is a {model.__name__} or a mapping of its members, not {_describe(row)}")
    fields = {each.metadata.get("wire", each.name): each for each in attrs.fields(model)}
    needed = [name for name, each in fields.items() if each.default is attrs.NOTHING]
    if missing := [name for name in needed if row.get(name) in (None, "")]:
        raise ConfigError(f"{where} lacks {', '.join(missing)}; `{model.__name__}` describes each")
    for name, value in row.items():
        check_time(name, value)
    writes = {name: each.metadata["write"] for name, each in fields.items() if "write" in each.metadata}
    return {name: writes[name](value) if name in writes else value for name, value in row.items()}


def _require_list(name: str, value: Any) -> None:
    if isinstance(value, str | bytes | bytearray | Mapping) or attrs.has(type(value)):
        raise ConfigError(f"{name} takes a list: give [value], not a single {type(value).__name__}")


def _check_box(box: list[Any]) -> None:
    """Refuse a bounding box that is not west, south, east, north in degrees; west above east crosses 180 degrees."""
    if len(box) not in (4, 6) or any(isinstance(each, bool) or not isinstance(each, int | float) for each in box):
        raise ConfigError(f"bbox is four numbers: west, south, east, north in degrees, not {str(box)[:80]}")
    half = len(box) // 2
    (west, south), (east, north) = box[:2], box[half : half + 2]
    _check_degrees([west, south])
    _check_degrees([east, north])
    if south > north:
        raise ConfigError(f"bbox has its south ({south}) above its north ({north}): give west, south, east, north")


def _check_degrees(position: Any) -> None:
    longitude, latitude = position[0], position[1]
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        raise ConfigError(
            f"({longitude}, {latitude}) is not longitude and latitude in degrees; are these projected coordinates, or "
            "latitude first? GeoJSON takes longitude, latitude in WGS 84 (EPSG:4326)"
        )


_DEPTHS = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}
"""Levels of lists around a position, by type of geometry."""


def _check_geometry(shape: Any, where: str = "the geometry") -> None:
    """Refuse a geometry that is null, empty, no GeoJSON, or not in degrees."""
    if not isinstance(shape, Mapping):
        raise ConfigError(f"{where} is {'missing' if shape is None else 'no object'}: a geometry is needed here")
    kind = shape.get("type")
    if kind == "GeometryCollection":
        parts = shape.get("geometries")
        if not isinstance(parts, list) or not parts:
            raise ConfigError(f"{where} is empty")
        for part in parts:
            _check_geometry(part, where)
        return
    if kind not in _DEPTHS:
        raise ConfigError(f"{where} has the type {str(kind)[:40]!r}; known are {', '.join(_DEPTHS)}")
    level: list[Any] = [shape.get("coordinates")]
    try:
        for _ in range(_DEPTHS[kind]):
            if not level or not all(level):
                raise ConfigError(f"{where} is empty: it has no coordinates")
            level = [inner for outer in level for inner in outer]
        for position in level:
            if not position:
                raise ConfigError(f"{where} is empty: it has no coordinates")
            longitude, latitude = position[0], position[1]
            if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
                _check_degrees(position)
    except (TypeError, IndexError, KeyError):
        raise ConfigError(f"{where} is a {kind} whose coordinates are not lists of numbers") from None


def geometry_of(value: Any) -> Any:
    """Return a bare GeoJSON geometry from a geometry, a feature or a collection of one; None stays None.

    Raises:
        ConfigError: it is none of these, is null or empty, or is not in degrees.
    """
    if value is None:
        return None
    shape = _geojson(value)
    if shape["type"] == "FeatureCollection":
        features = shape.get("features") or []
        if len(features) != 1:
            raise ConfigError(f"one geometry is needed here, not a collection of {len(features)} features")
        shape = features[0]
    if isinstance(shape, Mapping) and shape.get("type") == "Feature":
        _check_geometry(shape.get("geometry"), "the geometry of the feature")
        return _Wire(shape["geometry"])
    _check_geometry(shape)
    return _Wire(shape)


def feature_collection(value: Any) -> Any:
    """Return a GeoJSON FeatureCollection from a geometry, a feature or a collection; None stays None.

    Raises:
        ConfigError: it is none of these.
    """
    if value is None:
        return None
    if attrs.has(type(value)) and hasattr(value, "features"):
        return value.to_dict()
    shape = _geojson(value)
    if shape["type"] == "FeatureCollection":
        features = shape.get("features")
        if not isinstance(features, list) or not features:
            raise ConfigError("the collection has no features: a geometry is needed here")
        for feature in features:
            geometry = feature.get("geometry") if isinstance(feature, Mapping) else None
            _check_geometry(geometry, "the geometry of a feature")
        return shape
    _check_geometry(shape.get("geometry") if shape["type"] == "Feature" else shape)
    feature = shape if shape["type"] == "Feature" else {"type": "Feature", "geometry": shape, "properties": {}}
    return _Wire({"type": "FeatureCollection", "features": [feature]})


def _geojson(value: Any) -> dict[str, Any]:
    """Return a value that users give for a geometry as GeoJSON; texts are no paths, since they may come from others."""
    if isinstance(value, PathLike):
        value = read_shape(value)
    shape = to_wire(value if isinstance(value, Mapping) else geojson_of(value))
    if isinstance(shape, dict) and isinstance(shape.get("type"), str):
        return to_wire(in_degrees(shape)) if "crs" in shape else shape
    raise ConfigError(
        f"a geometry is GeoJSON, well-known text, four numbers, the Path of a file, or has __geo_interface__, which "
        f"{type(value).__name__} does not"
    )


def require_one(body: dict[str, Any], *names: str, each: str = "") -> dict[str, Any]:
    """Return the body if exactly one of the members is given; `each` names the list whose rows are checked instead.

    Raises:
        ConfigError: none, or more than one, is given.
    """
    for row in as_list(each, body.get(each, [None])) if each else [body]:
        given = [name for name in names if isinstance(row, dict) and row.get(name)]
        if len(given) != 1:
            raise ConfigError(f"give exactly one of {' and '.join(names)}, not {len(given)}")
    return body


def require_when(body: dict[str, Any], name: str, **condition: str) -> dict[str, Any]:
    """Return the body unless `name` is missing while the other member has that value.

    Raises:
        ConfigError: it is missing.
    """
    for other, value in condition.items():
        if body.get(other) == value and name not in body:
            raise ConfigError(f"{name} is needed when {other} is {value!r}")
    return body
